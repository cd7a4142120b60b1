import { invariant, type Proposal, type Zxid } from '@zk/protocol';
import { isOutOfRoom, type RoomKeeper } from './room.ts';
import type { TxnLog } from './txn-log.ts';
import { tell, WorkQueue, type Batch } from './work-queue.ts';

/** What the loop asks about the store it works for, and tells it. */
export interface WorkHost {
  /** A snapshot lies on disk that recovery can start from. */
  readonly hasImage: boolean;
  /** The log is durable up to this zxid. @param ms how long writing and syncing took */
  logged(upTo: Zxid, ms: number): void;
  /** Nothing is done any more. */
  failed(error: Error): void;
}

/** Runs alone: after everything that was asked for before it, and before everything later. */
type Work = () => void | Promise<void>;

/**
 * Does what a store is asked for, in order: batches of txns, written and synced together, and jobs. What there is no room
 * for is tried again until there is, and nothing overtakes it. Any other failure is the last thing that happens.
 */
export class WorkLoop {
  readonly #host: WorkHost;
  readonly #log: TxnLog;
  readonly #room: RoomKeeper;
  readonly #queue = new WorkQueue();
  #busy = false; // a batch is being synced, or a job runs
  #scheduled = false;
  #jobRuns = false;
  #ended: 'no' | 'closed' | 'failed' = 'no';

  constructor(host: WorkHost, log: TxnLog, room: RoomKeeper) {
    this.#host = host;
    this.#log = log;
    this.#room = room;
  }

  /** Everything that was asked for before it is durable. */
  get jobRuns(): boolean {
    return this.#jobRuns;
  }

  get hasFailed(): boolean {
    return this.#ended === 'failed';
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    this.#queue.append(proposal, persisted);
    this.#schedule();
  }

  flush(done: () => void): void {
    this.#queue.flush(done);
    this.#schedule();
  }

  /** `done` runs after `work`, before anything that was asked for later. */
  job(work: Work, done: () => void = () => {}): void {
    this.#queue.job((next) => {
      this.#jobRuns = true;
      this.attempt(work, () => {
        this.#jobRuns = false;
        done();
        next();
      });
    });
    this.#schedule();
  }

  /** {@link job}, repeated while there is no room for it: for what leaves the old state or makes the new one. */
  jobUntilItFits(work: Work, done: () => void): void {
    const fitting = async (): Promise<void> => {
      for (;;) {
        try {
          await work();
          return this.#room.found();
        } catch (error) {
          if (!isOutOfRoom(error)) throw error;
          await new Promise<void>((resolve) => this.#room.wait(error, resolve));
        }
      }
    };
    this.job(fitting, done);
  }

  /** The last job. `isAbandoned`: something before it was given up, because there was no room for it. */
  close(work: (isAbandoned: boolean) => Promise<void>, done?: () => void): void {
    let isAbandoned = false;
    const closing = async (): Promise<void> => {
      await work(isAbandoned);
      this.#ended = 'closed';
    };
    this.job(closing, done);
    this.#room.giveUp(() => {
      // Nothing of what waits for room was acknowledged, and nothing of what waits behind it.
      this.#queue.clear();
      isAbandoned = true;
      this.#busy = false;
      this.job(closing, done);
    });
  }

  /** At once. A failure of the disk ends the store, wherever it happens; `then` is not part of what is attempted. */
  attempt(work: Work, then: () => void): void {
    let pending: void | Promise<void>;
    try {
      pending = work();
    } catch (error) {
      return this.fail(error);
    }
    if (!pending) return then();
    void pending.then(
      () => {
        if (!this.hasFailed) then();
      },
      (error: unknown) => this.fail(error),
    );
  }

  fail(error: unknown): void {
    if (this.hasFailed) return;
    this.#ended = 'failed';
    this.#queue.clear();
    this.#host.failed(error as Error);
  }

  /** Everything this turn brings is gathered before anything is started. */
  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#startNext();
    });
  }

  #startNext(): void {
    if (this.#busy || this.#ended !== 'no') return;
    const work = this.#queue.take();
    if (!work) return;
    this.#busy = true;
    if (work.kind === 'batch') this.#writeBatch(work);
    else work.run(() => this.#finished());
  }

  #finished(): void {
    this.#busy = false;
    this.#startNext();
  }

  #writeBatch(batch: Batch): void {
    const startedAt = performance.now();
    const last = batch.proposals.at(-1);
    try {
      invariant(this.#host.hasImage || !last, 'a log needs an image to start from');
      this.#log.write(batch.proposals);
    } catch (error) {
      this.#batchFailed(batch, error);
      return;
    }
    this.#log.sync((error) => {
      if (this.#ended !== 'no') return;
      if (error) return this.#batchFailed(batch, error);
      if (last) this.#host.logged(last.zxid, performance.now() - startedAt);
      if (last) this.#room.found();
      tell(batch.waiting);
      this.#finished();
    });
  }

  /** Nothing half written stays in the log, and nothing comes in between: the batch is all that is tried, until it fits. */
  #batchFailed(batch: Batch, error: unknown): void {
    if (!isOutOfRoom(error)) return this.fail(error);
    try {
      this.#log.takeBack();
    } catch (failure) {
      if (!isOutOfRoom(failure)) return this.fail(failure);
      return this.#room.wait(error, () => this.#batchFailed(batch, error));
    }
    this.#room.wait(error, () => this.#writeBatch(batch));
  }
}
