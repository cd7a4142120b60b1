import type { Millis } from '@zk/protocol';
import type { PeerConfig } from './config.ts';
import type { Random } from './world.ts';

/** The token bucket in front of the handshake (client.md 7.4): a ConnectRequest that finds none is closed without answer. */
export class ConnectionThrottle {
  readonly #config: PeerConfig;
  readonly #random: Random;
  #tokens: number;
  #filledAt: Millis;
  #dropChance = 0;
  #adjustedAt: Millis;

  constructor(config: PeerConfig, random: Random, now: Millis) {
    this.#config = config;
    this.#random = random;
    this.#tokens = config.connectionThrottleTokens;
    this.#filledAt = now;
    this.#adjustedAt = now;
  }

  get dropProbability(): number {
    return this.#dropChance;
  }

  admits(session: 'global' | 'local' | 'renewed', now: Millis): boolean {
    if (this.#config.connectionThrottleTokens <= 0) return true;
    this.#fill(now);
    this.#adjust(now);
    const weight = this.#weightOf(session);
    if (this.#dropChance > 0 && this.#random.next() < this.#dropChance) return false;
    if (this.#tokens < weight) return false;
    this.#tokens -= weight;
    return true;
  }

  #weightOf(session: 'global' | 'local' | 'renewed'): number {
    if (!this.#config.connectionThrottleWeightEnabled) return 1;
    if (session === 'renewed') return this.#config.connectionThrottleRenewSessionWeight;
    return session === 'local' ? this.#config.connectionThrottleLocalSessionWeight : this.#config.connectionThrottleGlobalSessionWeight;
  }

  #fill(now: Millis): void {
    const { connectionThrottleFillTime: time, connectionThrottleFillCount: count, connectionThrottleTokens: most } = this.#config;
    const rounds = Math.floor((now - this.#filledAt) / time);
    if (rounds <= 0) return;
    this.#tokens = Math.min(most, this.#tokens + rounds * count);
    this.#filledAt += rounds * time;
  }

  /** BLUE: a bucket found empty raises the chance of an early drop, a full enough one lowers it. */
  #adjust(now: Millis): void {
    const { connectionThrottleFreezeTime: freeze, connectionThrottleTokens: most, connectionThrottleDecreaseRatio: ratio } = this.#config;
    if (freeze < 0 || now - this.#adjustedAt < freeze) return;
    this.#adjustedAt = now;
    if (this.#tokens === 0) this.#dropChance = Math.min(1, this.#dropChance + this.#config.connectionThrottleDropIncrease);
    else if (this.#tokens > most * ratio) this.#dropChance = Math.max(0, this.#dropChance - this.#config.connectionThrottleDropDecrease);
  }
}
