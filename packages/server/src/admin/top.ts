import type { ConnectionStatus, TrafficSide } from '@zk/peer';
import { hex, type SessionId } from '@zk/protocol';
import type { Json } from './json.ts';
import type { AdminView } from './view.ts';

/** Entries of each list. */
const MOST = 20;

export interface BusySession {
  readonly session: SessionId;
  readonly address: string;
  readonly count: number;
}

export interface BusySubtree {
  readonly path: string;
  readonly count: number;
}

/** Who asks for most, and about what, on this server. */
export interface Top {
  /** Since each session's connection was made, or `crst`. Exact. */
  readonly sessions: { readonly reads: readonly BusySession[]; readonly writes: readonly BusySession[]; readonly watches: readonly BusySession[] };
  /**
   * The first two components of paths. Reads answered here and writes applied here since the start, or `srst`: estimates, for
   * under load a sample is looked at. Watches are those there are now.
   */
  readonly subtrees: { readonly reads: readonly BusySubtree[]; readonly writes: readonly BusySubtree[]; readonly watches: readonly BusySubtree[] };
}

/** Walks all connections and watches: for a person who asks, not for every scrape. */
export function topOf({ status: { pipeline } }: AdminView): Top {
  const { paths } = pipeline.metrics;
  const watchesOf = new Map([...pipeline.watches.pathsBySession()].map(([session, watched]) => [session, watched.length]));
  const sessions = (count: (connection: ConnectionStatus, session: SessionId) => number): BusySession[] => busiest(pipeline.connections, count);
  return {
    sessions: {
      reads: sessions(({ reads }) => reads),
      writes: sessions(({ writes }) => writes),
      watches: sessions((_connection, session) => watchesOf.get(session) ?? 0),
    },
    subtrees: { reads: subtrees(paths.reads), writes: subtrees(paths.writes), watches: watched(pipeline.watches.sessionsByPath()) },
  };
}

/** `/commands/top`. */
export function topFields(view: AdminView): Readonly<Record<string, Json>> {
  const { sessions, subtrees } = topOf(view);
  const bySession = (list: readonly BusySession[]): Json => list.map(({ session, address, count }) => ({ session_id: hex(session), address, count }));
  const byPath = (list: readonly BusySubtree[]): Json => list.map(({ path, count }) => ({ path, count }));
  return {
    sessions: { by_reads: bySession(sessions.reads), by_writes: bySession(sessions.writes), by_watches: bySession(sessions.watches) },
    subtrees: { by_reads: byPath(subtrees.reads), by_writes: byPath(subtrees.writes), by_watches: byPath(subtrees.watches) },
  };
}

function busiest(connections: readonly ConnectionStatus[], countOf: (connection: ConnectionStatus, session: SessionId) => number): BusySession[] {
  const counted = connections.flatMap((connection) => {
    const { session, remoteAddress, remotePort } = connection;
    return session === null ? [] : [{ session, address: `${remoteAddress}:${remotePort}`, count: countOf(connection, session) }];
  });
  return mostOf(counted);
}

function subtrees(side: TrafficSide): BusySubtree[] {
  return side.subtrees.top(MOST).map(({ key, count }) => ({ path: key, count }));
}

function watched(sessionsByPath: ReadonlyMap<string, readonly SessionId[]>): BusySubtree[] {
  const counts = new Map<string, number>();
  for (const [path, sessions] of sessionsByPath) {
    const subtree = path.split('/', 3).join('/') || '/';
    counts.set(subtree, (counts.get(subtree) ?? 0) + sessions.length);
  }
  return mostOf([...counts].map(([path, count]) => ({ path, count })));
}

function mostOf<T extends { readonly count: number }>(counted: readonly T[]): T[] {
  return counted.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count).slice(0, MOST);
}
