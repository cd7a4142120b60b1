import { InvariantError } from '@zk/protocol';
import type { EnsembleConfig, Epoch, Millis, Proposal, ServerSpec, Sid, Zxid } from '@zk/protocol';
import type { Epochs } from '@zk/store';
import type { PeerConfig } from './config.ts';
import type { MemberHistory } from './history.ts';
import type { Authority } from './authority.ts';
import type { ObserverMasters } from './observer-masters.ts';
import type { Pipeline } from './pipeline.ts';
import type { FollowedBy } from './status.ts';
import type { Link, RoleName, World } from './world.ts';

/** What every role works with, and what a role may ask of the member it belongs to. */
export interface Member {
  readonly config: PeerConfig;
  readonly world: World;
  readonly history: MemberHistory;
  readonly pipeline: Pipeline;
  /** Durable, or on their way to disk: a role that starts takes both for granted. */
  readonly epochs: Epochs;
  /** The committed configuration; a standalone member is an ensemble of one. */
  readonly ensemble: EnsembleConfig;
  /** The configuration proposed to replace it, until it has. */
  readonly pendingEnsemble: EnsembleConfig | null;

  /** Who takes observers instead of the leader; null: the leader does. */
  readonly observerMasters: ObserverMasters | null;

  /** A server of either configuration. */
  findServer(sid: Sid): ServerSpec | undefined;
  /** False: the disk is full, and nothing more can be logged. */
  readonly hasRoom: boolean;

  saveEpochs(epochs: Partial<Epochs>, done: () => void): void;
  /** Applies a committed txn, answering its client if it is ours. */
  commit(proposal: Proposal): void;
  /** The role has reached broadcast: clients are served from here on. */
  serve(authority: Authority, epoch: Epoch): void;
  /** Nobody is served any more, until the next {@link Member.serve}. */
  endService(reason: string): void;
  /** Replaces the committed configuration by one with a higher version. */
  adopt(config: EnsembleConfig): void;
  /** A configuration was proposed: returns once that is durable. */
  seeProposed(config: EnsembleConfig): void;
  /** The leader activated a reconfig; `designatedLeader` leads from here on. */
  reconfigured(config: EnsembleConfig, designatedLeader: Sid): void;
  /** The role is over: back to LOOKING. Nothing of the role may run afterwards. */
  leave(reason: string): void;
  /** The role is over, but its leader is not: back to it, without an election, for the whole tree. */
  askForTree(leader: Sid, reason: string): void;
  /** The process must end. */
  die(code: number, reason: string, error?: Error): void;
}

/** A quorum-port input, for the role that owns the links. */
export type LinkInput =
  | { readonly kind: 'learnerLinked'; readonly link: Link }
  | { readonly kind: 'leaderLinked'; readonly sid: Sid; readonly link: Link }
  | { readonly kind: 'leaderUnreachable'; readonly sid: Sid; readonly reason: string }
  | { readonly kind: 'linkData'; readonly link: Link; readonly chunk: Buffer }
  | { readonly kind: 'linkClosed'; readonly link: Link; readonly reason: string }
  | { readonly kind: 'linkDrained'; readonly link: Link };

/** One period of a member's life: from entering a state to leaving it. */
export interface Role {
  readonly name: RoleName;
  /** Whom this role takes for the leader; null while there is none. */
  readonly leader: Sid | null;
  /** Clients are served with a quorum behind them. */
  readonly isServing: boolean;
  /** Separate from construction, so that what it causes finds the role in place. */
  start(): void;
  link(input: LinkInput): void;
  /** That server looks for a leader. */
  looking?(sid: Sid): void;
  tick(now: Millis): void;
  nextDeadline(): Millis;
  /** This member is about to stop: takes nothing new in from learners. */
  retire?(): void;
  /** False: something it has proposed is not committed yet. */
  readonly isIdle?: boolean;
  /** Ends it without a word to the member: closes links, stops machines. */
  close(reason: string): void;
  /** The newest committed zxid this role knows of; null before it serves. */
  lastCommitted(): Zxid | null;
  learners(): readonly FollowedBy[];
  /** `orst`. */
  resetStats?(): void;
}

/** A call that our own code never makes. */
export function unreachable(message: string): never {
  throw new InvariantError(message);
}
