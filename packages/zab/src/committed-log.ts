import { epochOf, Fifo } from '@zk/protocol';
import type { LoggedTxn, Zxid } from '@zk/protocol';

/** How many of the newest committed proposals are kept in memory at least (zookeeper.commitLogCount). */
export const COMMITTED_LOG_COUNT = 500;

/** True when no txn can lie between the two: the next counter, or a later epoch. */
export function follows(next: Zxid, previous: Zxid): boolean {
  return next === previous + 1n || epochOf(next) > epochOf(previous);
}

/**
 * The newest committed proposals, oldest first and without holes: what learners that were away for a short while are
 * brought up to date from. A member keeps it in every role, since a leader passes on what it synced as a follower
 * (quorum.md 17.1 T8).
 *
 * Zxids and bytes are kept, and no decoded txns: hundreds of those would be moved by every garbage collection.
 */
export class CommittedLog {
  readonly #capacity: number;
  readonly #zxids = new Fifo<Zxid>();
  readonly #bytes = new Fifo<Buffer>();

  constructor(capacity: number = COMMITTED_LOG_COUNT) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#zxids.length;
  }

  /** The oldest zxid, null when empty. */
  get min(): Zxid | null {
    return this.#zxids.first ?? null;
  }

  /** The newest zxid, null when empty. */
  get max(): Zxid | null {
    return this.#zxids.last ?? null;
  }

  /** Adds the next committed proposal. One that is here already is ignored; after a hole, what came before is forgotten. */
  add({ zxid, bytes }: LoggedTxn): void {
    const { max } = this;
    if (max !== null) {
      if (zxid <= max) return;
      if (!follows(zxid, max)) this.clear();
    }
    this.#zxids.push(zxid);
    this.#bytes.push(bytes);
    if (this.size <= this.#capacity) return;
    this.#zxids.shift();
    this.#bytes.shift();
  }

  /** Everything with zxid >= `from`, in order. Valid until the next change. */
  *from(from: Zxid): Generator<LoggedTxn> {
    for (let i = this.#indexOf(from); i < this.size; i++) yield { zxid: this.#zxids.at(i)!, bytes: this.#bytes.at(i)! };
  }

  /** Forgets everything above `to` (TRUNC). */
  truncate(to: Zxid): void {
    while (this.max !== null && this.max > to) {
      this.#zxids.pop();
      this.#bytes.pop();
    }
  }

  clear(): void {
    this.#zxids.clear();
    this.#bytes.clear();
  }

  /** Where the first proposal with zxid >= `from` is, by bisection. */
  #indexOf(from: Zxid): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#zxids.at(middle)! < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
