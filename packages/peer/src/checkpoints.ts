import { counterOf, type Millis, type Zxid } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import { TroubleClock, type Trouble } from './disk-state.ts';
import type { World } from './world.ts';

export interface CheckpointLimits {
  /** Txns between two checkpoints, at most. */
  readonly snapCount: number;
  /** Bytes of them, at most; ≤ 0: no limit. */
  readonly snapSizeLimit: number;
}

/** A checkpoint that could not be written is tried again, ms. */
const RETRY_MS = 60_000;
/** Checksum, length and end mark, which a txn has around it in the log. */
const RECORD_OVERHEAD_BYTES = 13;

/**
 * When the tree goes to disk: every half to whole snapCount txns or snapSizeLimit bytes of them, drawn anew each time so
 * that the members of an ensemble do not all do it at once (storage.md 5.1); and when it is asked for. One at a time, and
 * only while told that the tree holds nothing but committed txns: a checkpoint cannot be truncated (quorum.md T1).
 */
export class Checkpoints {
  /** Set by the member: the tree holds nothing that could still be truncated. */
  isTreeCommitted = false;

  readonly #world: World;
  readonly #limits: CheckpointLimits;
  readonly #trouble: TroubleClock;
  #txns = 0;
  #bytes = 0;
  #maxTxns = 0;
  #maxBytes = Infinity;
  #writing = false;
  #retryAt: Millis = Infinity;
  #whenIdle: (() => void) | null = null;
  #covered: Zxid;
  #isRetried = true;

  /** @param covered the last txn of the image that the tree was made from */
  constructor(world: World, { snapCount, snapSizeLimit }: CheckpointLimits, covered: Zxid) {
    this.#world = world;
    this.#limits = { snapCount: Math.max(2, snapCount), snapSizeLimit };
    this.#trouble = new TroubleClock(world);
    this.#covered = covered;
    this.#draw();
  }

  /** Why the last one could not be written; null when it could. */
  get trouble(): Trouble | null {
    return this.#trouble.status();
  }

  /** When {@link retry} has something to do. */
  nextDeadline(): Millis {
    return this.#isRetried ? this.#retryAt : Infinity;
  }

  /** One more committed txn, of so many bytes, is in `tree`. */
  applied(tree: DataTree, bytes: number): void {
    this.#txns++;
    this.#bytes += bytes + RECORD_OVERHEAD_BYTES;
    if ((this.#txns > this.#maxTxns || this.#bytes > this.#maxBytes) && !this.#writing) this.take(tree);
  }

  take(tree: DataTree): void {
    const zxid = tree.lastZxid;
    this.#world.trace({ kind: 'checkpoint', zxid, txns: this.#txns });
    this.#writing = true;
    this.#retryAt = Infinity;
    this.#draw();
    this.#world.store.checkpoint(tree.image(), (failure) => this.#ended(zxid, failure));
  }

  /**
   * Unless one is being written, or nothing has happened since the last one. An epoch begins with a zxid that no txn has:
   * a start could not find it in the log, and tell that the checkpoint belongs to it.
   */
  takeIfNew(tree: DataTree): void {
    const { lastZxid } = tree;
    if (!this.#writing && lastZxid > this.#covered && counterOf(lastZxid) !== 0n) this.take(tree);
  }

  /** The last one, of a member that stops: {@link takeIfNew}, if all of the tree is committed. */
  takeLast(tree: DataTree): void {
    if (this.isTreeCommitted) this.takeIfNew(tree);
  }

  /** There is no next time for what has failed: the member stops. */
  retryNoMore(): void {
    this.#isRetried = false;
  }

  /** What has failed is tried again, if `tree` may be saved at this moment; null: it may not. */
  retry(now: Millis, tree: DataTree | null): void {
    if (now < this.#retryAt) return;
    this.#retryAt = Infinity;
    if (!tree) this.#retryAt = now + RETRY_MS;
    else if (!this.#writing) this.take(tree);
  }

  /**
   * Runs `action` once no checkpoint is being written any more. A checkpoint reads the tree while it changes, so
   * nothing uncommitted may be applied to the tree before.
   */
  whenIdle(action: () => void): void {
    if (this.#writing) this.#whenIdle = action;
    else action();
  }

  #ended(zxid: Zxid, failure: Error | null): void {
    this.#writing = false;
    if (failure) this.#failed(failure);
    else {
      this.#covered = zxid;
      this.#trouble.end();
    }
    const action = this.#whenIdle;
    this.#whenIdle = null;
    action?.();
  }

  #failed({ message }: Error): void {
    this.#trouble.begin(message);
    this.#retryAt = this.#world.clock.now() + RETRY_MS;
    this.#world.trace({ kind: 'checkpointFailed', reason: message });
  }

  #draw(): void {
    const { snapCount, snapSizeLimit } = this.#limits;
    const share = this.#world.random.next();
    const half = Math.floor(snapCount / 2);
    this.#txns = 0;
    this.#bytes = 0;
    this.#maxTxns = half + Math.floor(share * half);
    this.#maxBytes = snapSizeLimit > 0 ? (snapSizeLimit / 2) * (1 + share) : Infinity;
  }
}
