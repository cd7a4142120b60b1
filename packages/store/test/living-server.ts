import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf, type Txn, type TxnBody } from '@zk/protocol';
import { DataTree, type TreeOptions } from '@zk/tree';
import { FileStore, type Recovered } from '../src/index.ts';
import { appended, checkpointed, closed } from '../src/testing.ts';
import { temporaryDirectory } from './support.ts';

export const CHILDREN = 700; // more than is read in one go
export const LONG = 'x'.repeat(600); // more than a key spells

/** A server's tree over its checkpoint in LMDB. What it applies is logged; nothing of it looks at the tree more than it must. */
export class LivingServer {
  readonly dataDir: string;
  readonly store: FileStore;
  readonly recovered: Recovered;
  /** What the store told as fatal. */
  readonly failures: string[] = [];
  tree: DataTree;

  constructor(dataDir = temporaryDirectory(), options: Partial<TreeOptions> = {}) {
    this.dataDir = dataDir;
    this.store = FileStore.open({ dataDir, preAllocKb: 64, checkpoint: 'lmdb' });
    this.recovered = this.store.recover();
    this.store.onFatal = ({ message }) => void this.failures.push(message);
    this.tree = treeOf(this.recovered, options);
  }

  async apply(...bodies: TxnBody[]): Promise<void> {
    for (const body of bodies) {
      const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(this.tree.lastZxid + 1n), time: 1n, type: body.type };
      const proposal = proposalOf({ header, body, digest: null });
      this.applyTxn(proposal.txn);
      await appended(this.store, [proposal]);
    }
  }

  /** A little of everything: large and small families, long paths, ephemerals; and a checkpoint of it. */
  async grow(): Promise<void> {
    const many = Array.from({ length: CHILDREN }, (_, n) => create(`/many/${n}`));
    await this.apply(create('/a'), create('/a/b'), create('/a/b/c'), create('/many'), { type: OpCode.multi, txns: many });
    await this.apply(create(`/${LONG}`), create(`/${LONG}/${LONG}`), create(`/${LONG}/${LONG}/below`), create(`/a/${LONG}`, true), create('/a/mine', true));
    await this.checkpoint();
  }

  checkpoint(): Promise<void> {
    return checkpointed(this.store, this.tree.image());
  }

  close(): Promise<void> {
    return closed(this.store);
  }

  protected applyTxn(txn: Txn): void {
    this.tree.apply(txn);
  }
}

export function treeOf({ image, txns }: Recovered, options: Partial<TreeOptions> = {}): DataTree {
  const tree = image ? DataTree.fromImage(image, options) : new DataTree(options);
  for (const { txn } of txns) tree.apply(txn);
  return tree;
}

export const create = (path: string, ephemeral = false): TxnBody =>
  ({ type: OpCode.create, path, data: Buffer.from(`data of ${path.slice(0, 20)}`), acl: [...OPEN_ACL], ephemeral, parentCVersion: -1 });
export const set = (path: string, text: string): TxnBody => ({ type: OpCode.setData, path, data: Buffer.from(text), version: 1 });
export const remove = (path: string): TxnBody => ({ type: OpCode.delete, path });
