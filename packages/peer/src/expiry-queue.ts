import type { Millis } from '@zk/protocol';

/** What an ExpiryQueue holds; the field belongs to the queue. */
export interface Expiring {
  /** The bucket it is in, −1: in none. */
  deadline: Millis;
}

/**
 * Things that die when they are not touched, in buckets of one interval (client.md 5.3): something touched at `now` expires
 * at `(floor((now + timeout) / interval) + 1) * interval`, so touching it again within one interval costs a comparison.
 */
export class ExpiryQueue<E extends Expiring> {
  readonly interval: Millis;
  readonly #buckets = new Map<Millis, Set<E>>();
  #next: Millis = Infinity;

  constructor(interval: Millis) {
    this.interval = interval;
  }

  /** When the oldest bucket is due, Infinity when there is none. Buckets left empty by touches still count, as in Apache's. */
  get nextDeadline(): Millis {
    return this.#next;
  }

  touch(item: E, timeout: Millis, now: Millis): void {
    const deadline = (Math.floor((now + timeout) / this.interval) + 1) * this.interval;
    if (item.deadline === deadline) return;
    this.remove(item);
    item.deadline = deadline;
    const bucket = this.#buckets.get(deadline);
    if (bucket) bucket.add(item);
    else this.#buckets.set(deadline, new Set([item]));
    if (deadline < this.#next) this.#next = deadline;
  }

  remove(item: E): void {
    if (item.deadline < 0) return;
    this.#buckets.get(item.deadline)?.delete(item);
    item.deadline = -1;
  }

  /** Takes out what is due, at most `limit`: what is left is as due as before, and so is the queue. */
  poll(now: Millis, limit = Infinity): E[] {
    const due: E[] = [];
    while (this.#next <= now) {
      const bucket = this.#buckets.get(this.#next);
      for (const item of bucket ?? []) {
        if (due.length >= limit) return due;
        item.deadline = -1;
        bucket?.delete(item);
        due.push(item);
      }
      this.#buckets.delete(this.#next);
      this.#next = Math.min(Infinity, ...this.#buckets.keys());
    }
    return due;
  }

  clear(): void {
    for (const bucket of this.#buckets.values()) for (const item of bucket) item.deadline = -1;
    this.#buckets.clear();
    this.#next = Infinity;
  }

  /** The buckets, soonest first, for `dump`. */
  *buckets(): Iterable<readonly [Millis, ReadonlySet<E>]> {
    for (const deadline of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      yield [deadline, this.#buckets.get(deadline) as Set<E>];
    }
  }
}
