/** Lets one through per interval. */
export class RateLimiter {
  readonly #intervalMs: number;
  #last = -Infinity;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** @param now monotonic, ms */
  allow(now: number): boolean {
    if (now - this.#last < this.#intervalMs) return false;
    this.#last = now;
    return true;
  }
}
