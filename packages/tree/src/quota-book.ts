import { KeeperError } from '@zk/protocol';
import {
  countedBy,
  formatStats,
  limitedBy,
  limitsPath,
  parseTrack,
  QUOTA_ROOT,
  statsPath,
  type Quota,
  type QuotaTrack,
} from './quota.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { ZnodeTable } from './znode-table.ts';

/** Writes data that no client wrote: no version, no zxid, no watch. */
export type WriteQuietly = (node: ZnodeRecord, path: string, data: Buffer) => void;

/** Which paths are limited, and the statistics kept for them in `zookeeper_stats` znodes (client.md 2.11). */
export class QuotaBook {
  readonly #table: ZnodeTable;
  readonly #write: WriteQuietly;
  readonly #limited = new Set<string>();

  constructor(table: ZnodeTable, write: WriteQuietly) {
    this.#table = table;
    this.#write = write;
  }

  /** The deepest limited path that is `path` or an ancestor of it. The root is never limited. */
  limitedAncestor(path: string): string | null {
    if (this.#limited.size === 0) return null;
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const ancestor = path.slice(0, end);
      if (this.#limited.has(ancestor)) return ancestor;
    }
    return null;
  }

  /** @throws KeeperError MARSHALLINGERROR when the limits or statistics cannot be read */
  quotaOf(limited: string): Quota | null {
    const limits = this.#table.get(limitsPath(limited));
    if (limits === undefined) return null;
    const stats = this.#table.get(statsPath(limited));
    return { path: limited, limits: parseTrack(limits.data), stats: stats ? parseTrack(stats.data) : null };
  }

  /** Every limited path's, those left out whose limits cannot be read. */
  all(): Quota[] {
    return [...this.#limited].flatMap((limited) => {
      try {
        return this.quotaOf(limited) ?? [];
      } catch (error) {
        if (error instanceof KeeperError) return [];
        throw error;
      }
    });
  }

  created(path: string, bytes: number): void {
    const limited = limitedBy(path);
    if (limited) this.#limited.add(limited);
    const counted = countedBy(path);
    if (counted !== null) this.#recount(counted);
    this.changed(path, bytes, 1);
  }

  deleted(path: string, bytes: number): void {
    const limited = limitedBy(path);
    if (limited) this.#limited.delete(limited);
    this.changed(path, -bytes, -1);
  }

  /** Adds to the statistics of the deepest limited ancestor. */
  changed(path: string, bytesDiff: number, countDiff: number): void {
    const limited = this.limitedAncestor(path);
    if (limited === null) return;
    const node = this.#table.get(statsPath(limited));
    if (node === undefined) return;
    const stats = readStats(node);
    if (stats) this.#write(node, statsPath(limited), formatStats(stats.count + countDiff, stats.bytes + bytesDiff));
    else this.#recount(limited);
  }

  /** Finds the limited paths of a tree whose statistics are right. */
  find(): void {
    this.#limited.clear();
    for (const node of this.#subtree(QUOTA_ROOT)) {
      const limited = limitedBy(node.path);
      if (limited) this.#limited.add(limited);
    }
  }

  /** The same for a tree whose statistics may be anything: counts them anew. */
  rebuild(): void {
    this.find();
    for (const limited of this.#limited) this.#recount(limited);
  }

  #recount(path: string): void {
    const node = this.#table.get(statsPath(path));
    if (node === undefined) return;
    let count = 0;
    let bytes = 0;
    for (const { dataLength } of this.#subtree(path)) {
      count += 1;
      bytes += dataLength;
    }
    this.#write(node, statsPath(path), formatStats(count, bytes));
  }

  *#subtree(path: string): Iterable<ZnodeRecord> {
    const root = this.#table.get(path);
    const stack = root ? [root.id] : [];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      const node = this.#table.byId(id);
      for (const child of this.#table.childIds(node)) stack.push(child);
      yield node;
    }
  }
}

/** A client may have written anything into the stats znode. @returns null when it cannot be read */
function readStats(node: ZnodeRecord): QuotaTrack | null {
  try {
    return parseTrack(node.data);
  } catch {
    return null;
  }
}
