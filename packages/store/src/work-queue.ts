import type { Proposal, Zxid } from '@zk/protocol';

/** Txns that are written and synced together, and who waits for that. */
export interface Batch {
  readonly kind: 'batch';
  readonly proposals: Proposal[];
  /** In the order of the calls: `upTo` null for a flush. */
  readonly waiting: Waiter[];
}

export type Waiter = { persisted: (upTo: Zxid) => void; upTo: Zxid } | { persisted: () => void; upTo: null };

/** Anything else: runs alone, after everything before it and before everything after it. */
export interface Job {
  readonly kind: 'job';
  run(finished: () => void): void;
}

/** What has been asked of a store and not been started, in order. The last batch goes on gathering until it is. */
export class WorkQueue {
  readonly #work: (Batch | Job)[] = [];

  get isEmpty(): boolean {
    return this.#work.length === 0;
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    const { proposals, waiting } = this.#gathering();
    proposals.push(proposal);
    const last = waiting.at(-1);
    if (last?.upTo != null && last.persisted === persisted) last.upTo = proposal.zxid;
    else waiting.push({ persisted, upTo: proposal.zxid });
  }

  flush(done: () => void): void {
    this.#gathering().waiting.push({ persisted: done, upTo: null });
  }

  job(run: Job['run']): void {
    this.#work.push({ kind: 'job', run });
  }

  take(): Batch | Job | undefined {
    return this.#work.shift();
  }

  /** What was taken and could not be done is first in line again. */
  putBack(work: readonly (Batch | Job)[]): void {
    this.#work.unshift(...work);
  }

  clear(): void {
    this.#work.length = 0;
  }

  #gathering(): Batch {
    const last = this.#work.at(-1);
    if (last?.kind === 'batch') return last;
    const batch: Batch = { kind: 'batch', proposals: [], waiting: [] };
    this.#work.push(batch);
    return batch;
  }
}

/** Tells everybody who waited for a batch, in order. */
export function tell(waiting: readonly Waiter[]): void {
  for (const waiter of waiting) {
    if (waiter.upTo === null) waiter.persisted();
    else waiter.persisted(waiter.upTo);
  }
}
