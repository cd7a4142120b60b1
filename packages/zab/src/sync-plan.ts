import { counterOf, epochOf } from '@zk/protocol';
import type { LoggedTxn, Zxid } from '@zk/protocol';
import type { CommittedLog } from './committed-log.ts';

/** What the leader has to bring a learner up to date with. */
export interface SyncSource {
  /** The tree's: everything up to it is committed and applied. */
  lastZxid(): Zxid;
  readonly committed: Pick<CommittedLog, 'min' | 'max' | 'from'>;
  /** The log on disk from the file that may contain `from`; null when it does not reach back that far. */
  readLog(from: Zxid): Iterable<LoggedTxn> | null;
  /** Bytes that `readLog` would go through. */
  logSizeFrom(from: Zxid): number;
  /** Bytes of the newest image on disk. */
  newestImageSize(): number;
}

/** The leader's history, to which it adds what it commits. */
export interface SyncHistory extends SyncSource {
  readonly committed: CommittedLog;
}

/** How to make a learner's history a prefix of ours. */
export interface SyncPlan {
  readonly op: 'DIFF' | 'TRUNC' | 'SNAP';
  /** The zxid of the packet; for SNAP the tree's. */
  readonly zxid: Zxid;
  /** To be sent after it, each followed by its COMMIT. */
  readonly proposals: readonly LoggedTxn[];
  /** Where live forwarding takes over: everything later is still to be sent. */
  readonly upTo: Zxid;
}

export interface SyncOptions {
  /** Default 0.33, also in place of values above 1; negative: never read the log on disk. */
  readonly snapshotSizeFactor?: number;
  /** Always SNAP, even to a learner that has everything: a way out of data that differ (zookeeper.forceSnapshotSync). */
  readonly forceSnapshot?: boolean;
}

const DEFAULT_SNAPSHOT_SIZE_FACTOR = 0.33;

/**
 * Decides between DIFF, TRUNC and SNAP for a learner whose last logged zxid is `peer` (quorum.md 7.2,
 * LearnerHandler.syncFollower). TRUNC is never replaced by SNAP, which
 * leaves Apache's learners with the old log in place (17.1 T7).
 */
export function planSync(peer: Zxid, history: SyncSource, options: SyncOptions = {}): SyncPlan {
  const lastZxid = history.lastZxid();
  const min = history.committed.min ?? lastZxid;
  const max = history.committed.max ?? lastZxid;
  const snap: SyncPlan = { op: 'SNAP', zxid: lastZxid, proposals: [], upTo: lastZxid };
  if (options.forceSnapshot) return snap;
  if (peer === lastZxid) return { op: 'DIFF', zxid: peer, proposals: [], upTo: peer };
  if (peer > max) return isEpochStart(peer) ? snap : { op: 'TRUNC', zxid: max, proposals: [], upTo: max };

  const walk = new Walk(peer, max);
  if (peer < min) {
    const log = affordableLog(peer, history, options);
    if (!log || !reachesBackTo(peer, log, walk, min)) return snap;
  }
  for (const proposal of history.committed.from(min)) walk.visit(proposal);
  return walk.plan() ?? snap;
}

/** Where an epoch starts there is no txn: such a peer has nothing that could be cut off (quorum.md 17.3 T35). */
function isEpochStart(zxid: Zxid): boolean {
  return counterOf(zxid) === 0n;
}

/** The log on disk, unless sending an image is cheaper. */
function affordableLog(peer: Zxid, history: SyncSource, options: SyncOptions): Iterable<LoggedTxn> | null {
  const wanted = options.snapshotSizeFactor ?? DEFAULT_SNAPSHOT_SIZE_FACTOR;
  const factor = wanted > 1 ? DEFAULT_SNAPSHOT_SIZE_FACTOR : wanted;
  if (factor < 0) return null;
  const limit = history.newestImageSize() * factor;
  if (limit > 0 && history.logSizeFrom(peer) > limit) return null;
  return history.readLog(peer);
}

/** Walks the log on disk from a txn the learner has up to `min`, where the committed log in memory takes over. */
function reachesBackTo(peer: Zxid, log: Iterable<LoggedTxn>, walk: Walk, min: Zxid): boolean {
  let first = true;
  for (const proposal of log) {
    if (proposal.zxid > min) break;
    if (first && proposal.zxid > peer) return false;
    first = false;
    walk.visit(proposal);
  }
  return walk.upTo >= min; // less: a hole between the log on disk and the one in memory
}

/** Goes through committed proposals in order and finds where the learner's history leaves ours (quorum.md 7.3). */
class Walk {
  readonly #peer: Zxid;
  readonly #proposals: LoggedTxn[] = [];
  #op: 'DIFF' | 'TRUNC' | 'SNAP' | null = null;
  #opZxid: Zxid;
  /** The greatest zxid seen below the peer's. */
  #below: Zxid | null = null;

  constructor(peer: Zxid, max: Zxid) {
    this.#peer = peer;
    this.#opZxid = max;
  }

  /** The last zxid the learner will have. */
  get upTo(): Zxid {
    return this.#proposals.at(-1)?.zxid ?? this.#peer;
  }

  visit(proposal: LoggedTxn): void {
    const { zxid } = proposal;
    if (zxid < this.#peer) {
      this.#below = zxid;
      return;
    }
    this.#op ??= this.#decide(zxid);
    if (zxid > this.upTo) this.#proposals.push(proposal);
  }

  plan(): SyncPlan | null {
    const op = this.#op ?? (isEpochStart(this.#peer) ? 'DIFF' : 'SNAP');
    if (op === 'SNAP') return null;
    return { op, zxid: this.#opZxid, proposals: this.#proposals, upTo: this.upTo };
  }

  /** At the first txn that is not below the peer's. */
  #decide(zxid: Zxid): 'DIFF' | 'TRUNC' | 'SNAP' {
    if (zxid === this.#peer || isEpochStart(this.#peer)) return 'DIFF';
    // Across epochs the learner may lack more than its tail, and Apache's exits when it cannot truncate (17.3 T37).
    if (epochOf(zxid) !== epochOf(this.#peer) || this.#below === null) return 'SNAP';
    this.#opZxid = this.#below;
    return 'TRUNC';
  }
}
