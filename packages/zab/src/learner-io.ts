import type { EnsembleConfig, Epoch, Id, Proposal, QuorumPacket, SessionId, Sid, Zxid } from '@zk/protocol';
import type { CommittedLog } from './committed-log.ts';
import type { Epochs } from './leader-io.ts';

/** A session heard from since the last PING; `timeOut` in ms. */
export interface Touch {
  readonly session: SessionId;
  readonly timeOut: number;
}

/** How a learner is made; one object per connection attempt. Everything in its log must be durable, and applied to the tree. */
export interface LearnerOptions {
  readonly sid: Sid;
  readonly role: 'follower' | 'observer';
  /** The committed config. */
  readonly config: EnsembleConfig;
  /** Unit of `initLimit` and `syncLimit`. */
  readonly tickMs: number;
  readonly initLimit: number;
  readonly syncLimit: number;
  readonly epochs: Epochs;
  /** The end of the own history, uncommitted tail included. */
  readonly lastLogged: Zxid;
  /** Kept up to date by the learner: what it commits is added, what it loses is removed. */
  readonly committed: CommittedLog;
  /** Hands over, and forgets, the global sessions heard from since it was last called. */
  readonly takeTouched: () => Touch[];
  /** False: an observer that keeps no log of what it is told in steady state. Default true. */
  readonly syncEnabled?: boolean;
}

/** What happened to the learner. */
export type LearnerInput =
  | { readonly kind: 'linked' }
  | { readonly kind: 'packet'; readonly packet: QuorumPacket }
  /** Bytes arrived that are no whole packet yet: a large image is no silence. */
  | { readonly kind: 'heard' }
  /** The body after SNAP arrived whole and is the tree now; `zxid` is the SNAP packet's. */
  | { readonly kind: 'imageReceived'; readonly zxid: Zxid }
  | { readonly kind: 'imageSaved' }
  /** The log ends here now and the tree was rebuilt from it; null: the history at hand cannot be cut there, or cannot be read. */
  | { readonly kind: 'truncated'; readonly lastZxid: Zxid | null }
  /** The own log is on disk up to and including this zxid. */
  | { readonly kind: 'persisted'; readonly zxid: Zxid }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'epochsSaved' }
  | { readonly kind: 'unlinked' }
  | {
      readonly kind: 'request';
      readonly session: SessionId;
      readonly cxid: number;
      readonly op: number;
      readonly body: Buffer;
      readonly authinfo: Id[] | null;
    }
  | { readonly kind: 'revalidate'; readonly session: SessionId; readonly timeOut: number }
  | { readonly kind: 'tick' };

/** What the next attempt can rely on after a learner lost its leader. */
export type Remains =
  /** Tree and log agree once `uncommitted()` has been flushed and applied. */
  | 'intact'
  /** SNAP was under way: throw the tree away and recover it from disk. */
  | 'reload'
  /**
   * The own history does not fit the leader's. Until SNAP has replaced it: do not vote, and follow with `lastLogged` −1,
   * which brings the SNAP about and which no leader counts towards its quorum.
   */
  | 'distrusted'
  /**
   * The log could not be cut as TRUNC asked: it is whole, or its owner knows that it is not. The very same leader is to be asked again, with `lastLogged` −1:
   * it counts our promise already, and sends SNAP.
   */
  | 'uncut';

/** What the learner wants done, strictly in order. */
export type LearnerEffect =
  | { readonly kind: 'send'; readonly packet: QuorumPacket }
  /** Answered by `epochsSaved` once it is durable. */
  | { readonly kind: 'saveEpochs'; readonly epochs: Partial<Epochs> }
  /** Cut the log (and newer snapshots) and rebuild the tree; answered by `truncated`. */
  | { readonly kind: 'truncate'; readonly to: Zxid }
  /** Make the received tree durable and forget all older history; answered by `imageSaved`. */
  | { readonly kind: 'saveImage' }
  | { readonly kind: 'append'; readonly proposal: Proposal }
  /** Answered by `flushed` once everything appended so far is durable. */
  | { readonly kind: 'flush' }
  /** Apply to the tree, and answer the client if it is ours; the committed log already has it. */
  | { readonly kind: 'commit'; readonly proposal: Proposal }
  /** The leader proposed a config, or brought its last proposed one along: to be durable before anything that follows. */
  | { readonly kind: 'proposedConfig'; readonly config: EnsembleConfig }
  /** A reconfig was activated by the leader; follows its `commit`. */
  | { readonly kind: 'config'; readonly config: EnsembleConfig; readonly designatedLeader: Sid }
  /** UPTODATE: start serving clients; `config` came with NEWLEADER and is the committed one now. */
  | { readonly kind: 'serve'; readonly epoch: Epoch; readonly config: EnsembleConfig | null }
  | { readonly kind: 'revalidated'; readonly session: SessionId; readonly valid: boolean }
  /** The oldest pending sync may be answered. */
  | { readonly kind: 'synced' }
  /** Back to LOOKING; nothing follows, and later inputs are ignored. */
  | { readonly kind: 'lost'; readonly reason: string; readonly remains: Remains }
  /** Continuing could fork the history: leave the process with this exit code. */
  | { readonly kind: 'fatal'; readonly code: number; readonly reason: string };
