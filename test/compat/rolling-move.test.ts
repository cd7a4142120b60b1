import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { ClientProgram, javaProgram } from '../support/client-program.ts';
import { Ensemble, type Implementation } from '../support/ensemble.ts';
import { APACHE_39_JARS, apache38, apache39, ours, PROJECT_ROOT } from '../support/implementations.ts';
import { missing, Writer } from '../support/writer.ts';
import { expectAgreement } from './agreement.ts';

// An ensemble changes its implementation one server at a time, and back, on the same data directories, and its clients
// notice a reconnect at the most.
let zk: Ensemble | undefined;
let witnesses: ClientProgram[] = [];
let build: string;
beforeAll(() => {
  build = mkdtempSync(join(tmpdir(), 'zk-witness-'));
});
afterEach(async () => {
  for (const witness of witnesses) witness.kill();
  await zk?.stop();
});
afterAll(() => rmSync(build, { recursive: true, force: true }));

// Each counts up a znode and watches it until it is told to stop, and ends with 0 unless something was lost.
const kazooWitness = (hosts: string): ClientProgram => new ClientProgram('/usr/bin/python3', [`${PROJECT_ROOT}/test/compat/kazoo_stories.py`, 'witness', hosts]);
const javaWitness = (hosts: string): Promise<ClientProgram> =>
  javaProgram(`${PROJECT_ROOT}/test/compat/clients/java/RollingMove.java`, build, `${APACHE_39_JARS}/*`, [hosts]);

test.each<[string, Implementation]>([
  ['Apache 3.9.5 → ours → Apache 3.9.5', apache39],
  ['Apache 3.8.0 → ours → Apache 3.8.0', apache38],
])('%s, one server at a time, under writes and watches', { timeout: 240_000 }, async (_title, apache) => {
  zk = await Ensemble.start({ implementations: [apache, apache, apache] });
  const client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  const states: string[] = [];
  client.on('state', (state) => states.push(state));
  await client.create('/w');
  await client.create('/alive', null, { mode: 'ephemeral' });
  const writer = new Writer(client, '/w').start();
  witnesses = [kazooWitness(zk.connectString), await javaWitness(zk.connectString)];
  for (const witness of witnesses) await witness.says('watching');

  let leader = await zk.settled();
  for (const implementation of [ours, apache]) {
    for (const member of zk.members) {
      await writer.reached(30);
      await zk.kill(member, 'SIGTERM');
      await writer.reached(30);
      member.implementation = implementation;
      zk.startMember(member);
      const leaderNow = await zk.settled();
      if (member !== leader) expect(leaderNow).toBe(leader); // nobody was without one, then
      leader = leaderNow;
    }
    await writer.reached(100);
  }
  await writer.stop();
  for (const witness of witnesses) {
    witness.tell('enough');
    witness.close();
    await witness.succeeds();
  }
  expect(states).not.toContain('expired');
  await client.sync('/');
  expect(await missing(client, ['/alive', ...writer.acknowledged])).toEqual([]);
  await client.close();
  await expectAgreement(zk);
  const others = witnesses.map(({ output }) => /^\d+ writes$/m.exec(output)?.[0]);
  console.log(`${writer.acknowledged.length} writes acknowledged, longest gap ${Math.round(writer.longestGap)} ms; kazoo ${others[0]}, Java ${others[1]}`);
});
