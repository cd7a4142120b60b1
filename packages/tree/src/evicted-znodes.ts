import type { ImageNode, ImageSource } from '@zk/protocol';
import type { ZnodeRecord } from './znode-record.ts';
import type { Backing } from './znode-table.ts';
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
export class EvictedZnodes implements Backing {
  readonly #znodes: Znodes;
  readonly #source: ImageSource;
  #count: number;
  #deleted: Set<string>;
  #deletedBefore = new Set<string>();

  /**
   * @param count how many znodes of the source are neither in memory nor deleted
   * @param deleted paths that may be in the source, and are deleted if they are not in memory
   */
  constructor(znodes: Znodes, source: ImageSource, count: number, deleted: Iterable<string>) {
    this.#znodes = znodes;
    this.#source = source;
    this.#count = count;
    this.#deleted = new Set(deleted);
  }

  get count(): number {
    return this.#count;
  }

  find(path: string): ZnodeRecord | undefined {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? undefined : this.#znodes.get(path.slice(0, slash));
    if (parent === undefined || parent.numChildren === 0) return undefined;
    if (this.#znodes.table.knowsChildren(parent) || this.#isDeleted(path)) return undefined;
    const node = this.#source.find(path);
    return node ? this.#enter(node, parent) : undefined;
  }

  know(parent: ZnodeRecord): void {
    if (parent.numChildren > 0) {
      for (const node of this.#source.childrenOf(parent.path)) if (this.#isMissing(node.path)) this.#enter(node, parent);
    }
    if (!this.#znodes.table.setChildrenKnown(parent)) throw this.#source.damaged(`the children of ${parent.path || '/'} are not the ${parent.numChildren} it has`);
  }

  deleting(path: string): void {
    this.#deleted.add(path);
  }

  /** The znode is as the source has it, and so are its children, none of which is in memory. */
  evict(node: ZnodeRecord, path: string): void {
    this.#deleted.delete(path); // it was deleted once: what the source has is younger
    this.#deletedBefore.delete(path);
    this.#znodes.table.forget(node);
    this.#count += 1;
  }

  /** Reads everything: the source is about to be something else. */
  readAll(): void {
    for (const node of this.#source.nodes()) {
      if (!this.#isMissing(node.path)) continue;
      const parent = this.#znodes.get(node.path.slice(0, node.path.lastIndexOf('/')));
      if (parent === undefined) throw this.#source.damaged(`${node.path} has no parent`);
      this.#enter(node, parent);
    }
    if (this.#count !== 0) throw this.#source.damaged(`${this.#count} znodes are missing`);
  }

  /** The tree as it is now is what the source will be, unless the capture comes to nothing. */
  captureBegins(): void {
    for (const path of this.#deleted) this.#deletedBefore.add(path);
    this.#deleted = new Set();
  }

  captureEnded(isCommitted: boolean): void {
    if (!isCommitted) for (const path of this.#deletedBefore) this.#deleted.add(path);
    this.#deletedBefore.clear();
  }

  /** Nothing is asked for the moment. */
  idle(): void {
    this.#source.idle();
  }

  close(): void {
    this.#source.close();
  }

  #isDeleted(path: string): boolean {
    return this.#deleted.has(path) || this.#deletedBefore.has(path);
  }

  #isMissing(path: string): boolean {
    return this.#znodes.table.getLoaded(path) === undefined && !this.#isDeleted(path);
  }

  #enter(node: ImageNode, parent: ZnodeRecord): ZnodeRecord {
    if (!this.#znodes.acls.has(Number(node.aclId))) throw this.#source.damaged(`there is no ACL list ${node.aclId}, which ${node.path} has`);
    this.#count -= 1;
    return this.#znodes.enter(node, parent, true);
  }
}
