import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { hex } from '@zk/protocol';
import { dumpTree } from '../support/dump-tree.ts';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { missing, Writer } from '../support/writer.ts';
import { zkServer } from '../support/zk-server-tool.ts';

// The tools on the directories of real servers: while they run, and after bit rot.
const ensembles: Ensemble[] = [];
let target: string;
beforeEach(() => {
  target = mkdtempSync(join(tmpdir(), 'zk-backup-'));
});
afterEach(async () => {
  for (const zk of ensembles.splice(0)) await zk.stop();
  rmSync(target, { recursive: true });
});

const serverOf = (member: Member): string => `127.0.0.1:${member.clientPort}`;

async function standalone(): Promise<{ zk: Ensemble; member: Member }> {
  const zk = await Ensemble.create({ implementations: [ours], extra: ['snapCount=70'] });
  ensembles.push(zk);
  return { zk, member: zk.members[0] as Member };
}

async function started(zk: Ensemble, member: Member): Promise<ZooKeeper> {
  zk.startMember(member);
  await zk.settled();
  return ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 20_000 });
}

test('backups of a running server have everything acknowledged before them, and go back to any txn', async () => {
  const { zk, member } = await standalone();
  const client = await started(zk, member);
  await client.create('/w');
  const writer = new Writer(client, '/w').start();
  let acknowledged: string[] = [];
  for (let run = 0; run < 3; run++) {
    await writer.reached(100);
    acknowledged = [...writer.acknowledged];
    expect(await zkServer('backup', member.configFile, target)).toMatchObject({ code: 0, stderr: '' });
  }
  await writer.stop();
  const middle = acknowledged[Math.floor(acknowledged.length / 2)] as string;
  const { stat } = await client.getData(middle);
  await client.close();
  await zk.kill(member);
  expect(await zkServer('log', 'verify', target)).toMatchObject({ code: 0, stderr: '' });

  const { zk: latest, member: restored } = await standalone();
  expect(await zkServer('restore', target, restored.dataDir, '--yes')).toMatchObject({ code: 0, stderr: '' });
  const reader = await started(latest, restored);
  expect(await missing(reader, acknowledged)).toEqual([]);
  await reader.close();

  const { zk: earlier, member: past } = await standalone();
  expect(await zkServer('restore', '--at', hex(stat.czxid), target, past.dataDir, '--yes')).toMatchObject({ code: 0, stderr: '' });
  const historian = await started(earlier, past);
  const { children } = await historian.getChildren('/w');
  expect(children.map((name) => `/w/${name}`).sort()).toEqual(acknowledged.slice(0, acknowledged.indexOf(middle) + 1).sort());
  await historian.close();
}, 120_000);

test('three members that are given the same restored data agree on it, whoever starts first, and no zxid is used twice', async () => {
  const zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  ensembles.push(zk);
  const leader = await zk.settled();
  const client = await ZooKeeper.connect(serverOf(leader), { sessionTimeoutMs: 20_000 });
  await client.create('/kept', 'before');
  const { stat } = await client.getData('/kept');
  await client.setData('/kept', 'after');
  expect(await zkServer('backup', leader.dataDir, target)).toMatchObject({ code: 0, stderr: '' });
  const highest = (await client.setData('/kept', 'later')).mzxid;
  await client.close();
  await zk.stop();

  const again = await Ensemble.create({ implementations: [ours, ours, ours] });
  ensembles.push(again);
  for (const member of again.members) expect(await zkServer('restore', '--at', hex(stat.mzxid), target, member.dataDir, '--yes')).toMatchObject({ code: 0, stderr: '' });
  for (const member of again.members) again.startMember(member);
  const restoredLeader = await again.settled();
  const writer = await ZooKeeper.connect(serverOf(restoredLeader), { sessionTimeoutMs: 20_000 });
  expect(String((await writer.getData('/kept')).data)).toBe('before');
  expect((await writer.setData('/kept', 'new life')).mzxid).toBeGreaterThan(highest);
  await writer.close();
  const trees = await Promise.all(again.members.map((member) => dumpTree(serverOf(member))));
  expect(trees[1]).toEqual(trees[0]);
  expect(trees[2]).toEqual(trees[0]);
}, 120_000);

/** Bit rot in whichever log holds this text. */
function flipByteOf(member: Member, text: string): void {
  const directory = join(member.dataDir, 'version-2');
  for (const name of readdirSync(directory).filter((one) => one.startsWith('log.'))) {
    const content = readFileSync(join(directory, name));
    const at = content.indexOf(text);
    if (at < 0) continue;
    content[at] = (content[at] as number) ^ 0x10;
    return writeFileSync(join(directory, name), content);
  }
  throw new Error(`${text} is in no log`);
}

test('the server refuses damage with a command that repairs it; then it starts', async () => {
  const { zk, member } = await standalone();
  const client = await started(zk, member);
  await client.create('/a');
  for (let i = 0; i < 50; i++) await client.create(`/a/n${i}`, `value of ${i}`);
  await client.close();
  await zk.kill(member);
  flipByteOf(member, 'value of 30');

  zk.startMember(member);
  expect(await member.process?.ended()).toBe(1);
  const command = /^ {2}zk-server (log repair \S+)$/m.exec(member.process?.output ?? '')?.[1]?.split(' ') ?? [];
  const plan = await zkServer(...command);
  expect(plan).toMatchObject({ code: 1, stderr: '' });
  expect(plan.stdout).toMatch(/LOST: \d+ txns that can be read but not kept/);
  expect(await zkServer(...command, '--accept-loss', '--yes')).toMatchObject({ code: 0, stderr: '' });
  const reader = await started(zk, member);
  const { children } = await reader.getChildren('/a');
  expect(children.sort()).toEqual(Array.from({ length: 30 }, (_, i) => `n${i}`).sort());
  const busy = await zkServer('log', 'truncate', member.dataDir, '--at', '0x5', '--yes');
  await reader.close();
  expect(busy.code).toBe(1);
}, 120_000);
