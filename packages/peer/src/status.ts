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

/** A member at one instant: what the four-letter words, metrics and health checks are made of. */
export interface PeerStatus {
  readonly sid: Sid;
  readonly role: RoleName;
  /** How clients are served; null: not at all. */
  readonly serving: ServingRole | null;
  /** Milliseconds in this role. */
  readonly inRoleForMs: Millis;
  /** Whom this member leads by or follows; null while it looks. */
  readonly leader: Sid | null;
  /** Members not heard of on the election port; only told while looking. */
  readonly missing: readonly Sid[];
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
  readonly learners: readonly LearnerStatus[];
  readonly disk: DiskStatus;
  readonly tree: TreeStatus;
  readonly pipeline: PipelineStatus;
}
