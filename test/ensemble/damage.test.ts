import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { dumpTree, treeDifferences } from '../support/dump-tree.ts';
import { modeOf } from '../support/four-letter-word.ts';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { until } from '../support/until.ts';

// Bit rot in the middle of a log: what was acknowledged may be in the part that cannot be read any more.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

/** Restarts of several processes, and seconds of waiting that belong to the story. */
const TIMEOUT_MS = 120_000;

const serverOf = (member: Member): string => `127.0.0.1:${member.clientPort}`;
const version2 = (member: Member): string => join(member.dataDir, 'version-2');

/** Creates znodes, one txn each; every member that runs has logged them when it resolves. */
async function createMany(member: Member, parent: string, count: number): Promise<void> {
  const client = await ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 20_000 });
  await client.create(parent);
  await Promise.all(Array.from({ length: count }, (_, i) => client.create(`${parent}/n${i}`, `value of ${i}`)));
  await client.close();
  await zk?.level();
}

const logsOf = (member: Member): string[] => readdirSync(version2(member)).filter((name) => name.startsWith('log.')).map((name) => join(version2(member), name));
const newestLog = (member: Member): string => logsOf(member).sort((a, b) => zxidIn(a) - zxidIn(b)).at(-1) as string;
const zxidIn = (path: string): number => Number(`0x${path.slice(path.lastIndexOf('.') + 1)}`);

/** Changes a byte in the middle of what the member has logged; returns the file. */
function damage(member: Member): string {
  const log = logsOf(member).sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0] as string;
  const content = readFileSync(log);
  const at = content.lastIndexOf('value of 50');
  expect(at).toBeGreaterThan(0);
  content[at] = (content[at] as number) ^ 0x10;
  writeFileSync(log, content);
  return log;
}

const output = (member: Member): string => member.process?.output ?? '';

test('a follower with a damaged log rejoins by itself, by a snapshot, and keeps the damaged files', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const leader = await zk.settled();
  const follower = zk.members.find((member) => member !== leader) as Member;
  await createMany(leader, '/a', 100);
  await zk.kill(follower);
  const log = damage(follower);
  const damaged = readFileSync(log);

  zk.startMember(follower);
  await zk.settled();
  expect(output(follower)).toMatch(/log\.\w+: CRC check failed \(offset \d+, last good zxid 0x\w+\): this member does not vote or lead/);
  expect(output(follower)).toMatch(/"side":"learner"[^\n]*"op":"SNAP"/);
  const trees = new Map<string, Awaited<ReturnType<typeof dumpTree>>>();
  for (const member of zk.members) trees.set(serverOf(member), await dumpTree(serverOf(member)));
  expect(treeDifferences(trees)).toEqual([]);
  const aside = readdirSync(version2(follower)).find((name) => name.startsWith('damaged.')) as string;
  expect(readFileSync(join(version2(follower), aside, log.slice(version2(follower).length + 1)))).toEqual(damaged);

  // It counts again: it and one other make a quorum, also after a restart.
  await zk.kill(follower);
  zk.startMember(follower);
  await zk.kill(leader);
  await zk.settled();
  await createMany(follower, '/b', 10);
}, TIMEOUT_MS);

test('two of three with damaged logs form no quorum, neither with each other nor with the third', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const [first, second, third] = zk.members as [Member, Member, Member];
  await createMany(third, '/a', 100);
  await Promise.all(zk.members.map((member) => zk?.kill(member)));
  const undamaged = readFileSync(damage(first));
  damage(second);
  for (const member of zk.members) zk.startMember(member);
  // The third cannot know whether the others had acknowledged more than it has: a person has to decide.
  await until('seven seconds of waiting', () => /waiting for other members[^\n]*\n[^]*waiting for other members[^\n]*\n[^]*waiting for other members/.test(output(third)), 60_000);
  expect(await Promise.all(zk.members.map((member) => modeOf(member.clientPort)))).toEqual([undefined, undefined, undefined]);
  expect(readdirSync(version2(first)).some((name) => name.startsWith('damaged.'))).toBe(false);

  // The log of one of them is put back from a backup: then there are two who know, and the other is given everything.
  await zk.kill(first);
  const log = join(version2(first), readdirSync(version2(first)).filter((name) => name.startsWith('log.')).sort()[0] as string);
  undamaged[undamaged.lastIndexOf(Buffer.from('alue of 50')) - 1] = 'v'.charCodeAt(0);
  writeFileSync(log, undamaged);
  zk.startMember(first);
  await zk.settled();
  expect(treeDifferences(new Map([['first', await dumpTree(serverOf(first))], ['second', await dumpTree(serverOf(second))]]))).toEqual([]);
}, TIMEOUT_MS);

test('a deposed leader that is to forget what only it has, and finds its log damaged, rejoins by a snapshot without a restart', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const [first, second, third] = zk.members as [Member, Member, Member];
  await createMany(third, '/a', 100);
  const client = await ZooKeeper.connect(serverOf(third), { sessionTimeoutMs: 20_000 });
  for (const member of [first, second]) member.process?.signal('SIGSTOP');
  const never = client.create('/only-here').catch(() => 'refused');
  await until('the third has logged it', () => readFileSync(newestLog(third)).includes('/only-here'));
  third.process?.signal('SIGSTOP');
  await Promise.all([first, second].map((member) => zk?.kill(member)));
  zk.startMember(first);
  zk.startMember(second);
  await until('a leader without it', async () => (await Promise.all([first, second].map((member) => modeOf(member.clientPort)))).includes('leader'));
  damage(third);
  const before = output(third).length;
  const said = (): string => output(third).slice(before);
  third.process?.signal('SIGCONT');
  await until('the third has the tree of its leader', () => /"side":"learner"[^\n]*"op":"SNAP"/.test(said()));
  await zk.settled();
  expect(said()).toMatch(/"side":"learner"[^\n]*"op":"TRUNC"/);
  expect(said()).toMatch(/CRC check failed \(offset \d+, last good zxid 0x\w+\): this member does not vote or lead/);
  expect(await never).toBe('refused');
  await client.close();
  const trees = new Map<string, Awaited<ReturnType<typeof dumpTree>>>();
  for (const member of zk.members) trees.set(serverOf(member), await dumpTree(serverOf(member)));
  expect(treeDifferences(trees)).toEqual([]);
  expect(trees.get(serverOf(third))?.has('/only-here')).toBe(false);
}, TIMEOUT_MS);
