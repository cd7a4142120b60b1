import { epochOf } from '@zk/protocol';
import type { Proposal, Zxid } from '@zk/protocol';

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
 */
export class CommittedLog {
  readonly #capacity: number;
  #proposals: Proposal[] = [];
  /** Index of the oldest one in use: trimming one by one would move the whole array each time. */
  #first = 0;

  constructor(capacity: number = COMMITTED_LOG_COUNT) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#proposals.length - this.#first;
  }

  /** The oldest zxid, null when empty. */
  get min(): Zxid | null {
    return this.#proposals[this.#first]?.zxid ?? null;
  }

  /** The newest zxid, null when empty. */
  get max(): Zxid | null {
    return this.#proposals.at(-1)?.zxid ?? null;
  }

  /** Adds the next committed proposal. One that is here already is ignored; after a hole, what came before is forgotten. */
  add(proposal: Proposal): void {
    const { max } = this;
    if (max !== null) {
      if (proposal.zxid <= max) return;
      if (!follows(proposal.zxid, max)) this.clear();
    }
    this.#proposals.push(proposal);
    if (this.size > this.#capacity) this.#first += 1;
    if (this.#first > this.#capacity) {
      this.#proposals = this.#proposals.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Everything with zxid >= `from`, in order. Valid until the next change. */
  *from(from: Zxid): Generator<Proposal> {
    for (let i = this.#indexOf(from); i < this.#proposals.length; i++) yield this.#proposals[i]!;
  }

  /** Forgets everything above `to` (TRUNC). */
  truncate(to: Zxid): void {
    this.#proposals.length = this.#indexOf((to + 1n) as Zxid);
  }

  clear(): void {
    this.#proposals = [];
    this.#first = 0;
  }

  /** Where the first proposal with zxid >= `from` is, by bisection. */
  #indexOf(from: Zxid): number {
    let low = this.#first;
    let high = this.#proposals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#proposals[middle]!.zxid < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
