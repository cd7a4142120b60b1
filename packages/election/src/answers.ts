import type { Millis, Sid } from '@zk/protocol';

/**
 * When each peer may be answered: at most once per interval, the rest is put off to the end of it. An observer and a
 * voter that has not begun its round would otherwise answer each other at wire speed (quorum.md 3.6, T23). Put off,
 * not dropped: what is then sent is the newest vote, so nothing is lost.
 */
export class Answers {
  readonly #intervalMs: number;
  readonly #answeredAt = new Map<Sid, Millis>();
  readonly #owed = new Set<Sid>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Asks to answer a peer. True: do it now. False: due() will name it. */
  allows(sid: Sid, now: Millis): boolean {
    if (now < this.#allowedAt(sid)) {
      this.#owed.add(sid);
      return false;
    }
    this.#answeredAt.set(sid, now);
    this.#owed.delete(sid);
    return true;
  }

  /** The peer has just been sent the newest vote for another reason. */
  settle(sid: Sid): void {
    this.#owed.delete(sid);
  }

  /** The peers whose answer was put off until now. */
  due(now: Millis): Sid[] {
    const due = [...this.#owed].filter((sid) => this.allows(sid, now));
    for (const sid of this.#answeredAt.keys()) if (now >= this.#allowedAt(sid)) this.#answeredAt.delete(sid);
    return due;
  }

  nextDeadline(): Millis {
    return Math.min(...[...this.#owed].map((sid) => this.#allowedAt(sid)), Infinity);
  }

  #allowedAt(sid: Sid): Millis {
    return (this.#answeredAt.get(sid) ?? -Infinity) + this.#intervalMs;
  }
}
