import type { ImageNode, ImageSource } from '@zk/protocol';
import type { ZnodeRecord } from './znode-record.ts';
import type { Backing } from './znode-table.ts';
import type { Znodes } from './znodes.ts';

/**
 * Znodes that are in a source and not in memory; each is entered when it is asked for. What the source has is right as
 * long as it is neither in memory nor deleted.
 */
export abstract class SourceBacking implements Backing {
  protected readonly znodes: Znodes;
  protected readonly source: ImageSource;
  /** Paths that may be in the source, and are deleted if they are not in memory. */
  protected readonly deleted = new Set<string>();

  constructor(znodes: Znodes, source: ImageSource) {
    this.znodes = znodes;
    this.source = source;
  }

  abstract get count(): number;

  find(path: string): ZnodeRecord | undefined {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? undefined : this.znodes.get(path.slice(0, slash));
    if (parent === undefined || parent.numChildren === 0) return undefined;
    if (this.znodes.table.knowsChildren(parent) || this.isDeleted(path)) return undefined;
    const node = this.source.find(path);
    return node ? this.enter(node, parent) : this.notFound(path, parent);
  }

  know(parent: ZnodeRecord): void {
    const { table } = this.znodes;
    if (parent.numChildren > 0) {
      for (const node of this.source.childrenOf(parent.path)) {
        if (this.isMissing(node.path)) this.enter(node, parent);
        if (!this.isInUse) break;
      }
    }
    // With the last znode that a start had to count, another backing may have taken over in the middle of the list.
    if (table.backing !== null && !this.isInUse) return table.backing.know(parent);
    if (!table.setChildrenKnown(parent)) throw this.source.damaged(`the children of ${parent.path || '/'} are not the ${parent.numChildren} it has`);
  }

  deleting(path: string): void {
    this.deleted.add(path);
  }

  /** Nobody will ask this tree again. */
  close(): void {
    this.source.close();
  }

  /** The source does not find a znode whose parent has children that are not known. */
  protected abstract notFound(path: string, parent: ZnodeRecord): ZnodeRecord | undefined;

  /** Puts a znode into memory and counts it as no longer missing there. */
  protected abstract enter(node: ImageNode, parent: ZnodeRecord | null): ZnodeRecord;

  /** Whether the table still asks this one. */
  protected get isInUse(): boolean {
    return this.znodes.table.backing === this;
  }

  protected isDeleted(path: string): boolean {
    return this.deleted.has(path);
  }

  protected isMissing(path: string): boolean {
    return this.znodes.table.getLoaded(path) === undefined && !this.isDeleted(path);
  }

  /** Enters a znode that came in the order of the source, parents first. */
  protected enterInOrder(node: ImageNode): ZnodeRecord {
    const parent = this.znodes.get(node.path.slice(0, node.path.lastIndexOf('/')));
    if (parent === undefined) throw this.source.damaged(`${node.path} has no parent`);
    return this.enter(node, parent);
  }

  /** @param wasSeen whether it has been in memory before */
  protected load(node: ImageNode, parent: ZnodeRecord | null, wasSeen: boolean): ZnodeRecord {
    if (!this.znodes.acls.has(Number(node.aclId))) throw this.source.damaged(`there is no ACL list ${node.aclId}, which ${node.path} has`);
    return this.znodes.enter(node, parent, wasSeen);
  }
}
