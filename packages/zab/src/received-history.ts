import { asZxid, epochOf, Fifo, hex } from '@zk/protocol';
import type { Proposal, Sid, Zxid } from '@zk/protocol';
import { follows } from './committed-log.ts';

/** What the leader sent does not fit what we have: the connection cannot go on. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError';
}

/** A COMMIT, and who leads from then on when it activates a config. */
export interface Commit {
  readonly zxid: Zxid;
  readonly designatedLeader: Sid | null;
}

/**
 * What a learner was told and has not committed: proposals in order, and COMMITs that wait for their turn. Refuses
 * holes, whoever left them (quorum.md 8.2, ZOOKEEPER-4925).
 */
export class ReceivedHistory {
  readonly #pending = new Fifo<Proposal>();
  readonly #commits = new Fifo<Commit>();
  /** Everything up to here is in the tree already. */
  readonly #base: Zxid;
  #lastReceived: Zxid;
  #lastCommitted: Zxid;

  /** @param base where the history begins that the leader goes on from */
  constructor(base: Zxid) {
    this.#base = base;
    this.#lastReceived = base;
    this.#lastCommitted = base;
  }

  get pending(): Fifo<Proposal> {
    return this.#pending;
  }

  get lastCommitted(): Zxid {
    return this.#lastCommitted;
  }

  /**
   * @param epoch the leader's; it has nothing later to tell
   * @returns false for a txn that the image has already: an image may be newer than its stream (quorum.md 7.5)
   * @throws MismatchError when something before it is missing
   */
  propose(proposal: Proposal, epoch: bigint): boolean {
    const { zxid } = proposal;
    if (zxid <= this.#base && this.#lastReceived === this.#base) return false;
    if (!follows(zxid, this.#lastReceived) || epochOf(zxid) > epoch) {
      throw new MismatchError(`proposal ${hex(zxid)} does not follow ${hex(this.#lastReceived)}`);
    }
    this.#lastReceived = zxid;
    this.#pending.push(proposal);
    return true;
  }

  /** Keeps a COMMIT until `nextCommitted`. */
  commit(commit: Commit): void {
    if (commit.zxid > this.#base) this.#commits.push(commit);
  }

  /**
   * The next proposal whose COMMIT is in, with it; null when there is none.
   * @throws MismatchError for a COMMIT of anything but the oldest pending proposal
   */
  nextCommitted(): { proposal: Proposal; commit: Commit } | null {
    const commit = this.#commits.shift();
    if (!commit) return null;
    const proposal = this.#pending.first;
    if (proposal?.zxid !== commit.zxid) {
      const oldest = proposal ? hex(proposal.zxid) : 'none';
      throw new MismatchError(`COMMIT ${hex(commit.zxid)}, but the oldest pending proposal is ${oldest}`);
    }
    this.#pending.shift();
    this.#lastCommitted = asZxid(commit.zxid);
    return { proposal, commit };
  }
}
