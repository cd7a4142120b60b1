import type { Millis } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { World } from './world.ts';

/** Znodes read at a time, fewer where they are large: a few ms of work; what is asked of the member waits no longer than that. */
const PIECE = 500;
/** Between two pieces, for everything else. */
const PAUSE_MS = 2;

/** Reads the rest of a tree that is served before it is all in memory, piece by piece. */
export class TreeReading {
  readonly #world: World;
  readonly #tree: () => DataTree;
  #next: Millis = 0;
  #since: Millis | null = null;
  #stopped = false;

  constructor(world: World, tree: () => DataTree) {
    this.#world = world;
    this.#tree = tree;
  }

  get nextDeadline(): Millis {
    return this.#tree().isReading && !this.#stopped ? this.#next : Infinity;
  }

  tick(now: Millis): void {
    const tree = this.#tree();
    this.#since ??= now;
    tree.readMore(PIECE);
    const after = this.#world.clock.now();
    this.#next = after + PAUSE_MS;
    if (tree.isReading) return;
    this.#world.trace({ kind: 'treeRead', znodes: tree.nodeCount, forMs: after - this.#since });
    this.#since = null;
  }

  stop(): void {
    this.#stopped = true;
  }
}
