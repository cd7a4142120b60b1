import type { DataTree } from '@zk/tree';
import type { World } from './world.ts';

/**
 * When the tree goes to disk: every snapCount/2 to snapCount txns, drawn anew each time so that the members of an
 * ensemble do not all do it at once (storage.md 5.1). One at a time, and only while told that the tree holds nothing
 * but committed txns: a checkpoint cannot be truncated (quorum.md T1).
 */
export class Checkpoints {
  readonly #world: World;
  readonly #snapCount: number;
  #txns = 0;
  #threshold = 0;
  #writing = false;
  #whenIdle: (() => void) | null = null;

  constructor(world: World, snapCount: number) {
    this.#world = world;
    this.#snapCount = Math.max(2, snapCount);
    this.#draw();
  }

  /** One more committed txn is in `tree`. */
  applied(tree: DataTree): void {
    this.#txns++;
    if (this.#txns > this.#threshold && !this.#writing) this.take(tree);
  }

  take(tree: DataTree): void {
    this.#world.trace({ kind: 'checkpoint', zxid: tree.lastZxid, txns: this.#txns });
    this.#writing = true;
    this.#draw();
    this.#world.store.checkpoint(tree.image(), () => this.#written());
  }

  /**
   * Runs `action` once no checkpoint is being written any more. A checkpoint reads the tree while it changes, so
   * nothing uncommitted may be applied to the tree before.
   */
  whenIdle(action: () => void): void {
    if (this.#writing) this.#whenIdle = action;
    else action();
  }

  #written(): void {
    this.#writing = false;
    const action = this.#whenIdle;
    this.#whenIdle = null;
    action?.();
  }

  #draw(): void {
    this.#txns = 0;
    const half = Math.floor(this.#snapCount / 2);
    this.#threshold = half + Math.floor(this.#world.random.next() * half);
  }
}
