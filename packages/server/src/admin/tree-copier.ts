import { decodeTxn, type Image } from '@zk/protocol';
import { DataTree, type TreeOptions } from '@zk/tree';

/** How long it keeps the event loop at a time, ms. */
const SLICE_MS = 4;
/** Znodes between two looks at the clock. */
const ZNODES_A_LOOK = 64;
const ATTEMPTS = 3;

/**
 * Copies a tree that goes on changing, in slices of the event loop, so that the copy is exact as of one zxid: what was
 * applied meanwhile is applied to the copy once more, as recovery does over a fuzzy snapshot (storage.md 4.4).
 */
export class TreeCopier {
  readonly #options: Partial<TreeOptions>;
  readonly #sliceMs: number;
  /** Txns applied since the oldest copy under way began. */
  readonly #running = new Set<Buffer[]>();

  constructor(options: Partial<TreeOptions>, sliceMs = SLICE_MS) {
    this.#options = options;
    this.#sliceMs = sliceMs;
  }

  /** Every txn that is applied to the tree, in order. `txn` is shared, and not to be changed. */
  committed(txn: Buffer): void {
    if (this.#running.size === 0) return;
    for (const pending of this.#running) pending.push(txn);
  }

  /** @param current the tree at this moment; another one after a SNAP @throws Error when it is replaced again and again */
  async copy(current: () => DataTree): Promise<DataTree> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const copy = await this.#attempt(current);
      if (copy !== null) return copy;
    }
    throw new Error('the data were replaced while they were copied, again and again');
  }

  /** Null: not everything that happened to the tree meanwhile was a txn. */
  async #attempt(current: () => DataTree): Promise<DataTree | null> {
    const tree = current();
    const pending: Buffer[] = [];
    this.#running.add(pending);
    try {
      const copy = await this.#copyOf(tree.image());
      const slice = new Slice(this.#sliceMs);
      for (let txn = pending.shift(); txn; txn = pending.shift()) {
        copy.apply(decodeTxn(txn));
        if (slice.isOver) await slice.next();
      }
      if (current() !== tree || copy.digest !== tree.digest || copy.nodeCount !== tree.nodeCount) return null;
      copy.lastZxid = tree.lastZxid; // an epoch begins with a zxid that no txn has
      return copy;
    } finally {
      this.#running.delete(pending);
    }
  }

  async #copyOf(image: Image): Promise<DataTree> {
    const builder = DataTree.builder(image.zxid, this.#options);
    for (const { id, timeOut } of image.sessions) builder.onSession(id, timeOut);
    for (const { id, acl } of image.acls) builder.onAcl(id, acl);
    const slice = new Slice(this.#sliceMs);
    let count = 0;
    for (const node of image.nodes) {
      builder.onNode(node);
      if (++count % ZNODES_A_LOOK === 0 && slice.isOver) await slice.next();
    }
    return builder.finish();
  }
}

class Slice {
  readonly #ms: number;
  #end: number;

  constructor(ms: number) {
    this.#ms = ms;
    this.#end = performance.now() + ms;
  }

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#end = performance.now() + this.#ms;
  }
}
