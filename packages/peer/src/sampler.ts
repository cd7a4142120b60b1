import type { Millis } from '@zk/protocol';
import type { Clock } from './world.ts';

/** Up to this many a second are looked at; of more, as many as that. */
const LOOKS_PER_SECOND = 2_000;
const WINDOW_MS: Millis = 1_000;

/**
 * Picks events to look at: each while they are rare, then some of them, each with a weight that stands for those passed
 * over before it. The weights add up to the number of events. The gaps vary, so that no pattern of events slips through.
 */
export class Sampler {
  readonly #clock: Clock;
  #left = 1;
  #gap = 1;
  /** Mean of the gaps. */
  #stride = 1;
  #since: Millis | null = null;
  #events = 0;
  #chance = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For each event, its weight; 0: passed over. */
  weigh(): number {
    this.#left -= 1;
    return this.#left > 0 ? 0 : this.#pick();
  }

  #pick(): number {
    const weight = this.#gap;
    this.#events += weight;
    this.#adapt(this.#clock.now());
    this.#gap = this.#stride === 1 ? 1 : 1 + (this.#next() % (2 * this.#stride - 1));
    this.#left = this.#gap;
    return weight;
  }

  #adapt(now: Millis): void {
    this.#since ??= now;
    const elapsedMs = now - this.#since;
    if (elapsedMs < WINDOW_MS) return;
    this.#stride = Math.max(1, Math.round((this.#events * 1_000) / elapsedMs / LOOKS_PER_SECOND));
    this.#since = now;
    this.#events = 0;
  }

  /** A linear congruential generator: chance enough for this, and the same each time. */
  #next(): number {
    this.#chance = (Math.imul(this.#chance, 1_103_515_245) + 12_345) & 0x7fffffff;
    return this.#chance >>> 8;
  }
}
