import type { Scheduler } from './scheduler.ts';

const ROUNDING_MS = 1e-6;

/** A member's clock: it never goes backwards, but may run faster or slower than the others'. */
export class Clock {
  readonly #scheduler: Scheduler;
  #rate = 1;
  #since = 0;
  #base = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** ms */
  get now(): number {
    return this.#base + (this.#scheduler.now - this.#since) * this.#rate;
  }

  /** From now on a second lasts `rate` seconds here. */
  drift(rate: number): void {
    this.#base = this.now;
    this.#since = this.#scheduler.now;
    this.#rate = rate;
  }

  /** The simulated time at which this clock shows `reading` at last, rounding included. */
  timeAt(reading: number): number {
    return this.#since + (reading - this.#base) / this.#rate + ROUNDING_MS;
  }
}
