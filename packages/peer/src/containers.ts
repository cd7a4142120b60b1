import type { Millis } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { PeerConfig } from './config.ts';

/**
 * Finds containers that became empty and TTL nodes whose time is up, on the leader or standalone server (client.md 2.7).
 * Candidates are handed out evenly spaced, so that a large clean-up does not crowd out clients.
 */
export class Reaper {
  readonly #config: PeerConfig;
  readonly #candidates: string[] = [];
  #nextCheck: Millis = Infinity;
  #nextRelease: Millis = Infinity;

  constructor(config: PeerConfig) {
    this.#config = config;
  }

  get nextDeadline(): Millis {
    return Math.min(this.#nextCheck, this.#nextRelease);
  }

  start(now: Millis): void {
    this.#nextCheck = now + this.#config.containerCheckIntervalMs;
  }

  stop(): void {
    this.#nextCheck = Infinity;
    this.#nextRelease = Infinity;
    this.#candidates.length = 0;
  }

  /** The next candidate that may go now; undefined until the next deadline. Ask again after each one. */
  take(tree: DataTree, now: Millis, wallTime: number): string | undefined {
    if (now >= this.#nextCheck) this.#collect(tree, now, wallTime);
    if (now < this.#nextRelease) return undefined;
    const path = this.#candidates.pop();
    this.#nextRelease = this.#candidates.length > 0 ? now + 60_000 / this.#config.containerMaxPerMinute : Infinity;
    return path;
  }

  #collect(tree: DataTree, now: Millis, wallTime: number): void {
    this.#nextCheck = now + this.#config.containerCheckIntervalMs;
    this.#candidates.length = 0;
    for (const path of tree.containers()) if (this.#isIdleContainer(tree, path, wallTime)) this.#candidates.push(path);
    for (const path of tree.ttls()) if (isExpired(tree, path, wallTime)) this.#candidates.push(path);
    if (this.#candidates.length > 0) this.#nextRelease = now;
  }

  /** One that had a child once goes when it has none (the stored counter tells, trap 21). */
  #isIdleContainer(tree: DataTree, path: string, wallTime: number): boolean {
    const node = tree.node(path);
    if (!node || node.numChildren > 0) return false;
    const neverUsedFor = this.#config.containerMaxNeverUsedIntervalMs;
    return node.cversion > 0 || (neverUsedFor !== 0 && wallTime - node.mtimeMs > neverUsedFor);
  }
}

function isExpired(tree: DataTree, path: string, wallTime: number): boolean {
  const node = tree.node(path);
  return node !== undefined && node.numChildren === 0 && wallTime - node.mtimeMs > node.ttlMs;
}
