import { asZxid, counterOf, epochOf, Fifo, violated, zxidOf } from '@zk/protocol';
import type { Proposal, Zxid } from '@zk/protocol';

/** The last counter that is handed out: the next one could not be counted on from (quorum.md 17.4 T50). */
const LAST_COUNTER = 0xfffffffe;

/** What was proposed and is not committed yet, and the zxids for what comes next. In zxid order, without holes. */
export class OutstandingProposals {
  readonly #queue = new Fifo<Proposal>();
  #lastProposed: Zxid;
  #lastReserved: Zxid;
  /** How many zxids this epoch has left; a number, because it is asked for every write. */
  #left: number;

  /** @param last the zxid to go on from: the epoch's start, or standalone the last one logged */
  constructor(last: Zxid) {
    this.#lastProposed = last;
    this.#lastReserved = last;
    this.#left = zxidsAfter(last);
  }

  get lastProposed(): Zxid {
    return this.#lastProposed;
  }

  get head(): Proposal | undefined {
    return this.#queue.first;
  }

  get all(): readonly Proposal[] {
    return [...this.#queue];
  }

  /** Null when the epoch's counters are used up. */
  reserve(): Zxid | null {
    if (this.#left <= 0) return null;
    this.#left -= 1;
    this.#lastReserved = asZxid(this.#lastReserved + 1n);
    return this.#lastReserved;
  }

  /** Standalone nobody has to agree to a new epoch. */
  enterNextEpoch(): void {
    this.#lastReserved = zxidOf(epochOf(this.#lastReserved) + 1n, 0);
    this.#left = zxidsAfter(this.#lastReserved);
  }

  push(proposal: Proposal): void {
    const { zxid } = proposal;
    const isNext = zxid === this.#lastProposed + 1n || zxid === zxidOf(epochOf(this.#lastProposed) + 1n, 1);
    if (!isNext || zxid > this.#lastReserved) violated('proposals are in the order their zxids were reserved in', {
      zxid,
      lastProposed: this.#lastProposed,
    });
    this.#lastProposed = zxid;
    this.#queue.push(proposal);
  }

  shift(): void {
    this.#queue.shift();
  }
}

function zxidsAfter(zxid: Zxid): number {
  return LAST_COUNTER - Number(counterOf(zxid));
}
