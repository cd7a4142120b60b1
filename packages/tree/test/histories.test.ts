import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeTxn, encodeTxn, OpCode, type Image, type ImageNode, type Txn } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { histories, Model, modelFacts, treeFacts } from './model.ts';
import { Applier, BOB, options, treeAfter } from './txns.ts';

test('after any history the tree is what the obvious model says', () => {
  fc.assert(
    fc.property(histories, (txns) => {
      expect(treeFacts(treeAfter(txns))).toEqual(modelFacts(new Model().apply(txns)));
    }),
  );
});

test('every digest matches on the way, and an error changes nothing', () => {
  fc.assert(
    fc.property(histories, (txns) => {
      const tree = new DataTree(options);
      for (const txn of txns) {
        const before = tree.digest;
        const { err, changes, digestMismatch } = tree.apply(txn);
        expect(digestMismatch).toBeUndefined();
        if (err !== 0) expect([tree.digest, changes]).toEqual([before, []]);
        expect(tree.lastZxid).toBe(txn.header.zxid);
      }
    }),
  );
});

test('a txn decoded from a buffer that is overwritten afterwards leaves its data in the tree', () => {
  fc.assert(
    fc.property(histories, (txns) => {
      const tree = new DataTree(options);
      for (const txn of txns) {
        const bytes = encodeTxn(txn);
        tree.apply(decodeTxn(bytes));
        bytes.fill(0xee);
      }
      expect(treeFacts(tree)).toEqual(modelFacts(new Model().apply(txns)));
    }),
  );
});

test('an image makes the same tree again', () => {
  fc.assert(
    fc.property(histories, (txns) => {
      const tree = treeAfter(txns);
      const copy = DataTree.fromImage(tree.image(), options);
      expect(treeFacts(copy)).toEqual(treeFacts(tree));
      expect(copy.imageMismatch).toBeUndefined();
      expect(copy.fuzzy).toBe(false);
      expect(copy.lastZxid).toBe(tree.lastZxid);
    }),
  );
});

/** An image begun after `start` txns, of which `pace` znodes are taken between one txn and the next. */
function fuzzyImage(txns: Txn[], start: number, pace: number): { image: Image; tree: DataTree } {
  const tree = treeAfter(txns.slice(0, start));
  const { zxid, sessions, acls, nodes } = tree.image();
  const taken = { zxid, sessions: [...sessions], acls: [...acls], nodes: [] as ImageNode[] };
  const source = nodes[Symbol.iterator]();
  const take = (count: number): void => {
    for (let next = source.next(); !next.done; next = source.next()) {
      taken.nodes.push(next.value);
      if (--count <= 0) return;
    }
  };
  for (const txn of txns.slice(start)) {
    take(pace);
    tree.apply(txn);
  }
  take(Infinity);
  return { image: { ...taken, digest: tree.image().digest }, tree };
}

/** Before 3.6 a closeSession did not say what it removed: over an image that lacks it already, its parent's pzxid is lost. */
const saysWhatItRemoves = ({ body }: Txn): boolean => body.type !== OpCode.closeSession || body.paths !== null;

test('replaying the txns after a fuzzy image, once or twice, gives the tree it was taken from', () => {
  fc.assert(
    fc.property(histories, fc.nat(60), fc.integer({ min: 1, max: 3 }), (txns, at, pace) => {
      const start = Math.min(at, txns.length);
      const { image, tree } = fuzzyImage(txns, start, pace);
      const rest = txns.slice(start);
      fc.pre(rest.every(saysWhatItRemoves));
      const copy = DataTree.fromImage(image, options);
      const mismatches = rest.map((txn) => copy.apply(txn).digestMismatch).filter(Boolean);
      expect(mismatches).toEqual([]);
      expect(copy.fuzzy).toBe(false);
      expect(treeFacts(copy)).toEqual(treeFacts(tree));
      expect(treeFacts(treeAfter(rest, copy))).toEqual(treeFacts(tree));
    }),
    { numRuns: 500 },
  );
});

test('an ephemeral that changed hands while the image was taken: its parent still gets counter and pzxid', () => {
  const tree = new DataTree();
  const zk = new Applier(tree);
  zk.create('/p');
  zk.create('/p/e', 'of alice', { ephemeral: true });
  const { zxid, sessions, acls, nodes } = tree.image();
  const taken: ImageNode[] = [];
  const rest: Txn[] = [];
  for (const node of nodes) {
    taken.push(node);
    if (node.path !== '/p') continue; // here its child is alice's, when the child's turn comes it will be bob's
    rest.push(zk.txn({ type: OpCode.closeSession, paths: null }, 3n));
    tree.apply(rest[0]!);
    rest.push(zk.txn(zk.createBody('/p/e', 'of bob', { type: OpCode.create2, ephemeral: true }), 4n, BOB));
    tree.apply(rest[1]!);
  }
  const copy = DataTree.fromImage({ zxid, sessions, acls, nodes: taken });
  for (const txn of rest) copy.apply(txn);
  expect(copy.node('/p')!.stat()).toEqual(tree.node('/p')!.stat());
  expect(copy.digest).toBe(tree.digest);
});
