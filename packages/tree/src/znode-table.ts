import type { ZnodeRecord } from './znode-record.ts';

/** Has the znodes that a table does not hold yet, and puts them into it when they are asked for. */
export interface Backing {
  /** How many there are. */
  readonly count: number;
  /** A path that is not in the table. @returns the znode, in the table from now on, or undefined when there is none */
  find(path: string): ZnodeRecord | undefined;
  /** Puts all children of this znode into the table. */
  know(node: ZnodeRecord): void;
  /** The znode is about to be deleted from the table: it must not come back. */
  deleting(path: string): void;
}

/**
 * Where znodes live. Narrow on purpose: a table can begin empty and read through to a {@link Backing}, because a znode
 * is only ever found by its path and children are only ever enumerated from their parent.
 */
export interface ZnodeTable {
  /** The number of znodes, the root counted once; those that are still in the backing too. */
  readonly count: number;
  /** Every id is below this. */
  readonly idLimit: number;
  /** @param path '' or '/' for the root */
  get(path: string): ZnodeRecord | undefined;
  /** The same, for a path as it lies in a request (UTF-8), without making a string of it. */
  getByBytes(path: Buffer, start: number, end: number): ZnodeRecord | undefined;
  /** The znode with this {@link ZnodeRecord.id}, which must exist. */
  byId(id: number): ZnodeRecord;
  /**
   * Adds a znode that does not exist yet, its stat all zero, and links it to its parent (null for the root).
   * The data are copied.
   */
  put(path: string, parent: ZnodeRecord | null, data: Buffer | null): ZnodeRecord;
  /** Adds a znode that its parent counts as a child already. */
  putKnown(path: string, parent: ZnodeRecord | null, data: Buffer | null): ZnodeRecord;
  setData(node: ZnodeRecord, data: Buffer | null): void;
  /** Removes a znode without children. Its id may be used again. */
  delete(node: ZnodeRecord): void;
  /** The names of the children at this moment, in no particular order. */
  childNames(node: ZnodeRecord): string[];
  childIds(node: ZnodeRecord): number[];
}
