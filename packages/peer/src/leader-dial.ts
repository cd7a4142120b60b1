import type { Millis, ServerSpec, Sid } from '@zk/protocol';
import { connectBudgetMs } from './config.ts';
import type { PeerConfig } from './config.ts';
import type { World } from './world.ts';

/** Apache makes 5, a full pause apart; the short ones come on top, and the whole takes a little longer than its half second. */
const ATTEMPTS = 10;
const FIRST_PAUSE_MS = 5;

/**
 * Reaching the elected leader, or a master of observers: a few attempts, because it may not listen yet, and no longer than the budget, because it
 * may be gone (quorum.md 6.3). The first pauses are short and double: both know the outcome of an election within
 * milliseconds of each other, and until the follower is there nobody serves.
 */
export class LeaderDial {
  readonly #config: PeerConfig;
  readonly #world: World;
  readonly #next: () => ServerSpec;
  readonly #giveUpAt: Millis;
  #attempts = 0;
  #nextAttemptAt: Millis;
  #target: Sid | null = null;

  /** `next`: whom to dial, asked at each attempt. `delayMs`: how long to wait before the first one. */
  constructor(config: PeerConfig, world: World, next: () => ServerSpec, delayMs: Millis) {
    this.#config = config;
    this.#world = world;
    this.#next = next;
    this.#nextAttemptAt = world.clock.now() + delayMs;
    this.#giveUpAt = this.#nextAttemptAt + connectBudgetMs(config);
  }

  /** Who was dialed last. */
  get target(): Sid | null {
    return this.#target;
  }

  tick(now: Millis): void {
    if (now < this.#nextAttemptAt) return;
    this.#nextAttemptAt = Infinity;
    this.#attempts++;
    const spec = this.#next();
    this.#target = spec.sid;
    this.#world.learners.dial(spec.sid, spec, this.#giveUpAt - now);
  }

  /** An attempt failed. False: it was the last one. */
  failed(): boolean {
    const pauseMs = Math.min(this.#config.leaderConnectDelayDuringRetryMs, FIRST_PAUSE_MS * 2 ** (this.#attempts - 1));
    const now = this.#world.clock.now();
    if (this.#attempts >= ATTEMPTS || this.#giveUpAt - now <= pauseMs) return false;
    this.#nextAttemptAt = now + pauseMs;
    return true;
  }

  nextDeadline(): Millis {
    return this.#nextAttemptAt;
  }
}
