import type { EnsembleConfig, Epoch, Millis, Sid, Zxid } from '@zk/protocol';
import type { LearnerStatus } from '@zk/zab';
import type { DiskStatus } from './disk-state.ts';
import type { PipelineStatus } from './pipeline.ts';
import type { RoleName, ServingRole } from './world.ts';

/** The tree in numbers. */
export interface TreeStatus {
  readonly nodes: number;
  readonly ephemerals: number;
  /** Bytes of paths and data, as Apache counts them. */
  readonly approximateDataSize: number;
  readonly lastZxid: Zxid;
  /** Sum of the nodes' digests (quorum.md 14). */
  readonly digest: bigint;
  readonly globalSessions: number;
}

/** A learner, and what has passed over its link. */
export interface FollowedBy extends LearnerStatus {
  /** Wall clock, ms since 1970. */
  readonly establishedAt: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** Clients' requests it has forwarded. */
  readonly requests: number;
  /** What it has not taken yet. The number of packets is estimated from the bytes. */
  readonly queuedPackets: number;
  readonly queuedBytes: number;
}

/** A member at one instant: what the four-letter words, metrics and health checks are made of. */
export interface PeerStatus {
  readonly sid: Sid;
  readonly role: RoleName;
  /** How clients are served; null: not at all. */
  readonly serving: ServingRole | null;
  /** Told to stop: it takes nothing new in, even while it serves. */
  readonly stopping: boolean;
  /** Milliseconds in this role. */
  readonly inRoleForMs: Millis;
  /** Whom this member leads by or follows; null while it looks. */
  readonly leader: Sid | null;
  /** Voters not heard of on the election port. */
  readonly missing: readonly Sid[];
  /** Voters known to have lost their history, while looking; this one at any time. They do not vote until a leader has sent a snapshot. */
  readonly distrusted: readonly Sid[];
  readonly ensemble: EnsembleConfig | null;
  readonly acceptedEpoch: Epoch;
  readonly currentEpoch: Epoch;
  /** The last txn in the log, committed or not. */
  readonly lastLogged: Zxid;
  /** Null while not serving. */
  readonly lastCommitted: Zxid | null;
  /** Logged, not committed yet. */
  readonly pendingTxns: number;
  /** The members that follow us; empty unless leading. */
  readonly learners: readonly FollowedBy[];
  readonly disk: DiskStatus;
  readonly tree: TreeStatus;
  readonly pipeline: PipelineStatus;
}
