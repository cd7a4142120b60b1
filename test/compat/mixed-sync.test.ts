import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Implementation, type Member } from '../support/ensemble.ts';
import { apache38, apache39, ours } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { expectAgreement, isApache, serverOf } from './agreement.ts';

// How a member of either kind is brought up to date by a leader of the other kind.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const connect = (member: Member): Promise<ZooKeeper> => ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 20_000 });

/** `count` znodes below `parent`, created a hundred a multi. */
async function createMany(client: ZooKeeper, parent: string, count: number): Promise<void> {
  const size = 100;
  await client.create(parent);
  const batches = Array.from({ length: Math.ceil(count / size) }, (_, batch) =>
    Array.from({ length: Math.min(size, count - batch * size) }, (_, i) => ({
      op: 'create' as const,
      path: `${parent}/n${batch * size + i}`,
      data: `value of ${batch * size + i}`,
    })),
  );
  while (batches.length > 0) await Promise.all(batches.splice(0, 16).map((ops) => client.multi(ops)));
}

/** The way the member was last synced, as it says itself. */
function syncedBy(member: Member): string | undefined {
  const pattern = isApache(member)
    ? /Getting a (diff|snapshot) from|(Truncating log) to get in sync/g
    : /"side":"learner"[^\n]*"op":"(DIFF|SNAP|TRUNC)"/g;
  const last = [...(member.process?.output ?? '').matchAll(pattern)].at(-1);
  const word = last?.[1] ?? last?.[2];
  return word && { diff: 'DIFF', snapshot: 'SNAP', 'Truncating log': 'TRUNC' }[word] || word;
}

/** Whether a txn that names this path is in the log of a member of either kind. */
function hasLogged(member: Member, path: string): boolean {
  const directory = join(member.dataDir, 'version-2');
  const logs = readdirSync(directory).filter((name) => name.startsWith('log.'));
  return logs.some((name) => readFileSync(join(directory, name)).includes(path));
}

const pairs: [string, Implementation[]][] = [
  ['one of ours joins an Apache 3.9.5 leader', [ours, apache39, apache39]],
  ['an Apache 3.9.5 joins a leader of ours', [apache39, ours, ours]],
  ['one of ours joins an Apache 3.8.0 leader', [ours, apache38, apache38]],
  ['an Apache 3.8.0 joins a leader of ours', [apache38, ours, ours]],
];

describe('an empty server and 100,000 znodes', () => {
  test.each(pairs.slice(0, 2))('SNAP: %s', async (_title, implementations) => {
    zk = await Ensemble.create({ implementations });
    const [joiner, second, third] = zk.members as [Member, Member, Member];
    zk.startMember(third);
    zk.startMember(second);
    const leader = await zk.settled();
    const client = await connect(leader);
    await createMany(client, '/many', 100_000);
    await client.close();
    zk.startMember(joiner);
    await zk.settled();
    expect(syncedBy(joiner)).toBe('SNAP');
    expect((await expectAgreement(zk)).size).toBeGreaterThan(100_000);
  });
});

describe.each(pairs)('%s', (_title, implementations) => {
  test('DIFF: it missed 300 txns', async () => {
    zk = await Ensemble.start({ implementations });
    const [joiner, , leader] = zk.members as [Member, Member, Member];
    const client = await connect(leader);
    await client.create('/d');
    await zk.kill(joiner);
    await Promise.all(Array.from({ length: 300 }, (_, i) => client.create(`/d/n${i}`, String(i))));
    await client.close();
    zk.startMember(joiner);
    await zk.settled();
    expect(syncedBy(joiner)).toBe('DIFF');
    await expectAgreement(zk);
  });
});

const deposed: [string, Implementation[]][] = [
  ['one of ours is cut back by an Apache 3.9.5 leader', [apache39, apache39, ours]],
  ['an Apache 3.9.5 is cut back by a leader of ours', [ours, ours, apache39]],
];

describe.each(deposed)('%s', (_title, implementations) => {
  test('TRUNC: a deposed leader with an uncommitted tail', async () => {
    zk = await Ensemble.start({ implementations });
    const [first, second, old] = zk.members as [Member, Member, Member];
    expect((await zk.settled()).sid).toBe(old.sid);
    const client = await connect(old);
    await client.create('/committed', '1');
    await Promise.all([zk.kill(first), zk.kill(second)]);
    // Its followers are gone and it does not know yet: it logs these, and no quorum ever has them.
    const tail = Array.from({ length: 5 }, (_, i) => client.create(`/tail${i}`));
    const lost = Promise.allSettled(tail);
    await until('the tail in the log of the old leader', () => hasLogged(old, '/tail4'));
    await zk.kill(old);
    await client.close();
    expect((await lost).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    zk.startMember(first);
    zk.startMember(second);
    await zk.settled();
    zk.startMember(old);
    await zk.settled();
    expect(syncedBy(old)).toBe('TRUNC');
    const tree = await expectAgreement(zk);
    expect([...tree.keys()].filter((path) => path.startsWith('/tail'))).toEqual([]);
    expect(tree.has('/committed')).toBe(true);
  });
});

describe('an observer of each kind', () => {
  test.each<[string, Implementation[]]>([
    ['ours observes an Apache 3.9.5 leader', [apache39, ours, apache39, ours]],
    ['an Apache 3.9.5 observes a leader of ours', [ours, apache39, ours, apache39]],
  ])('%s', async (_title, implementations) => {
    zk = await Ensemble.start({ implementations, observers: [4] });
    const observer = zk.member(4);
    const client = await connect(observer);
    await client.create('/o', 'through the observer');
    await client.create('/o/e', null, { mode: 'ephemeral' });
    const other = await connect(zk.member(1));
    await other.sync('/');
    const seen: string[] = [];
    await client.getData('/o', { watch: (event) => seen.push(event.type) });
    await other.setData('/o', 'changed');
    await client.sync('/o');
    expect(String((await client.getData('/o')).data)).toBe('changed');
    expect(seen).toEqual(['NodeDataChanged']);
    await expectAgreement(zk);
    await client.close();
    await other.sync('/');
    expect(await other.exists('/o/e')).toBeNull();
    await other.close();
  });
});
