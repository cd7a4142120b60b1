import type { ACL } from '@zk/protocol';
import { IdSets } from './id-sets.ts';
import type { Change } from './outcome.ts';
import { Registry } from './registry.ts';
import {
  EVENT_OF,
  EventType,
  WATCH_MODES,
  WatcherType,
  type WatchMode,
  type WatchTableName,
} from './watch-events.ts';
import { WatchTable } from './watch-table.ts';

/** Sends an event. `acl` decides whether the watcher may hear of it: READ, with its ids of this moment (client.md 4.4). */
export type Deliver<W> = (watcher: W, type: EventType, path: string, acl: readonly ACL[]) => void;

/** What `wchs` and `mntr` tell. An entry is a path and a watcher, in however many modes. */
export interface WatchCounts {
  watchers: number;
  paths: number;
  entries: number;
}

/**
 * Who must be told of which change (client.md 4). W is a connection: registrations belong to it, not to the session,
 * and end with it ({@link removeWatcher} must be called). Kept as numbers in sets: about 50 bytes per registration, whatever the length of the path.
 */
export class Watches<W> {
  readonly #paths = new Registry<string>();
  readonly #watchers = new Registry<W>();
  readonly #tables: Record<WatchTableName, WatchTable> = { data: new WatchTable(), child: new WatchTable() };
  /** Watcher → paths, over both tables. */
  readonly #pathsOf = new IdSets();

  /** All entries of both tables: Apache's watch_count. */
  get count(): number {
    return this.#tables.data.entries + this.#tables.child.entries;
  }

  /** The table is the data table, as in Apache's reports, unless told otherwise. */
  counts(table: WatchTableName = 'data'): WatchCounts {
    return { watchers: this.byWatcher(table).size, paths: this.byPath(table).size, entries: this.#tables[table].entries };
  }

  /** Registers. The path is not validated, and setting a watch twice is setting it once. */
  add(path: string, table: WatchTableName, watcher: W, mode: WatchMode): void {
    const pathId = this.#paths.idOf(path);
    const watcherId = this.#watchers.idOf(watcher);
    this.#tables[table].add(pathId, watcherId, mode);
    this.#pathsOf.add(watcherId, pathId);
  }

  /** The addWatch request: a persistent watch is in both tables, a recursive one in the data table. */
  addPersistent(path: string, watcher: W, mode: 'persistent' | 'recursive'): void {
    this.add(path, 'data', watcher, mode);
    if (mode === 'persistent') this.add(path, 'child', watcher, mode);
  }

  /** checkWatches: whether this watcher has a watch of the type at exactly this path. */
  contains(path: string, type: WatcherType, watcher: W): boolean {
    const pathId = this.#paths.find(path);
    const watcherId = this.#watchers.find(watcher);
    if (pathId === undefined || watcherId === undefined) return false;
    return CHECKED[type].some(([table, mode]) => this.#tables[table].has(pathId, watcherId, mode));
  }

  /** removeWatches. @returns false when there was nothing to remove (NOWATCHER) */
  remove(path: string, type: WatcherType, watcher: W): boolean {
    const pathId = this.#paths.find(path);
    const watcherId = this.#watchers.find(watcher);
    if (pathId === undefined || watcherId === undefined) return false;
    let removed = false;
    for (const [table, mode] of REMOVED[type]) {
      if (this.#tables[table].delete(pathId, watcherId, mode)) removed = true;
    }
    this.#forgetIfUnused(pathId, watcherId);
    return removed;
  }

  /** Ends all registrations of a connection. */
  removeWatcher(watcher: W): void {
    const watcherId = this.#watchers.find(watcher);
    if (watcherId === undefined) return;
    for (const pathId of this.#pathsOf.get(watcherId)) {
      for (const [table, mode] of EVERYTHING) this.#tables[table].delete(pathId, watcherId, mode);
      this.#forgetIfUnused(pathId, watcherId);
    }
    this.#watchers.release(watcherId);
  }

  /** Tells everybody concerned, in the order of client.md 4.3, and takes away the standard watches that fired. */
  fire(changes: readonly Change[], deliver: Deliver<W>): void {
    if (this.#paths.size === 0) return;
    for (const change of changes) this.#fireChange(change, deliver);
  }

  /** By path: whoever has any watch there. */
  byPath(table: WatchTableName = 'data'): Map<string, W[]> {
    const report = new Map<string, W[]>();
    for (const [path, pathId] of this.#paths.entries()) {
      const found = new Set<number>();
      this.#tables[table].watchersAt(pathId, found);
      if (found.size > 0) report.set(path, Array.from(found, (id) => this.#watchers.thing(id)!));
    }
    return report;
  }

  /** By watcher: the paths where it has any watch. */
  byWatcher(table: WatchTableName = 'data'): Map<W, string[]> {
    const report = new Map<W, string[]>();
    for (const [path, watchers] of this.byPath(table)) {
      for (const watcher of watchers) {
        const paths = report.get(watcher);
        if (paths) paths.push(path);
        else report.set(watcher, [path]);
      }
    }
    return report;
  }

  #fireChange({ event, path, parent, acl, parentAcl }: Change, deliver: Deliver<W>): void {
    const type = EVENT_OF[event];
    const told = this.#take('data', path);
    this.#tell(told, type, path, acl, deliver);
    if (event === 'deleted') {
      // A watcher in both tables hears of the deletion once, and loses both watches.
      const others = [...this.#take('child', path)].filter((watcherId) => !told.has(watcherId));
      this.#tell(others, type, path, acl, deliver);
    }
    if (parent !== null) this.#tell(this.#take('child', parent), EventType.nodeChildrenChanged, parent, parentAcl, deliver);
  }

  #tell(watcherIds: Iterable<number>, type: EventType, path: string, acl: readonly ACL[], deliver: Deliver<W>): void {
    for (const watcherId of watcherIds) {
      const watcher = this.#watchers.thing(watcherId); // none when telling an earlier one has closed it
      if (watcher !== undefined) deliver(watcher, type, path, acl);
    }
  }

  /** One lookup: everybody to be told of a change at `path`, each once. Standard watches at `path` are used up. */
  #take(name: WatchTableName, path: string): ReadonlySet<number> {
    const table = this.#tables[name];
    const pathId = this.#paths.find(path);
    if (pathId === undefined && !table.hasRecursive) return NOBODY;
    const found = new Set<number>();
    if (pathId !== undefined) {
      table.watchersAt(pathId, found);
      for (const watcherId of table.takeStandard(pathId)) this.#forgetIfUnused(pathId, watcherId);
    }
    if (table.hasRecursive) this.#findAbove(table, path, found);
    return found;
  }

  #findAbove(table: WatchTable, path: string, found: Set<number>): void {
    for (let at = path; at !== '/' && at.startsWith('/'); ) {
      at = at.slice(0, at.lastIndexOf('/')) || '/';
      const pathId = this.#paths.find(at);
      if (pathId !== undefined) table.watchersAbove(pathId, found);
    }
  }

  /** A watcher keeps its number until {@link removeWatcher}; a path gives it back when nobody waits there any more. */
  #forgetIfUnused(pathId: number, watcherId: number): void {
    const { data, child } = this.#tables;
    if (data.hasAny(pathId, watcherId) || child.hasAny(pathId, watcherId)) return;
    this.#pathsOf.delete(watcherId, pathId);
    if (!data.hasPath(pathId) && !child.hasPath(pathId)) this.#paths.release(pathId);
  }
}

const NOBODY: ReadonlySet<number> = new Set();

type Slot = readonly [WatchTableName, WatchMode];

const EVERYTHING: readonly Slot[] = WATCH_MODES.flatMap((mode): Slot[] => [['data', mode], ['child', mode]]);

/** Where checkWatches looks. */
const CHECKED: Record<WatcherType, readonly Slot[]> = {
  [WatcherType.children]: [['child', 'standard']],
  [WatcherType.data]: [['data', 'standard']],
  [WatcherType.any]: EVERYTHING,
  [WatcherType.persistent]: [['data', 'persistent']],
  [WatcherType.persistentRecursive]: [['data', 'recursive']],
};

/** What removeWatches takes away. */
const REMOVED: Record<WatcherType, readonly Slot[]> = {
  ...CHECKED,
  [WatcherType.persistent]: [['data', 'persistent'], ['child', 'persistent']],
};
