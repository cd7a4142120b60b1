import type { ImageNode, ImageSource } from '@zk/protocol';
import { SourceBacking } from './source-backing.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znodes } from './znodes.ts';

/**
 * The znodes of a tree with a bound that are not in memory any more, or never were. They are read again when they are
 * asked for.
 *
 * The source is the last committed checkpoint, and right about everything that is neither in memory nor deleted:
 * only what has not changed since is evicted. What was deleted is remembered until a checkpoint without it is
 * committed, in two sets: before the running capture began, and since.
 *
 * All that the source has, has been read once and added up, or been written by this process. So a znode that it does not
 * find does not exist; whoever lists the children of one still compares them with what their parent says.
 */
export class EvictedZnodes extends SourceBacking {
  #count: number;
  readonly #deletedBefore = new Set<string>();

  /**
   * @param count how many znodes of the source are neither in memory nor deleted
   * @param deleted paths that may be in the source, and are deleted if they are not in memory
   */
  constructor(znodes: Znodes, source: ImageSource, count: number, deleted: Iterable<string>) {
    super(znodes, source);
    this.#count = count;
    for (const path of deleted) this.deleted.add(path);
  }

  get count(): number {
    return this.#count;
  }

  /** The znode is as the source has it, and so are its children, none of which is in memory. */
  evict(node: ZnodeRecord, path: string): void {
    this.deleted.delete(path); // it was deleted once: what the source has is younger
    this.#deletedBefore.delete(path);
    this.znodes.table.forget(node);
    this.#count += 1;
  }

  /** Reads everything: the source is about to be something else. */
  readAll(): void {
    for (const node of this.source.nodes()) if (this.isMissing(node.path)) this.enterInOrder(node);
    if (this.#count !== 0) throw this.source.damaged(`${this.#count} znodes are missing`);
  }

  /** The tree as it is now is what the source will be, unless the capture comes to nothing. */
  captureBegins(): void {
    for (const path of this.deleted) this.#deletedBefore.add(path);
    this.deleted.clear();
  }

  captureEnded(isCommitted: boolean): void {
    if (!isCommitted) for (const path of this.#deletedBefore) this.deleted.add(path);
    this.#deletedBefore.clear();
  }

  protected override isDeleted(path: string): boolean {
    return super.isDeleted(path) || this.#deletedBefore.has(path);
  }

  protected override notFound(): undefined {
    return undefined;
  }

  protected override enter(node: ImageNode, parent: ZnodeRecord | null): ZnodeRecord {
    const record = this.load(node, parent, true);
    this.#count -= 1;
    return record;
  }
}
