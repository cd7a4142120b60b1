import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Implementation } from '../support/ensemble.ts';
import { apache38, apache39, ours, PROJECT_ROOT } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { missing, Writer } from '../support/writer.ts';
import { expectAgreement } from './agreement.ts';

// An ensemble changes its implementation one server at a time, and back, on the same data directories, and its clients
// notice a reconnect at the most.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

/** kazoo, counting up a znode and watching it until its input is closed; it prints what it saw lost, if anything. */
class KazooWitness {
  readonly #child: ChildProcessWithoutNullStreams;
  output = '';

  constructor(hosts: string) {
    this.#child = spawn('/usr/bin/python3', [`${PROJECT_ROOT}/test/compat/kazoo_stories.py`, 'witness', hosts]);
    this.#child.stdout.on('data', (text: Buffer) => (this.output += text.toString()));
    this.#child.stderr.on('data', (text: Buffer) => (this.output += text.toString()));
  }

  async end(): Promise<string> {
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
    return this.output;
  }
}

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
  const kazoo = new KazooWitness(zk.connectString);
  await until('kazoo at work', () => kazoo.output.includes('watching'));

  for (const implementation of [ours, apache]) {
    for (const member of zk.members) {
      await writer.reached(30);
      await zk.kill(member, 'SIGTERM');
      await writer.reached(30);
      member.implementation = implementation;
      zk.startMember(member);
      await zk.settled();
    }
    await writer.reached(100);
  }
  await writer.stop();
  expect(await kazoo.end()).toMatch(/witness: ok/);
  expect(states).not.toContain('expired');
  await client.sync('/');
  expect(await missing(client, ['/alive', ...writer.acknowledged])).toEqual([]);
  await client.close();
  await expectAgreement(zk);
  console.log(`${writer.acknowledged.length} writes acknowledged, longest gap ${Math.round(writer.longestGap)} ms`);
});
