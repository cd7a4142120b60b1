import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { run } from '../support/client-program.ts';
import { Ensemble, type Implementation, type Member } from '../support/ensemble.ts';
import { modeOf } from '../support/four-letter-word.ts';
import { apache39, ours, PROJECT_ROOT } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { missing, Writer } from '../support/writer.ts';
import { expectAgreement, serverOf } from './agreement.ts';

// What one implementation leaves in its directory, the other starts from: also when it left in a hurry.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const exchanged = (implementation: Implementation): Implementation => (implementation === ours ? apache39 : ours);
const version2 = (member: Member): string => join(member.dataDir, 'version-2');
const epochsOf = (member: Member): string[] => ['acceptedEpoch', 'currentEpoch'].map((name) => readFileSync(join(version2(member), name), 'utf8').trim());

async function createThrough(member: Member, path: string): Promise<void> {
  const client = await ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });
  await client.create(path);
  await client.close();
}

test('kill -9, and the other implementation starts on what is left: one member after another, then all at once', { timeout: 120_000 }, async () => {
  zk = await Ensemble.start({ implementations: [apache39, ours, apache39], extra: ['reconfigEnabled=true'] });
  const client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  await client.create('/w');
  await client.create('/alive', null, { mode: 'ephemeral' });
  const writer = new Writer(client, '/w').start();
  for (const member of zk.members) {
    await writer.reached(30);
    await zk.kill(member);
    member.implementation = exchanged(member.implementation);
    zk.startMember(member);
    await zk.settled();
  }
  await writer.reached(100);
  await Promise.all(zk.members.map((member) => zk?.kill(member)));
  for (const member of zk.members) {
    member.implementation = exchanged(member.implementation);
    zk.startMember(member);
  }
  await zk.settled();
  await writer.reached(30);
  await writer.stop();
  await client.sync('/');
  expect(await missing(client, ['/alive', ...writer.acknowledged])).toEqual([]);
  await client.close();
  await expectAgreement(zk);
  const epochs = zk.members.flatMap(epochsOf);
  expect(new Set(epochs)).toEqual(new Set([epochs[0]]));
  for (const { configFile } of zk.members) {
    expect(readFileSync(configFile, 'utf8')).toContain(`dynamicConfigFile=${configFile}.dynamic.`);
    expect(existsSync(`${configFile}.dynamic.next`)).toBe(false);
  }
});

describe.each<[string, Implementation, Implementation]>([
  ['ours among Apache servers', ours, apache39],
  ['Apache among ours', apache39, ours],
])('an empty directory where data was expected (db.autocreate=false): %s', (_title, kind, others) => {
  test('does not vote until it was given the data, unless it was initialised', async () => {
    zk = await Ensemble.create({ implementations: [others, others, kind], extra: ['db.autocreate=false'] });
    const [first, second, third] = zk.members as [Member, Member, Member];
    for (const { dataDir } of [first, second]) writeFileSync(join(dataDir, 'initialize'), ''); // what Apache's script does
    rmSync(third.dataDir, { recursive: true });
    await run(process.execPath, [join(PROJECT_ROOT, 'zk-server.js'), 'init', third.configFile, '--myid', '3']);
    for (const member of zk.members) zk.startMember(member);
    await zk.settled();
    for (const { dataDir } of zk.members) expect(existsSync(join(dataDir, 'initialize'))).toBe(false);
    await createThrough(third, '/a');

    await zk.kill(third);
    await zk.kill(second);
    rmSync(version2(third), { recursive: true });
    const epochs = epochsOf(first);
    const told = first.process?.output.length;
    zk.startMember(third); // it and the first would be a quorum, if it could vouch for anything
    const inVain = kind === ours ? third : first;
    await until('a second of looking for a leader', () => inVain.process?.output.slice(kind === ours ? 0 : told).includes('waiting for other members'));
    expect(await Promise.all([first, third].map((member) => modeOf(member.clientPort)))).toEqual([undefined, undefined]);
    expect(epochsOf(first)).toEqual(epochs);

    zk.startMember(second);
    await zk.settled();
    expect(readdirSync(version2(third)).some((name) => name.startsWith('snapshot.'))).toBe(true);
    await zk.kill(second); // now its vote counts
    await zk.settled();
    await createThrough(third, '/b');
    zk.startMember(second);
    await zk.settled();
    await expectAgreement(zk);
  });
});
