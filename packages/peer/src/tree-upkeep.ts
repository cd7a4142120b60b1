import type { Millis } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { World } from './world.ts';

/** Znodes read at a time, fewer where they are large: a few ms of work, and nobody's request waits longer than that. */
const PIECE = 500;
/** Between two pieces, for everything else. */
const PAUSE_MS = 2;
/** Znodes looked at in one go when there are too many in memory: less than a ms. */
const SWEPT = 1000;

/**
 * Work on the tree that nobody waits for, in small pieces: reads the rest of one that is served before it has been read,
 * and later, where memory has a bound, lets go what is too much.
 */
export class TreeUpkeep {
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
    const tree = this.#tree();
    return (tree.isReading || tree.isOverfull) && !this.#stopped ? this.#next : Infinity;
  }

  tick(now: Millis): void {
    const tree = this.#tree();
    if (tree.isReading) this.#read(tree, now);
    else tree.evictSome(SWEPT);
    this.#next = this.#world.clock.now() + PAUSE_MS;
  }

  #read(tree: DataTree, now: Millis): void {
    this.#since ??= now;
    tree.readMore(PIECE);
    if (tree.isReading) return;
    const { nodeCount: znodes, cachedCount } = tree;
    const forMs = this.#world.clock.now() - this.#since;
    this.#world.trace(cachedCount === znodes ? { kind: 'treeRead', znodes, forMs } : { kind: 'treeChecked', znodes, inMemory: cachedCount, forMs });
    this.#since = null;
  }

  stop(): void {
    this.#stopped = true;
  }
}
