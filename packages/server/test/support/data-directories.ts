import { FileStore, type FileStoreOptions, type Recovered } from '@zk/store';
import { appended, checkpointed, closed, truncated } from '@zk/store/testing';
import type { Proposal, Zxid } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { dataDirWith, FIXTURES, temporaryDirectory } from '../../../store/test/support.ts';

export { dataDirWith, FIXTURES, temporaryDirectory };

/** A server's life on disk, without the server: what it logs, its tree, and snapshots when asked for. */
export class LivingDirectory {
  readonly dataDir: string;
  readonly #store: FileStore;
  #tree: DataTree;

  constructor(dataDir: string, options: Partial<FileStoreOptions> = {}) {
    this.dataDir = dataDir;
    this.#store = FileStore.open({ dataDir, preAllocKb: 4, snapRetainCount: 0, ...options });
    this.#tree = treeOf(this.#store.recover());
  }

  get tree(): DataTree {
    return this.#tree;
  }

  /** Durable, and applied, when it resolves. */
  async commit(proposals: readonly Proposal[]): Promise<void> {
    await appended(this.#store, proposals);
    for (const { txn } of proposals) this.tree.apply(txn);
  }

  /** A snapshot after each of the txns at these places of the list. */
  async live(proposals: readonly Proposal[], snapshotAfter: ReadonlySet<number>): Promise<void> {
    let done = 0;
    for (const place of [...snapshotAfter].filter((one) => one < proposals.length).sort((one, other) => one - other)) {
      await this.commit(proposals.slice(done, place + 1));
      await this.snapshot();
      done = place + 1;
    }
    await this.commit(proposals.slice(done));
  }

  snapshot(): Promise<void> {
    return checkpointed(this.#store, this.tree.image());
  }

  /** As a leader has it truncate what no quorum has. */
  async truncate(to: Zxid): Promise<void> {
    const recovered = await truncated(this.#store, to);
    if (!recovered) throw new Error('there is no snapshot left to start from');
    this.#tree = treeOf(recovered);
  }

  close(): Promise<void> {
    return closed(this.#store);
  }
}

/** The tree that a server finds there at its start. @throws DamageError */
export function recoveredTree(dataDir: string): DataTree {
  return treeOf(FileStore.open({ dataDir }).recover());
}

function treeOf({ image, txns }: Recovered): DataTree {
  const tree = image === null ? new DataTree() : DataTree.fromImage(image);
  for (const { txn } of txns) tree.apply(txn);
  return tree;
}
