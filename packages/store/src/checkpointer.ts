import type { Capture, Image, Zxid } from '@zk/protocol';
import type { Checkpoint } from './checkpoint.ts';
import { captureOf } from './checkpoint-capture.ts';
import { CheckpointError } from './checkpoint-thread.ts';
import { isOutOfRoom } from './room.ts';
import type { Snapshots } from './snapshots.ts';
import type { TxnLog } from './txn-log.ts';

/** The log may grow by this much, in bytes, before a snapshot is written that makes it dispensable. */
const MIN_LOG_PER_SNAPSHOT = 64 * 1024 * 1024;

/** What a checkpoint asks about the store it belongs to, and tells it. */
export interface CheckpointHost {
  /** The last txn on its way to the log, or in it; null: there is none that a checkpoint would have to wait for. */
  readonly lastAppended: Zxid | null;
  /** A snapshot lies on disk that recovery can start from. */
  readonly hasImage: boolean;
  readonly hasFailed: boolean;
  isDurable(zxid: Zxid | null): boolean;
  /** `then` follows `work`, unless that fails and with it the store. */
  attempt(work: () => Promise<void>, then: () => void): void;
  /** Another snapshot is visible. What follows from that is part of writing it. */
  published(): Promise<void>;
}

/** A checkpoint that has been asked for, and is to be written now. `done` is told why there was no room for it. */
export type Begin = (done: (failure: Error | null) => void) => void;

/** What has changed since the checkpoint on disk, which `since` names. */
interface Changes {
  readonly since: object | null;
  readonly capture: Capture;
}

interface Asked {
  readonly image: Image;
  readonly zxid: Zxid;
  /** Null: snapshots alone are written. */
  readonly changes: Changes | null;
}

/** A checkpoint being written beside the log. */
interface Running {
  stopped: boolean;
  /** Set while its content is complete and the txns in it are not all durable yet. */
  proceed: (() => void) | null;
  /** The last of those txns. */
  waitsFor: Zxid | null;
  ended: Promise<void>;
}

/**
 * Writes checkpoints beside the log, one at a time: a snapshot, or what has changed to LMDB and a snapshot now and then.
 * Neither becomes visible before every txn it may hold is durable in the log.
 */
export class Checkpointer {
  readonly #host: CheckpointHost;
  readonly #log: TxnLog;
  readonly #snapshots: Snapshots;
  readonly #lmdb: Checkpoint | null;
  #running: Running | null = null;
  #isAsked = false; // waits for its turn, or is being written

  /** @param lmdb null: snapshots alone are written */
  constructor(host: CheckpointHost, log: TxnLog, snapshots: Snapshots, lmdb: Checkpoint | null) {
    this.#host = host;
    this.#log = log;
    this.#snapshots = snapshots;
    this.#lmdb = lmdb;
  }

  /** Of the tree as of this call. Null: another one has been asked for and is not done. */
  ask(image: Image): Begin | null {
    if (this.#isAsked) return null;
    this.#isAsked = true;
    const asked: Asked = { image, zxid: image.zxid, changes: this.#captureNow(image) };
    return (done) => this.#begin(asked, done);
  }

  /** More of the log is durable. */
  logged(): void {
    const { proceed, waitsFor } = this.#running ?? {};
    if (proceed && this.#host.isDurable(waitsFor ?? null)) proceed();
  }

  /** What is being written is about to be no history any more: resolves once it is given up. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running.stopped = true;
    await this.finish();
  }

  /** Nothing appended is on its way any more: resolves once what is being written is done. */
  async finish(): Promise<void> {
    const running = this.#running;
    running?.proceed?.();
    await running?.ended;
  }

  /** What is applied to the tree later must not leak into the checkpoint. */
  #captureNow(image: Image): Changes | null {
    if (!this.#lmdb) return null;
    const since = this.#lmdb.mark;
    return { since, capture: captureOf(image, since) };
  }

  #begin(asked: Asked, done: (failure: Error | null) => void): void {
    const { promise, resolve } = deferred();
    const running: Running = { stopped: false, proceed: null, waitsFor: null, ended: promise };
    this.#running = running;
    let failure: Error | null = null;
    const work = async (): Promise<void> => {
      failure = await shortageOf(() => this.#write(asked, running));
    };
    this.#host.attempt(work, () => {
      this.#running = null;
      this.#isAsked = false;
      resolve();
      done(failure);
    });
  }

  async #write({ image, zxid, changes }: Asked, running: Running): Promise<void> {
    if (changes) await this.#writeChanges(changes, running);
    if (!running.stopped && (!changes || this.#snapshotIsDue())) await this.#writeSnapshot(image, zxid, running);
  }

  async #writeChanges({ since, capture }: Changes, running: Running): Promise<void> {
    const lmdb = this.#lmdb;
    if (!lmdb) return;
    if (!capture.isWhole && since !== lmdb.mark) return capture.release(); // given up with what it was relative to
    try {
      if (!(await lmdb.enter(capture, () => this.#isOver(running)))) return;
      await this.#untilAppendedIsDurable(running);
      if (running.stopped) await lmdb.abort();
      else await lmdb.commit(capture);
    } finally {
      capture.release(); // of no consequence once it has been committed
    }
  }

  /** Recovery needs one to fall back on, and Apache one to start from; the log behind it must not grow for ever. */
  #snapshotIsDue(): boolean {
    const newest = this.#snapshots.candidates()[0];
    if (!newest || !this.#host.hasImage) return true;
    return this.#log.sizeBehind(newest.zxid) >= Math.max(MIN_LOG_PER_SNAPSHOT, this.#snapshots.newestSize());
  }

  async #writeSnapshot(image: Image, zxid: Zxid, running: Running): Promise<void> {
    const incoming = await this.#snapshots.writeIncoming(image, zxid, () => this.#isOver(running));
    if (!incoming) return;
    await this.#untilAppendedIsDurable(running);
    if (running.stopped) return this.#snapshots.discard(incoming);
    await this.#snapshots.publish(incoming);
    await this.#host.published();
  }

  /** The image may hold effects of txns that are still on their way to the log; it must not become visible before them. */
  #untilAppendedIsDurable(running: Running): Promise<void> {
    const { promise, resolve } = deferred();
    running.waitsFor = this.#host.lastAppended;
    running.proceed = resolve;
    this.logged();
    return promise;
  }

  #isOver({ stopped }: Running): boolean {
    return stopped || this.#host.hasFailed;
  }
}

/** Null when it was done. The state on disk is the old one when there was no room for a new one: no reason to stop. */
async function shortageOf(work: () => Promise<void>): Promise<Error | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (isOutOfRoom(error) || error instanceof CheckpointError) return error;
    throw error;
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
