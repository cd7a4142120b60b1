import { join } from 'node:path';
import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf, type Proposal, type TxnBody } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { expect } from 'vitest';
import { FileStore, type FileStoreOptions, type Recovered, type Store } from '../src/index.ts';
import { appended, checkpointed } from '../src/testing.ts';
import { temporaryDirectory } from './support.ts';

/** A tree on a disk: what is applied is logged, and a restart shows what was kept. */
export class Member {
  readonly dataDir: string;
  readonly recovered: Recovered;
  readonly store: Store;
  tree: DataTree;

  constructor(dataDir = temporaryDirectory(), options: Partial<FileStoreOptions> = {}) {
    this.dataDir = dataDir;
    this.store = FileStore.open({ dataDir, preAllocKb: 64, checkpoint: 'lmdb', ...options });
    this.recovered = this.store.recover();
    this.tree = treeOf(this.recovered);
  }

  async create(...paths: string[]): Promise<void> {
    for (const path of paths) {
      const parent = this.tree.node(path.slice(0, path.lastIndexOf('/')));
      const parentCVersion = (parent?.cversion ?? 0) + 1;
      await this.apply({ type: OpCode.create, path, data: Buffer.from('new'), acl: [...OPEN_ACL], ephemeral: false, parentCVersion });
    }
  }

  set(path: string, text: string): Promise<void> {
    return this.apply({ type: OpCode.setData, path, data: Buffer.from(text), version: (this.tree.node(path)?.version ?? 0) + 1 });
  }

  delete(path: string): Promise<void> {
    return this.apply({ type: OpCode.delete, path });
  }

  apply(body: TxnBody): Promise<void> {
    const proposal = this.#next(body);
    this.tree.apply(proposal.txn);
    return appended(this.store, [proposal]);
  }

  checkpoint(): Promise<void> {
    return checkpointed(this.store, this.tree.image());
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.store.close(resolve));
  }

  /** As it would have been after this txn. The digest comes from a tree that the txn was tried on. */
  #next(body: TxnBody): Proposal {
    const zxid = asZxid(this.tree.lastZxid + 1n);
    const header = { clientId: asSessionId(1n), cxid: 0, zxid, time: 1_700_000_000_000n, type: body.type };
    const trial = DataTree.fromImage(this.tree.image());
    trial.apply({ header, body, digest: null });
    return proposalOf({ header, body, digest: { version: 2, treeDigest: BigInt.asIntN(64, trial.digest) } });
  }
}

export function treeOf({ image, txns }: Recovered): DataTree {
  const tree = image ? DataTree.fromImage(image) : new DataTree();
  expect(tree.imageMismatch).toBeUndefined();
  for (const { txn } of txns) expect(tree.apply(txn).digestMismatch).toBeUndefined();
  return tree;
}

export const paths = (tree: DataTree): string[] => [...tree.image().nodes].map(({ path, data }) => `${path} ${data?.toString()}`).sort();
export const checkpointOf = (member: Member): string => join(member.dataDir, 'version-2', 'checkpoint');
