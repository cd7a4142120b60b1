import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPEN_ACL, OpCode, READ_ACL, type Txn } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { capture, Checkpoint } from './checkpoint.ts';
import { historiesAfter, treeFacts } from './model.ts';
import { applying, askingForAll, askingForOne, FIRST, reading, Twins, type SharedStep } from './twins.ts';
import { ALICE, Applier, options } from './txns.ts';

type Step =
  | SharedStep
  | { kind: 'evict'; count: number }
  | { kind: 'checkpoint' | 'giveUp'; between: Step[] };

const small = fc.oneof(
  { weight: 5, arbitrary: applying },
  { weight: 2, arbitrary: reading },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('evict' as const), count: fc.constantFrom(3, 300) }) },
  { weight: 4, arbitrary: askingForOne },
  { weight: 1, arbitrary: askingForAll },
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: small },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('checkpoint' as const, 'checkpoint' as const, 'giveUp' as const), between: fc.array(small, { maxLength: 8 }) }) },
  ),
  { maxLength: 40 },
);

/** The partial tree has a bound. */
class BoundedTwins extends Twins {
  readonly checkpoint = new Checkpoint();
  readonly #cacheBytes: number;

  constructor(txns: readonly Txn[], cacheBytes: number) {
    super(txns, 0, new DataTree(options), new DataTree({ ...options, cacheBytes }));
    this.#cacheBytes = cacheBytes;
  }

  /** Ends the bounded tree, and begins another one from the checkpoint. */
  restart(): void {
    this.#checkpoint([]);
    this.partial.close();
    this.partial = this.checkpoint.restart(this.#cacheBytes).tree;
  }

  override take(step: Step): void {
    switch (step.kind) {
      case 'evict': return this.partial.evictSome(step.count);
      case 'checkpoint': return this.#checkpoint(step.between);
      case 'giveUp': return this.#giveUp(step.between);
      default: return super.take(step);
    }
  }

  /** While it is taken, everything goes on. It is as of its beginning all the same. */
  #checkpoint(between: readonly Step[]): void {
    const facts = treeFacts(this.whole);
    const rest = [...between];
    this.checkpoint.enter(capture(this.partial, this.checkpoint.mark), () => {
      const step = rest.shift();
      if (step) this.take(step);
    });
    expect(treeFacts(this.checkpoint.tree)).toEqual(facts);
  }

  /** Halfway, or at its very end. */
  #giveUp(between: readonly Step[]): void {
    const taken = capture(this.partial, this.checkpoint.mark);
    const nodes = taken.nodes[Symbol.iterator]();
    for (const step of between) {
      nodes.next();
      this.take(step);
    }
    if (between.length % 2 === 1) while (!nodes.next().done);
    taken.release();
    taken.release();
  }
}

test('a tree with a bound cannot be told from one that holds everything', () => {
  fc.assert(
    fc.property(historiesAfter(FIRST), fc.constantFrom(1, 1, 2500), fc.nat(20), fc.boolean(), steps, (txns, cacheBytes, before, restarts, steps) => {
      const twins = new BoundedTwins(txns, cacheBytes);
      twins.apply(FIRST.length + before);
      if (restarts) twins.restart();
      for (const step of steps) twins.take(step);
      twins.apply(Infinity);
      twins.take({ kind: 'checkpoint', between: [] });
      twins.partial.readMore(Infinity);
      while (twins.partial.isOverfull) twins.partial.evictSome(7);
      twins.take({ kind: 'sums' });
      twins.same(treeFacts);
      twins.take({ kind: 'image' });
      twins.restart();
      twins.partial.readMore(Infinity);
      twins.take({ kind: 'sums' });
      twins.same(treeFacts);
    }),
    { numRuns: Number(process.env['ZK_CACHE_BOUND_ROUNDS'] ?? 300) },
  );
});

/** A tree that grew in memory, is in a checkpoint, and has been let go of as far as it may. */
function evicted(): { tree: DataTree; zk: Applier; checkpoint: Checkpoint } {
  const tree = new DataTree({ ...options, cacheBytes: 1 });
  const zk = new Applier(tree);
  for (const path of ['/a', '/a/b', '/a/b/c', '/a/d', '/e']) zk.create(path, `data of ${path}`);
  zk.create('/e/acl', '', { acl: READ_ACL });
  zk.create('/e/ephemeral', '', { ephemeral: true });
  const checkpoint = new Checkpoint();
  checkpoint.enter(capture(tree, null));
  sweep(tree);
  return { tree, zk, checkpoint };
}

function sweep(tree: DataTree): void {
  for (let turn = 0; turn < 100; turn++) tree.evictSome(100);
}

/** The root, /zookeeper with what is in it, /e and its ephemeral. */
const STAYING = 6;

describe('what goes', () => {
  test('is everything but the root, what is below /zookeeper, and what ends by itself with the way to it', () => {
    const { tree } = evicted();
    expect([tree.nodeCount, tree.cachedCount]).toEqual([11, STAYING]);
    expect(tree.node('/a/b/c')?.data?.toString()).toBe('data of /a/b/c');
    expect(tree.cachedCount).toBe(STAYING + 3);
  });

  test('is not what has changed, until a checkpoint of it is committed', () => {
    const { tree, zk, checkpoint } = evicted();
    zk.setData('/a/d', 'newer');
    sweep(tree);
    expect(tree.cachedCount).toBe(STAYING + 2);
    checkpoint.enter(capture(tree, checkpoint.mark), () => {
      tree.node('/a/b'); // and so there is more than there may be
      sweep(tree);
      expect(tree.cachedCount).toBe(STAYING + 3);
    });
    sweep(tree);
    expect(tree.cachedCount).toBe(STAYING);
    expect(tree.node('/a/d')?.data?.toString()).toBe('newer');
  });

  test('is nothing before there is a checkpoint, and nothing below the bound', () => {
    const tree = new DataTree({ ...options, cacheBytes: 1 });
    sweep(tree);
    expect([tree.isOverfull, tree.cachedCount]).toEqual([false, 4]);
    const roomy = new DataTree({ ...options, cacheBytes: 1e6 });
    new Applier(roomy).create('/a');
    new Checkpoint().enter(capture(roomy, null));
    sweep(roomy);
    expect([roomy.isOverfull, roomy.cachedCount]).toEqual([false, 5]);
  });

  test('without a bound is nothing, ever', () => {
    const tree = new DataTree(options);
    new Applier(tree).create('/a');
    new Checkpoint().enter(capture(tree, null));
    sweep(tree);
    expect([tree.isOverfull, tree.cachedCount]).toEqual([false, 5]);
  });
});

describe('a capture that comes to nothing', () => {
  test('is taken again by the next one, which is not of the whole tree', () => {
    const { tree, zk, checkpoint } = evicted();
    zk.setData('/a/d', 'newer');
    zk.delete('/a/b/c');
    capture(tree, checkpoint.mark).release();
    sweep(tree);
    expect([tree.node('/a/b/c'), tree.node('/a/d')?.data?.toString()]).toEqual([undefined, 'newer']);
    const again = capture(tree, checkpoint.mark);
    expect(again.isWhole).toBe(false);
    checkpoint.enter(again);
    sweep(tree);
    expect([tree.node('/a/b/c'), tree.node('/a/d')?.data?.toString()]).toEqual([undefined, 'newer']);
    expect(treeFacts(checkpoint.tree)).toEqual(treeFacts(tree));
  });

  test('of the whole tree: everything stays in memory until one is committed', () => {
    const { tree, checkpoint } = evicted();
    capture(tree, null).release();
    sweep(tree);
    expect(tree.cachedCount).toBe(11);
    checkpoint.enter(capture(tree, null));
    sweep(tree);
    expect(tree.cachedCount).toBe(STAYING);
  });
});

describe('what was deleted', () => {
  test('stays deleted when the capture that took it along comes to nothing', () => {
    const { tree, zk, checkpoint } = evicted();
    zk.delete('/a/d');
    tree.node('/a/b');
    capture(tree, checkpoint.mark).release();
    sweep(tree);
    expect([checkpoint.nodes.has('/a/d'), tree.node('/a/d'), tree.children('/a')]).toEqual([true, undefined, ['b']]);
  });

  test('before a capture began stays deleted while that is taken', () => {
    const { tree, zk, checkpoint } = evicted();
    zk.delete('/a/d');
    const lookedAt: unknown[] = [];
    checkpoint.enter(capture(tree, checkpoint.mark), () => lookedAt.push(checkpoint.nodes.has('/a/d'), tree.node('/a/d'), tree.children('/a')));
    expect(lookedAt.slice(0, 3)).toEqual([true, undefined, ['b']]);
  });

  test('and was there again when the reading ended during a capture is there when it has been let go', () => {
    const { checkpoint } = evicted();
    const { tree } = checkpoint.restart(1);
    const zk = new Applier(tree);
    zk.delete('/a/d');
    zk.create('/a/d', 'again');
    checkpoint.enter(capture(tree, checkpoint.mark), () => tree.readMore(Infinity));
    sweep(tree);
    expect(tree.node('/a/d')?.data?.toString()).toBe('again');
  });

  test('while it was on its way into the checkpoint stays deleted', () => {
    const tree = new DataTree({ ...options, cacheBytes: 1 });
    const zk = new Applier(tree);
    for (const path of ['/a', '/a/b', '/a/c']) zk.create(path);
    const checkpoint = new Checkpoint();
    const deletions = [() => zk.delete('/a/b')];
    checkpoint.enter(capture(tree, null), () => deletions.pop()?.());
    expect(checkpoint.nodes.has('/a/b')).toBe(true);
    sweep(tree);
    expect([tree.node('/a/b'), tree.children('/a')]).toEqual([undefined, ['c']]);
  });

  test('and was there again is there when it has been let go', () => {
    const { tree, zk, checkpoint } = evicted();
    zk.delete('/a/d');
    zk.create('/a/d', 'again');
    checkpoint.enter(capture(tree, checkpoint.mark));
    sweep(tree);
    expect(tree.node('/a/d')?.data?.toString()).toBe('again');
  });
});

describe('a start', () => {
  test('reads everything once, and keeps what there is room for', () => {
    const { checkpoint } = evicted();
    const { tree, source } = checkpoint.restart(1);
    for (; tree.isReading; ) tree.readMore(2);
    expect([tree.nodeCount, tree.cachedCount, source.isClosed]).toEqual([11, STAYING - 1, false]); // nobody has asked for /zookeeper/config
    expect(tree.children('/a').sort()).toEqual(['b', 'd']);
  });

  test('has counted what it has passed over', () => {
    const { checkpoint } = evicted();
    const { tree } = checkpoint.restart(1);
    tree.readMore(6);
    expect([tree.isReading, tree.cachedCount]).toEqual([true, STAYING - 1]);
    for (const path of ['/a', '/a/b', '/a/b/c', '/e/acl']) expect(tree.node(path)?.path).toBe(path);
    expect(tree.children('/a').sort()).toEqual(['b', 'd']);
    expect([tree.isReading, tree.nodeCount]).toEqual([true, 11]);
    tree.readMore(Infinity);
    expect([tree.nodeCount, tree.cachedCount]).toEqual([11, 10]);
  });

  test('may end in the middle of a list of children, some of which it has passed over', () => {
    const first = new Applier(new DataTree(options));
    for (const path of ['/zz', '/zz/1', '/zz/2', '/zz/3']) first.create(path);
    const checkpoint = new Checkpoint();
    checkpoint.enter(capture(first.tree, null));
    const { tree, source } = checkpoint.restart(1);
    const { childrenOf } = source;
    source.childrenOf = function* (path) {
      yield* [...childrenOf.call(source, path)].reverse();
    };
    tree.readMore(6);
    tree.node('/zz/3');
    expect([tree.isReading, tree.cachedCount]).toEqual([true, 5]);
    expect(tree.children('/zz').sort()).toEqual(['1', '2', '3']);
    expect([tree.isReading, tree.nodeCount, tree.cachedCount]).toEqual([false, 8, 7]);
  });

  test('tells damage as one without a bound does', () => {
    const { checkpoint } = evicted();
    checkpoint.nodes.set('/a/d', { ...checkpoint.nodes.get('/a/d')!, data: Buffer.from('older') });
    expect(() => checkpoint.restart(1).tree.readMore(Infinity)).toThrow('damaged: the znodes do not add up');
  });

  test('counts the use of an ACL list once, however often a znode comes and goes', () => {
    const { checkpoint } = evicted();
    const { tree } = checkpoint.restart(1);
    tree.readMore(Infinity);
    const zk = new Applier(tree);
    const lists = (): number => [...tree.image().acls].length;
    const before = lists();
    for (let turn = 0; turn < 3; turn++) {
      tree.node('/e/acl');
      sweep(tree);
    }
    expect(lists()).toBe(before);
    zk.apply({ type: OpCode.setACL, path: '/zookeeper/config', acl: [...OPEN_ACL], version: 1 });
    zk.apply({ type: OpCode.setACL, path: '/e/acl', acl: [...OPEN_ACL], version: 1 });
    expect(lists()).toBe(before - 1);
  });

  test('finds what ends with its session', () => {
    const { checkpoint } = evicted();
    const { tree } = checkpoint.restart(1);
    tree.readMore(Infinity);
    sweep(tree);
    expect([...tree.ephemeralsOf(ALICE)]).toEqual(['/e/ephemeral']);
    expect(new Applier(tree).apply({ type: OpCode.closeSession, paths: null }).changes.map(({ path }) => path)).toEqual(['/e/ephemeral']);
  });
});

test('children that were let go are compared with what their parent says when they are listed', () => {
  const { tree, checkpoint } = evicted();
  checkpoint.nodes.delete('/a/d');
  expect(() => tree.children('/a')).toThrow('damaged: the children of /a are not the 2 it has');
});
