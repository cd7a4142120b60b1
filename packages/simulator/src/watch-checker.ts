import { hex } from '@zk/protocol';
import type { Model } from './model.ts';
import { check } from './violation.ts';

/** A session that watches. */
export interface Watcher {
  readonly name: string;
  readonly connected: boolean;
}

interface Watch {
  /** Of the znode when it was last looked at; 0: it was not there. */
  readonly mzxid: bigint;
  /** The zxid of the reply that set it: what changes later is told. */
  readonly since: bigint;
}

const CHILDREN_CHANGED = 4;
/** An event that setWatches found to be due does not name the txn. */
const NO_ZXID = -1n;

/**
 * Watches fire once, for what changed, before the client can see the change, and are never lost: also not while their
 * session moves, which sets them again (client.md 4.5, 4.6).
 */
export class WatchChecker {
  readonly #model: Model;
  /** Per session and path: watches of a znode's data or existence. */
  readonly #nodes = new Map<Watcher, Map<string, Watch>>();
  /** Per session and path: since when it watches the children. */
  readonly #children = new Map<Watcher, Map<string, bigint>>();

  constructor(model: Model) {
    this.#model = model;
  }

  /** A reply showed the znode to a connection. `mzxid` null: it is not there. */
  looked(client: Watcher, path: string, mzxid: bigint | null, zxid: bigint, watch: boolean): void {
    const known = this.#nodes.get(client)?.get(path)?.mzxid;
    const seen = mzxid ?? 0n;
    check(known === undefined || known === seen, 'WatchBeforeData', () => `${client.name} read ${path} of ${hex(seen)}, watching since ${hex(known ?? 0n)}`);
    if (watch) of(this.#nodes, client).set(path, { mzxid: seen, since: zxid });
  }

  listed(client: Watcher, path: string, zxid: bigint, watch: boolean): void {
    const since = this.#children.get(client)?.get(path);
    if (since !== undefined) {
      const changed = this.#model.childrenChangedBy(path, zxid);
      check(changed <= since, 'WatchBeforeData', () => `${client.name} listed ${path} changed at ${hex(changed)}, watching since ${hex(since)}`);
    }
    if (watch) of(this.#children, client).set(path, zxid);
  }

  /** @param seenBefore the zxid of the last reply before it on any connection of the client */
  notified(client: Watcher, type: number, path: string, zxid: bigint, seenBefore: bigint): void {
    const isChildren = type === CHILDREN_CHANGED;
    const wasSet = isChildren ? this.#children.get(client)?.delete(path) : this.#nodes.get(client)?.delete(path);
    check(wasSet === true, 'WatchOnce', () => `${client.name} heard of ${path} at ${hex(zxid)} (type ${type}), which it does not watch`);
    if (zxid === NO_ZXID) return;
    const changed = isChildren ? this.#model.childrenChangedBy(path, zxid) === zxid : this.#model.changedBy(path, zxid) === zxid;
    check(changed, 'WatchOrder', () => `${client.name} heard of ${path} at ${hex(zxid)}, when it did not change`);
    check(zxid > seenBefore, 'WatchOrder', () => `${client.name} heard of ${path} at ${hex(zxid)} after it had been shown ${hex(seenBefore)}`);
  }

  /** What a new connection of `client` has to set again; null: nothing. */
  of(client: Watcher): { dataWatches: string[]; existWatches: string[]; childWatches: string[] } | null {
    const nodes = [...(this.#nodes.get(client) ?? [])];
    const childWatches = [...(this.#children.get(client)?.keys() ?? [])];
    if (nodes.length === 0 && childWatches.length === 0) return null;
    return {
      dataWatches: nodes.filter(([, { mzxid }]) => mzxid !== 0n).map(([path]) => path),
      existWatches: nodes.filter(([, { mzxid }]) => mzxid === 0n).map(([path]) => path),
      childWatches,
    };
  }

  /** They are set again, on a member as of `zxid`: what had changed has been told before. */
  setAgain(client: Watcher, zxid: bigint): void {
    for (const [path, { mzxid }] of this.#nodes.get(client) ?? []) {
      const now = this.#model.at(path, zxid)?.zxid ?? 0n;
      check(now === mzxid, 'WatchLost', () => `${client.name} set its watch of ${path} of ${hex(mzxid)} again, which is of ${hex(now)} at ${hex(zxid)}`);
      of(this.#nodes, client).set(path, { mzxid, since: zxid });
    }
    for (const [path, since] of this.#children.get(client) ?? []) {
      this.#childrenTold(client, path, since, zxid);
      of(this.#children, client).set(path, zxid);
    }
  }

  /** The session is over. */
  forget(client: Watcher): void {
    this.#nodes.delete(client);
    this.#children.delete(client);
  }

  /** Who watches for a change that has happened by `zxid` has heard of it. */
  atRest(zxid: bigint): void {
    for (const [client, watches] of this.#nodes) {
      if (!client.connected) continue;
      for (const [path, { since }] of watches) {
        const changed = this.#model.changedBy(path, zxid);
        check(changed <= since, 'WatchLost', () => `${client.name} watches ${path} since ${hex(since)}, which changed at ${hex(changed)}`);
      }
    }
    for (const [client, watches] of this.#children) {
      if (client.connected) for (const [path, since] of watches) this.#childrenTold(client, path, since, zxid);
    }
  }

  #childrenTold(client: Watcher, path: string, since: bigint, zxid: bigint): void {
    const changed = this.#model.childrenChangedBy(path, zxid);
    check(changed <= since, 'WatchLost', () => `${client.name} watches the children of ${path} since ${hex(since)}, which changed at ${hex(changed)}`);
  }
}

function of<T>(watches: Map<Watcher, Map<string, T>>, client: Watcher): Map<string, T> {
  const own = watches.get(client) ?? new Map<string, T>();
  watches.set(client, own);
  return own;
}
