import type { Peer, PeerStatus } from '@zk/peer';
import type { ACL, Millis, SessionId } from '@zk/protocol';
import type { Quota } from '@zk/tree';
import type { ServerConfig } from '../config.ts';
import { lastSnapshot } from './last-snapshot.ts';
import type { ServerMetrics } from './server-metrics.ts';

/** A session's own text form in the admin texts. */
export type SessionPaths = readonly (readonly [session: SessionId, paths: readonly string[]])[];

/**
 * A server as the four-letter words, the AdminServer and monitoring see it: everything they tell, and the few things
 * they change. Pure data apart from that, so that the texts can be tested without a server.
 */
export interface AdminView {
  readonly config: ServerConfig;
  readonly status: PeerStatus;
  readonly metrics: ServerMetrics;
  /** Monotonic, and since 1970. */
  readonly now: Millis;
  readonly wallTime: number;
  /** Bytes in the version-2 directories. */
  readonly directorySizes: { readonly data: number; readonly log: number };
  /** Every session of the ensemble and its timeout in ms, known on all members. */
  globalSessions(): readonly (readonly [session: SessionId, timeOut: number])[];
  ephemerals(): SessionPaths;
  rootAcl(): readonly ACL[];
  /** The newest snapshot file and when it was written, ms since 1970; −1 and `null` without one. */
  lastSnapshot(): { readonly zxid: bigint; readonly time: number | null };
  /** Every limited path that has readable limits. */
  quotas(): readonly Quota[];
  /** `srst`, `crst` and `orst`. */
  resetServerStats(): void;
  resetConnectionStats(): void;
  resetLearnerStats(): void;
}

export interface ViewSources {
  readonly config: ServerConfig;
  readonly peer: Peer;
  readonly metrics: ServerMetrics;
  readonly now: Millis;
  readonly wallTime: number;
  directorySizes(): AdminView['directorySizes'];
}

/** The view of a living peer, at this moment. */
export function viewOf({ config, peer, metrics, now, wallTime, directorySizes }: ViewSources): AdminView {
  const { pipeline, history } = peer;
  const { tree } = history;
  return {
    config,
    status: peer.inspect(),
    metrics,
    now,
    wallTime,
    get directorySizes() {
      return directorySizes();
    },
    globalSessions: () => [...tree.sessions],
    ephemerals: () => [...tree.ephemeralOwners()].map((session) => [session, [...tree.ephemeralsOf(session)]] as const),
    quotas: () => tree.quotas(),
    rootAcl: () => tree.node('/')?.acl ?? [],
    lastSnapshot: () => lastSnapshot(config.dataDir),
    resetServerStats: () => {
      pipeline.metrics.reset();
      metrics.reset();
    },
    resetConnectionStats: () => pipeline.resetConnectionStats(),
    resetLearnerStats: () => peer.resetLearnerStats(),
  };
}
