import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPEN_ACL, READ_ACL } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { capture, Checkpoint } from './checkpoint.ts';
import { historiesAfter, treeFacts } from './model.ts';
import { FIRST } from './twins.ts';
import { Applier, options, treeAfter } from './txns.ts';

test('captures add up to the tree as of the last one, whatever is applied while they are taken', () => {
  fc.assert(
    fc.property(historiesAfter(FIRST), fc.array(fc.nat(20), { maxLength: 5 }), fc.integer({ min: 0, max: 3 }), (txns, gaps, pace) => {
      const tree = new DataTree(options);
      const checkpoint = new Checkpoint();
      let applied = 0;
      const apply = (count: number): void => {
        for (let n = 0; n < count && applied < txns.length; n++) tree.apply(txns[applied++]!);
      };
      apply(FIRST.length);
      for (const gap of gaps) {
        apply(gap);
        const upTo = applied;
        const changes = capture(tree, checkpoint.mark);
        expect(changes.isWhole).toBe(checkpoint.mark === null);
        checkpoint.enter(changes, () => apply(pace));
        const copy = checkpoint.tree;
        expect(treeFacts(copy)).toEqual(treeFacts(treeAfter(txns.slice(0, upTo))));
        expect([copy.lastZxid, copy.imageMismatch, copy.fuzzy]).toEqual([BigInt(upTo), undefined, false]);
        expect(checkpoint.totals?.nodes).toBe(copy.nodeCount);
      }
    }),
    { numRuns: 200 },
  );
});

test('a tree made from a checkpoint goes on from there: replayed txns are changes', () => {
  fc.assert(
    fc.property(historiesAfter(FIRST), fc.nat(20), (txns, before) => {
      const at = FIRST.length + before;
      const checkpoint = new Checkpoint();
      checkpoint.enter(capture(treeAfter(txns.slice(0, at)), null));
      const restarted = checkpoint.tree;
      for (const txn of txns.slice(at)) restarted.apply(txn);
      const changes = capture(restarted, checkpoint.mark);
      expect(changes.isWhole).toBe(false);
      checkpoint.enter(changes);
      expect(treeFacts(checkpoint.tree)).toEqual(treeFacts(treeAfter(txns)));
    }),
  );
});

test('only what was touched is captured', () => {
  const zk = new Applier(new DataTree(options));
  for (const path of ['/a', '/a/b', '/c']) zk.create(path);
  const first = new Checkpoint();
  first.enter(capture(zk.tree, null));
  zk.setData('/c', 'changed');
  zk.create('/a/new');
  zk.delete('/a/b');
  const changes = capture(zk.tree, first.mark);
  expect(changes.isWhole).toBe(false);
  expect(changes.removed).toEqual(['/a/b']);
  expect([...changes.nodes].map(({ path }) => path).sort()).toEqual(['/a', '/a/new', '/c']);
});

test('a capture that was given up leaves the next one whole', () => {
  const zk = new Applier(new DataTree(options));
  zk.create('/a');
  const checkpoint = new Checkpoint();
  checkpoint.enter(capture(zk.tree, null));
  zk.setData('/a', 'lost with its capture');
  capture(zk.tree, checkpoint.mark).release();
  zk.create('/b');
  const changes = capture(zk.tree, checkpoint.mark);
  expect(changes.isWhole).toBe(true);
  checkpoint.enter(changes);
  expect(treeFacts(checkpoint.tree)).toEqual(treeFacts(zk.tree));
});

test('a whole capture that was given up halfway leaves no trace in the next ones', () => {
  const zk = new Applier(new DataTree(options));
  for (const path of ['/a', '/b', '/c', '/d']) zk.create(path);
  const half = capture(zk.tree, null);
  half.nodes[Symbol.iterator]().next();
  zk.setData('/d', 'copied for the capture');
  zk.delete('/c');
  half.release();
  const checkpoint = new Checkpoint();
  checkpoint.enter(capture(zk.tree, null));
  expect(treeFacts(checkpoint.tree)).toEqual(treeFacts(zk.tree));
  zk.setData('/d', 'and again');
  checkpoint.enter(capture(zk.tree, checkpoint.mark));
  expect(treeFacts(checkpoint.tree)).toEqual(treeFacts(zk.tree));
});

test.each(['whole', 'of what has changed'])('a znode that takes the place of a removed one while a capture is taken is not in it (%s)', (kind) => {
  const zk = new Applier(new DataTree(options));
  for (const path of ['/a', '/b', '/c']) zk.create(path);
  const checkpoint = new Checkpoint();
  if (kind !== 'whole') {
    checkpoint.enter(capture(zk.tree, null));
    for (const path of ['/a', '/b', '/c']) zk.setData(path, 'changed');
  }
  const before = treeFacts(DataTree.fromImage(zk.tree.image(), options));
  let steps: (() => void)[] = [() => zk.delete('/c'), () => zk.create('/in its place')];
  checkpoint.enter(capture(zk.tree, checkpoint.mark), () => {
    for (const step of steps) step();
    steps = [];
  });
  expect(treeFacts(checkpoint.tree)).toEqual(before);
  checkpoint.enter(capture(zk.tree, checkpoint.mark));
  expect(treeFacts(checkpoint.tree)).toEqual(treeFacts(zk.tree));
});

test('an ACL list that nobody uses any more is forgotten', () => {
  const zk = new Applier(new DataTree(options));
  const lists = (): number => [...checkpoint.image.acls].length;
  const checkpoint = new Checkpoint();
  zk.create('/a', '', { acl: [{ perms: 1, id: { scheme: 'digest', id: 'bob:x' } }] });
  checkpoint.enter(capture(zk.tree, null));
  const before = lists();
  zk.create('/b', '', { acl: OPEN_ACL });
  zk.delete('/a');
  checkpoint.enter(capture(zk.tree, checkpoint.mark));
  expect(lists()).toBe(before); // one went, one came
  zk.create('/c', '', { acl: READ_ACL });
  checkpoint.enter(capture(zk.tree, checkpoint.mark));
  expect(checkpoint.tree.node('/c')?.acl).toEqual(READ_ACL);
});
