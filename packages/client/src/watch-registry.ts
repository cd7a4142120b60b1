import type { WatchEvent } from './events.ts';

export type WatchListener = (event: WatchEvent) => void;

/** What a listener was registered for; the server keeps the first three for one event, the others until removed. */
export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'recursive';
const KINDS: readonly WatchKind[] = ['data', 'exist', 'child', 'persistent', 'recursive'];

/**
 * The listeners of one client, by server-side path. The server forgets watches with the connection; this registry is
 * what setWatches restores them from.
 */
export class WatchRegistry {
  readonly #byKind = Object.fromEntries(KINDS.map((kind) => [kind, new Map<string, Set<WatchListener>>()])) as Record<
    WatchKind,
    Map<string, Set<WatchListener>>
  >;

  add(kind: WatchKind, path: string, listener: WatchListener): void {
    const byPath = this.#byKind[kind];
    const listeners = byPath.get(path);
    if (listeners) listeners.add(listener);
    else byPath.set(path, new Set([listener]));
  }

  /** Without `listener`: all of them. True when there was something to remove. */
  remove(kind: WatchKind, path: string, listener?: WatchListener): boolean {
    const byPath = this.#byKind[kind];
    const listeners = byPath.get(path);
    if (!listeners) return false;
    const removed = listener ? listeners.delete(listener) : true;
    if (!listener || listeners.size === 0) byPath.delete(path);
    return removed;
  }

  /** Somebody besides `listener`. */
  hasOthers(kind: WatchKind, path: string, listener: WatchListener): boolean {
    const listeners = this.#byKind[kind].get(path);
    return listeners !== undefined && listeners.size > (listeners.has(listener) ? 1 : 0);
  }

  paths(kind: WatchKind): string[] {
    return [...this.#byKind[kind].keys()];
  }

  /** Whom an event is for; one-shot registrations are used up by it (ZKWatchManager.materialize). */
  take(event: WatchEvent): Set<WatchListener> {
    const found = new Set<WatchListener>();
    switch (event.type) {
      case 'NodeCreated':
      case 'NodeDataChanged':
        this.#takeOneShot(['data', 'exist'], event.path, found);
        break;
      case 'NodeChildrenChanged':
        this.#takeOneShot(['child'], event.path, found);
        break;
      case 'NodeDeleted':
        this.#takeOneShot(['data', 'exist', 'child'], event.path, found);
        break;
    }
    for (const listener of this.#byKind.persistent.get(event.path) ?? []) found.add(listener);
    if (event.type !== 'NodeChildrenChanged' && this.#byKind.recursive.size > 0) this.#addRecursive(event.path, found);
    return found;
  }

  #takeOneShot(kinds: readonly WatchKind[], path: string, into: Set<WatchListener>): void {
    for (const kind of kinds) {
      for (const listener of this.#byKind[kind].get(path) ?? []) into.add(listener);
      this.#byKind[kind].delete(path);
    }
  }

  #addRecursive(path: string, into: Set<WatchListener>): void {
    for (let at = path; ; at = at.slice(0, Math.max(1, at.lastIndexOf('/')))) {
      for (const listener of this.#byKind.recursive.get(at) ?? []) into.add(listener);
      if (at === '/') return;
    }
  }
}
