import fc from 'fast-check';
import { asSessionId, asZxid, OpCode, proposalOf, type Proposal } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { expect, test } from 'vitest';
import { TreeCopier } from '../src/admin/tree-copier.ts';
import { historyOfSteps, steps, treeText } from './support/histories.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Enough znodes that a copy in the smallest slices takes many turns. */
const SIZE = 1000;

function largeTree(): DataTree {
  const tree = new DataTree();
  for (let i = 1; i <= SIZE; i++) tree.apply(createTxn(`/large-${i}`, BigInt(i)).txn);
  return tree;
}

function createTxn(path: string, zxid: bigint): Proposal {
  const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(zxid), time: 0n, type: OpCode.create };
  return proposalOf({ header, body: { type: OpCode.create, path, data: Buffer.alloc(50), acl: [{ perms: 31, id: { scheme: 'ip', id: path } }], ephemeral: false, parentCVersion: -1 }, digest: null });
}

/** The same txns behind those of the large tree. */
function shifted({ txn }: Proposal, by: bigint): Proposal {
  return proposalOf({ ...txn, header: { ...txn.header, zxid: asZxid(txn.header.zxid + by) }, digest: null });
}

test('a copy of a tree that changes in every turn is the tree of one zxid', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const tree = largeTree();
      const copier = new TreeCopier({}, 0);
      const texts = new Map([[tree.lastZxid, treeText(tree)]]);
      const copying = copier.copy(() => tree);
      for (const proposal of historyOfSteps(list).proposals) {
        await nextTurn();
        const { txn, bytes } = shifted(proposal, BigInt(SIZE));
        tree.apply(txn);
        copier.committed(bytes);
        texts.set(tree.lastZxid, treeText(tree));
      }
      const copy = await copying;
      expect(treeText(copy)).toBe(texts.get(copy.lastZxid));
      expect(copy.digest === tree.digest || copy.lastZxid < tree.lastZxid).toBe(true);
    }),
    { numRuns: 8 },
  );
});

test('what was replaced meanwhile is copied anew', async () => {
  let tree = largeTree();
  const copier = new TreeCopier({}, 0);
  const copying = copier.copy(() => tree);
  await nextTurn();
  tree = new DataTree();
  expect(treeText(await copying)).toBe(treeText(tree));
});

test('a change that is no txn of this server makes it begin again, and give up in the end', async () => {
  const tree = largeTree();
  const copier = new TreeCopier({}, 0);
  const settled = copier.copy(() => tree).then(() => 'done', (error: Error) => error.message);
  let answer: string | null = null;
  void settled.then((text) => void (answer = text));
  for (let zxid = BigInt(SIZE + 1); answer === null; zxid++) {
    tree.apply(createTxn(`/unseen-${zxid}`, zxid).txn);
    await nextTurn();
  }
  expect(answer).toBe('the data were replaced while they were copied, again and again');
});
