/**
 * A member without a network, for a test that kills it: `write <dataDir>` applies one txn after the other, with a
 * checkpoint always under way, and prints each zxid once it is durable, and each checkpoint that is complete; `verify <dataDir>` prints what a start finds.
 * Runs the built packages, as the server does.
 */
import { writeSync } from 'node:fs';
import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf } from '@zk/protocol';
import { FileStore } from '@zk/store';
import { DataTree } from '@zk/tree';

const TXNS_PER_TURN = 20;
const PLACES = 500;

/** The n-th txn of the only history there is: what it does follows from its number and the tree before it. */
function txnOf(n, tree) {
  const path = n === 1n ? '/w' : `/w/${(Number(n) * 7919) % PLACES}`;
  const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(n), time: 1_700_000_000_000n + n };
  const body = bodyOf(path, Number(n), tree);
  return { header: { ...header, type: body.type }, body, digest: null };
}

function bodyOf(path, n, tree) {
  const node = tree.node(path);
  const data = Buffer.from(`written by ${n}`);
  if (!node) {
    const parentCVersion = (tree.node(path.slice(0, path.lastIndexOf('/')))?.cversion ?? 0) + 1;
    return { type: OpCode.create, path, data, acl: [...OPEN_ACL], ephemeral: false, parentCVersion };
  }
  if (n % 5 === 0 && node.numChildren === 0) return { type: OpCode.delete, path };
  return { type: OpCode.setData, path, data, version: node.version + 1 };
}

function recovered(dataDir) {
  const store = FileStore.open({ dataDir, checkpoint: 'lmdb', preAllocKb: 64 });
  const { image, txns, lastZxid, notes } = store.recover();
  const tree = image ? DataTree.fromImage(image) : new DataTree();
  for (const { txn } of txns) tree.apply(txn);
  return { store, tree, lastZxid, notes, isCheckpoint: image?.mark !== undefined, imageZxid: Number(image?.zxid ?? 0n) };
}

function write(dataDir) {
  const { store, tree } = recovered(dataDir);
  const durable = (upTo) => void writeSync(1, `${upTo}\n`);
  const checkpoint = () => store.checkpoint(tree.image(), complete);
  const complete = () => {
    writeSync(1, 'checkpoint\n');
    setImmediate(checkpoint);
  };
  const turn = () => {
    for (let n = 0; n < TXNS_PER_TURN; n++) {
      const proposal = proposalOf(txnOf(tree.lastZxid + 1n, tree));
      tree.apply(proposal.txn);
      store.append(proposal, durable);
    }
    store.flush(turn);
  };
  turn();
  checkpoint();
}

function verify(dataDir) {
  const { store, tree, lastZxid, notes, isCheckpoint, imageZxid } = recovered(dataDir);
  const expected = new DataTree();
  while (expected.lastZxid < lastZxid) expected.apply(txnOf(expected.lastZxid + 1n, expected));
  const isRight = tree.digest === expected.digest && tree.nodeCount === expected.nodeCount && tree.imageMismatch === undefined;
  store.close(() => console.log(JSON.stringify({ lastZxid: Number(lastZxid), imageZxid, isCheckpoint, isRight, notes })));
}

const [mode, dataDir] = process.argv.slice(2);
if (mode === 'write') write(dataDir);
else verify(dataDir);
