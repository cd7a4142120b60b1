import { IdSets } from './id-sets.ts';
import { WATCH_MODES, type WatchMode } from './watch-events.ts';

/**
 * One of the two tables: which watchers wait at which paths, by mode. Paths and watchers are ids. An entry is a path
 * and a watcher, in however many modes.
 */
export class WatchTable {
  readonly #modes: Record<WatchMode, IdSets> = { standard: new IdSets(), persistent: new IdSets(), recursive: new IdSets() };
  #entries = 0;

  /** The number of entries. */
  get entries(): number {
    return this.#entries;
  }

  get hasRecursive(): boolean {
    return this.#modes.recursive.size > 0;
  }

  has(path: number, watcher: number, mode: WatchMode): boolean {
    return this.#modes[mode].has(path, watcher);
  }

  hasAny(path: number, watcher: number): boolean {
    return WATCH_MODES.some((mode) => this.has(path, watcher, mode));
  }

  hasPath(path: number): boolean {
    return WATCH_MODES.some((mode) => this.#modes[mode].hasKey(path));
  }

  add(path: number, watcher: number, mode: WatchMode): void {
    const isNew = !this.hasAny(path, watcher);
    this.#modes[mode].add(path, watcher);
    if (isNew) this.#entries += 1;
  }

  /** @returns whether there was such a registration */
  delete(path: number, watcher: number, mode: WatchMode): boolean {
    if (!this.#modes[mode].delete(path, watcher)) return false;
    if (!this.hasAny(path, watcher)) this.#entries -= 1;
    return true;
  }

  /** Adds to `found` whoever waits at exactly this path. */
  watchersAt(path: number, found: Set<number>): void {
    for (const mode of WATCH_MODES) for (const watcher of this.#modes[mode].get(path)) found.add(watcher);
  }

  /** Adds to `found` whoever waits at this path for changes below it. */
  watchersAbove(path: number, found: Set<number>): void {
    for (const watcher of this.#modes.recursive.get(path)) found.add(watcher);
  }

  /** Takes away the standard watches at this path. @returns who had them */
  takeStandard(path: number): readonly number[] {
    const watchers = this.#modes.standard.get(path);
    for (const watcher of watchers) this.delete(path, watcher, 'standard');
    return watchers;
  }
}
