import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPEN_ACL, OpCode, READ_ACL, type Txn } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { capture, Checkpoint } from './checkpoint.ts';
import { historiesAfter, treeFacts } from './model.ts';
import { applying, askingForAll, askingForOne, FIRST, reading, Twins, type SharedStep } from './twins.ts';
import { ALICE, Applier, options, treeAfter } from './txns.ts';

/** What may happen to a tree besides txns. */
type Step = SharedStep | { kind: 'checkpoint'; pace: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: applying },
    { weight: 3, arbitrary: reading },
    { weight: 3, arbitrary: askingForOne },
    { weight: 1, arbitrary: askingForAll },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), pace: fc.nat(2) }) },
  ),
  { maxLength: 30 },
);

/** The partial tree was begun from the checkpoint of one that had seen the same txns as the other, which has never stopped. */
class RestartedTwins extends Twins {
  readonly checkpoint: Checkpoint;

  constructor(txns: readonly Txn[], before: number) {
    const checkpoint = new Checkpoint();
    checkpoint.enter(capture(treeAfter(txns.slice(0, before)), null));
    super(txns, before, treeAfter(txns.slice(0, before)), checkpoint.restart().tree);
    this.checkpoint = checkpoint;
  }

  override take(step: Step): void {
    if (step.kind === 'checkpoint') this.#checkpoint(step.pace);
    else super.take(step);
  }

  /** While it is taken, txns go on, and so does the reading. It is as of its beginning all the same. */
  #checkpoint(pace: number): void {
    const facts = treeFacts(this.whole);
    const changes = capture(this.partial, this.checkpoint.mark);
    expect(changes.isWhole).toBe(false);
    this.checkpoint.enter(changes, () => {
      this.apply(pace);
      this.partial.readMore(pace);
    });
    const copy = this.checkpoint.tree;
    expect([treeFacts(copy), copy.imageMismatch, this.checkpoint.totals?.nodes]).toEqual([facts, undefined, copy.nodeCount]);
  }
}

test('a tree that reads through to its checkpoint cannot be told from one that never stopped', () => {
  fc.assert(
    fc.property(historiesAfter(FIRST), fc.nat(20), steps, (txns, before, steps) => {
      const twins = new RestartedTwins(txns, FIRST.length + before);
      for (const step of steps) twins.take(step);
      twins.take({ kind: 'sums' });
      twins.same(treeFacts); // this reads everything
      expect(twins.partial.isReading).toBe(false);
      twins.take({ kind: 'sums' });
      twins.apply(Infinity);
      twins.same(treeFacts);
      // And the next one is begun from what all this has left in the checkpoint.
      twins.checkpoint.enter(capture(twins.partial, twins.checkpoint.mark));
      expect(treeFacts(twins.checkpoint.restart().tree)).toEqual(treeFacts(twins.whole));
    }),
    { numRuns: Number(process.env['ZK_READ_THROUGH_ROUNDS'] ?? 300) },
  );
});

test('the image sent to a learner is the same, also when only some of the tree was in memory', () => {
  fc.assert(
    fc.property(historiesAfter(FIRST), fc.nat(20), fc.nat(20), (txns, before, read) => {
      const twins = new RestartedTwins(txns, FIRST.length + before);
      twins.partial.readMore(read);
      twins.apply(Infinity);
      twins.take({ kind: 'image' });
    }),
  );
});

/** A tree with something of everything, and the checkpoint it was begun from. */
function restarted(): { tree: DataTree; zk: Applier; checkpoint: Checkpoint; source: ReturnType<Checkpoint['restart']>['source'] } {
  const first = new Applier(new DataTree(options));
  for (const path of ['/a', '/a/b', '/a/b/c', '/a/d', '/e']) first.create(path, `data of ${path}`);
  first.create('/e/acl', '', { acl: READ_ACL });
  first.create('/e/ephemeral', '', { ephemeral: true });
  const checkpoint = new Checkpoint();
  checkpoint.enter(capture(first.tree, null));
  return { ...checkpoint.restart(), get zk() { return new Applier(this.tree); }, checkpoint };
}

describe('only what is needed is read', () => {
  test('a lookup reads the way to its znode, and the sums are there from the beginning', () => {
    const { tree, source } = restarted();
    const asked: string[] = [];
    const { find } = source;
    source.find = (path) => (asked.push(path), find.call(source, path));
    expect([tree.nodeCount, tree.ephemeralCount, tree.isReading]).toEqual([11, 1, true]);
    expect(tree.node('/a/b/c')?.data?.toString()).toBe('data of /a/b/c');
    expect(tree.node('/a/b/c')?.numChildren).toBe(0);
    expect(tree.node('/a')?.numChildren).toBe(2);
    expect(tree.node('/a/b/c/none')).toBeUndefined(); // it has no children: nobody need be asked
    expect(asked).toEqual(['/a', '/a/b', '/a/b/c']);
  });

  test('in pieces: each is as long as it was asked to be, and after the last one the source is let go', () => {
    const { tree, source } = restarted();
    let pieces = 0;
    for (; tree.isReading; pieces++) tree.readMore(2);
    expect([pieces, source.isClosed]).toEqual([5, true]);
    tree.readMore(1); // nothing is left to do
  });

  test('a capture of the whole tree reads all of it first', () => {
    const { tree, checkpoint } = restarted();
    checkpoint.enter(capture(tree, null));
    expect([checkpoint.nodes.size, tree.isReading]).toEqual([11, false]);
  });

  test('a path that is no UTF-8 is not the one it reads as', () => {
    const { tree, zk, checkpoint } = restarted();
    zk.create('/\uFFFD');
    checkpoint.enter(capture(tree, checkpoint.mark));
    const again = checkpoint.restart().tree;
    expect(again.nodeAt(Buffer.from([0x2f, 0xff]))).toBeUndefined();
    expect(again.nodeAt(Buffer.from('/\uFFFD'))?.path).toBe('/\uFFFD');
  });
});

describe('what is not in memory yet', () => {
  test('is deleted for good, while the source still has it and after it has lost it', () => {
    const { tree, zk, checkpoint } = restarted();
    zk.delete('/a/b/c');
    expect([tree.node('/a/b/c'), tree.children('/a/b'), tree.node('/a/b')?.numChildren]).toEqual([undefined, [], 0]);
    zk.create('/a/b/c', 'again');
    zk.delete('/a/b/c');
    checkpoint.enter(capture(tree, checkpoint.mark));
    tree.readMore(Infinity);
    expect([tree.node('/a/b/c'), tree.isReading]).toEqual([undefined, false]);
  });

  test('ends with its session', () => {
    const { tree, zk } = restarted();
    expect([...tree.ephemeralsOf(ALICE)]).toEqual(['/e/ephemeral']);
    const { changes } = zk.apply({ type: OpCode.closeSession, paths: null });
    expect(changes.map(({ path }) => path)).toEqual(['/e/ephemeral']);
  });

  test('keeps its ACL list alive, until everything is in memory', () => {
    const { tree, zk } = restarted();
    const lists = (): number => [...tree.image().acls].length;
    const before = lists();
    zk.apply({ type: OpCode.setACL, path: '/e/acl', acl: [...OPEN_ACL], version: 1 });
    zk.apply({ type: OpCode.setACL, path: '/zookeeper/config', acl: [...OPEN_ACL], version: 1 });
    expect(lists()).toBe(before);
    tree.readMore(Infinity);
    expect(lists()).toBe(before - 1);
  });

  test('counts in a quota', () => {
    const first = new Applier(new DataTree(options));
    first.create('/app');
    first.create('/app/one', 'xxx');
    for (const path of ['/zookeeper/quota/app', '/zookeeper/quota/app/zookeeper_limits', '/zookeeper/quota/app/zookeeper_stats']) first.create(path, '');
    const checkpoint = new Checkpoint();
    checkpoint.enter(capture(first.tree, null));
    const zk = new Applier(checkpoint.restart().tree);
    expect(zk.tree.limitedAncestor('/app/one')).toBe('/app');
    zk.create('/app/two', 'yyyy');
    expect(zk.tree.quotaOf('/app')?.stats).toMatchObject({ count: 3, bytes: 7 });
  });
});

describe('the children that a checkpoint counts are right also where a change leaves the parent as it is otherwise', () => {
  /** What is left in the checkpoint after `change`, as the next start sees it. */
  function childrenAfter(change: (zk: Applier, checkpoint: Checkpoint) => void, path: string): string[] {
    const { tree, zk, checkpoint } = restarted();
    change(zk, checkpoint);
    checkpoint.enter(capture(tree, checkpoint.mark));
    const again = checkpoint.restart().tree;
    expect(again.node(path)?.numChildren).toBe(tree.children(path).length);
    return again.children(path).sort();
  }

  test('a creation that is older than the parent', () => {
    expect(childrenAfter((zk) => zk.create('/a/old', '', { parentCVersion: 0 }), '/a')).toEqual(['b', 'd', 'old']);
  });

  test('an orphan removed by no txn', () => {
    expect(childrenAfter((zk) => expect(zk.tree.killOrphans()).toHaveLength(1), '/e')).toEqual(['acl']);
  });

  test('the configuration of a tree from before 3.5', () => {
    const configure = (zk: Applier, checkpoint: Checkpoint): void => {
      zk.delete('/zookeeper/config');
      checkpoint.enter(capture(zk.tree, checkpoint.mark));
      zk.tree.setConfig('server.1=…', 1n, 1n);
    };
    expect(childrenAfter(configure, '/zookeeper')).toEqual(['config', 'quota']);
  });
});

describe('damage that hides a znode', () => {
  test('from a lookup only is noticed: the children of its parent are looked through', () => {
    const { tree, source } = restarted();
    const { find } = source;
    source.find = (path) => (path === '/a/b' ? null : find.call(source, path));
    expect(tree.node('/a/b')?.data?.toString()).toBe('data of /a/b');
  });

  test.each([
    ['a lookup', (tree: DataTree) => tree.node('/a/b')],
    ['the lookup of something that was never there', (tree: DataTree) => tree.node('/a/never')],
    ['a list of children', (tree: DataTree) => tree.children('/a')],
    ['a count', (tree: DataTree) => tree.allChildrenNumber('/')  && tree.allChildrenNumber('/a')],
  ])('is told by %s', (_, ask) => {
    const { tree, source } = restarted();
    source.hidden.add('/a/b');
    expect(() => ask(tree)).toThrow('damaged: the children of /a are not the 2 it has');
  });

  test('is told when all was read', () => {
    const { tree, source } = restarted();
    source.hidden.add('/a/b/c');
    expect(() => tree.readMore(Infinity)).toThrow('damaged: 1 znodes are missing');
  });

  test('an older znode in place of a newer one is told when all was read', () => {
    const { tree, checkpoint } = restarted();
    checkpoint.nodes.set('/a/d', { ...checkpoint.nodes.get('/a/d')!, data: Buffer.from('older') });
    expect(() => tree.readMore(Infinity)).toThrow('damaged: the znodes do not add up');
  });

  test('an ephemeral, or an ACL list, is told before anybody asks', () => {
    const { checkpoint } = restarted();
    const ephemeral = checkpoint.nodes.get('/e/ephemeral')!;
    checkpoint.nodes.delete('/e/ephemeral');
    expect(() => checkpoint.restart()).toThrow('damaged: 0 ephemerals, containers and TTL znodes of 1');
    checkpoint.nodes.set('/e/ephemeral', { ...ephemeral, aclId: 77n });
    expect(() => checkpoint.restart()).toThrow('damaged: there is no ACL list 77, which /e/ephemeral has');
    checkpoint.nodes.delete('');
    expect(() => checkpoint.restart()).toThrow('damaged: there is no root');
  });
});
