import type { EnsembleConfig, Epoch, Sid, Zxid } from '@zk/protocol';

/**
 * How far a member may have promised beyond the epoch that a quorum has settled on: as often as it was about to lead and did
 * not get to, lately. What goes further is the history of another ensemble, which must not be asked to an election.
 */
const MAX_PROMISES_AHEAD = 10n;

/**
 * The first half of discovery: a number larger than every epoch that any of a quorum has agreed to (quorum.md 6.2,
 * Leader.getEpochToPropose). Counts by the committed config only.
 */
export class EpochQuorum {
  readonly #sid: Sid;
  readonly #config: EnsembleConfig;
  readonly #heard = new Set<Sid>();
  #epoch: Epoch = -1n;
  #frozen = false;

  constructor(sid: Sid, config: EnsembleConfig) {
    this.#sid = sid;
    this.#config = config;
  }

  /** What would be proposed now; final once `frozen`. */
  get epoch(): Epoch {
    return this.#epoch;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  get heard(): ReadonlySet<Sid> {
    return this.#heard;
  }

  /**
   * Takes in what one server has accepted. An observer's epoch raises ours as well, or it could never join (17.3 T31),
   * though only participants count towards the quorum. Without effect once frozen.
   */
  hear(sid: Sid, accepted: Epoch, isParticipant: boolean): void {
    if (this.#frozen) return;
    if (accepted >= this.#epoch) this.#epoch = accepted + 1n;
    if (isParticipant) this.#heard.add(sid);
    this.#frozen = this.#heard.has(this.#sid) && this.#config.isQuorum(this.#heard);
  }

  /**
   * A member comes that was about to lead, or to follow, under a later epoch than the one settled on: it can follow in the
   * next epoch only (17.3 T31). Apache's leader goes on without it, until something else ends its epoch.
   */
  isOutrunBy(sid: Sid, accepted: Epoch): boolean {
    const isMember = this.#config.voters.has(sid) || this.#config.observers.has(sid);
    return this.#frozen && isMember && accepted > this.#epoch && accepted <= this.#epoch + MAX_PROMISES_AHEAD;
  }
}

/** How recent a history is: the epoch it last took part in, then where it ends. */
export interface StateSummary {
  /** −1: promised this epoch before, and says nothing of the one before that. */
  readonly currentEpoch: Epoch;
  readonly lastLogged: Zxid;
}

/**
 * The second half: a quorum that promised to follow nobody older, and whose histories are not more recent than the
 * leader's (quorum.md 6.2, Leader.waitForEpochAck).
 */
export class EpochAckQuorum {
  readonly #own: StateSummary;
  readonly #sid: Sid;
  readonly #config: EnsembleConfig;
  readonly #acked = new Set<Sid>();

  constructor(sid: Sid, config: EnsembleConfig, own: StateSummary) {
    this.#sid = sid;
    this.#config = config;
    this.#own = own;
  }

  get acked(): ReadonlySet<Sid> {
    return this.#acked;
  }

  get complete(): boolean {
    return this.#acked.has(this.#sid) && this.#config.isQuorum(this.#acked);
  }

  /** True when a learner knows more than we do: then we should not lead it. Once a quorum agreed, nobody does. */
  isOutdatedBy({ currentEpoch, lastLogged }: StateSummary): boolean {
    if (this.complete || currentEpoch === -1n) return false;
    if (currentEpoch !== this.#own.currentEpoch) return currentEpoch > this.#own.currentEpoch;
    return lastLogged > this.#own.lastLogged;
  }

  /** A promise made before (−1) may have been made to another leader of the same number, so it does not count. */
  ack(sid: Sid, { currentEpoch, lastLogged }: StateSummary): void {
    if (currentEpoch !== -1n && lastLogged !== -1n) this.#acked.add(sid);
  }
}
