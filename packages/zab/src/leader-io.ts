import type { EnsembleConfig, Epoch, Id, Millis, Proposal, QuorumPacket, SessionId, Sid, Zxid } from '@zk/protocol';
import type { SyncHistory } from './sync-plan.ts';

/** One connection from a learner, named by whoever owns the sockets; never reused while the leader lives. */
export type LinkId = number;

/** The two promises a member keeps on disk: the newest epoch it agreed to, the newest it took part in. */
export interface Epochs {
  readonly accepted: Epoch;
  readonly current: Epoch;
}

/** How a leader is made; one object per term. Everything in its log must be durable, and applied to the tree. */
export interface LeaderOptions {
  readonly sid: Sid;
  /** The committed config. */
  readonly config: EnsembleConfig;
  /** The last proposed config, when it is newer than the committed one; counts only with `reconfigEnabled`. */
  readonly lastSeen?: EnsembleConfig | null;
  readonly reconfigEnabled?: boolean;
  /** Unit of `initLimit` and `syncLimit`. */
  readonly tickMs: number;
  readonly initLimit: number;
  readonly syncLimit: number;
  readonly epochs: Epochs;
  readonly lastLogged: Zxid;
  readonly history: SyncHistory;
  /** Alone by configuration: no epochs, no quorum, zxids go on from the last one. */
  readonly standalone: boolean;
  /** On-disk history longer than this share of the newest snapshot is not replayed to a learner; negative: never. Default 0.33. */
  readonly snapshotSizeFactor?: number;
  /** Every learner is sent the whole tree. */
  readonly forceSnapshotSync?: boolean;
  /** Observers are not synced while that many learners are already sent an image (default 10), or a history (100). */
  readonly maxConcurrentSnapSyncs?: number;
  readonly maxConcurrentDiffSyncs?: number;
  /** In ms: how long after its start a leader without an epoch gives up when one of its voters looks again; −1: never. */
  readonly maxTimeToWaitForEpochMs?: Millis;
  /** A synced learner that lets more than this pile up is cut off. Default 64 MiB. */
  readonly maxBacklogBytes?: number;
}

/** What happened to the leader. */
export type LeaderInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'linked'; readonly link: LinkId; readonly remote: string }
  | { readonly kind: 'packet'; readonly link: LinkId; readonly packet: QuorumPacket }
  | { readonly kind: 'unlinked'; readonly link: LinkId }
  /** A server's notification says that it looks for a leader. */
  | { readonly kind: 'looking'; readonly sid: Sid }
  /** A further part of the image sent to that learner has left. */
  | { readonly kind: 'imageTaken'; readonly link: LinkId }
  /** Bytes still waiting to leave on that link; told now and then while they are many. */
  | { readonly kind: 'backlog'; readonly link: LinkId; readonly bytes: number }
  | { readonly kind: 'propose'; readonly proposal: Proposal }
  /** The own log is on disk up to and including this zxid. */
  | { readonly kind: 'persisted'; readonly zxid: Zxid }
  | { readonly kind: 'epochsSaved' }
  /** A sync came out of the request pipeline: a learner's (`link`) is answered with SYNC, a local one with `synced`. */
  | { readonly kind: 'sync'; readonly token: unknown; readonly link?: LinkId }
  | { readonly kind: 'revalidated'; readonly link: LinkId; readonly session: SessionId; readonly valid: boolean }
  | { readonly kind: 'tick' };

/** What the leader wants done, strictly in order. */
export type LeaderEffect =
  /** One packet object may go to many links: encode it once. */
  | { readonly kind: 'send'; readonly link: LinkId; readonly packet: QuorumPacket }
  /** SNAP with the tree's zxid, the tree, "BenWasHere"; later sends on that link queue behind it. */
  | { readonly kind: 'sendImage'; readonly link: LinkId }
  | { readonly kind: 'disconnect'; readonly link: LinkId; readonly reason: string }
  /** Answered by `epochsSaved` once it is durable. */
  | { readonly kind: 'saveEpochs'; readonly epochs: Partial<Epochs> }
  | { readonly kind: 'append'; readonly proposal: Proposal }
  /** Apply to the tree before the next input; the committed log already has it. */
  | { readonly kind: 'commit'; readonly proposal: Proposal }
  /** The config this leader asks the others to agree to: to be durable before anything that follows. */
  | { readonly kind: 'proposedConfig'; readonly config: EnsembleConfig }
  /** A config became the committed one (first activation with reconfig enabled); precedes `serve`, or the end of a leader it leaves out. */
  | { readonly kind: 'config'; readonly config: EnsembleConfig }
  /** A quorum follows: the tree's zxid becomes `lastZxid`, the request pipeline starts. */
  | { readonly kind: 'serve'; readonly epoch: Epoch; readonly lastZxid: Zxid }
  /** A learner forwards a client's request; `authinfo` null only when the learner itself made it. */
  | {
      readonly kind: 'request';
      readonly link: LinkId;
      readonly session: SessionId;
      readonly cxid: number;
      readonly op: number;
      readonly body: Buffer;
      readonly authinfo: Id[] | null;
    }
  /** The client of that session was heard at a learner; `timeOut` in ms. */
  | { readonly kind: 'touch'; readonly link: LinkId; readonly session: SessionId; readonly timeOut: number }
  /** Answered by `revalidated`. */
  | { readonly kind: 'revalidate'; readonly link: LinkId; readonly session: SessionId; readonly timeOut: number }
  | { readonly kind: 'synced'; readonly token: unknown }
  /** Leadership is over; nothing follows, and later inputs are ignored. */
  | { readonly kind: 'stepDown'; readonly reason: string };

/** One learner as operators see it. */
export interface LearnerStatus {
  readonly link: LinkId;
  readonly remote: string;
  /** Null until its first packet. */
  readonly sid: Sid | null;
  readonly role: 'participant' | 'observer';
  readonly phase: 'discovery' | 'syncing' | 'synced';
  /** The newest zxid it acked in this epoch. */
  readonly acked: Zxid | null;
  /** Heard from within its deadline. */
  readonly alive: boolean;
}
