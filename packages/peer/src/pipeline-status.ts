import type { Millis, SessionId } from '@zk/protocol';
import type { WatchCounts } from '@zk/tree';
import type { Clients } from './clients.ts';
import type { Connection } from './connections.ts';
import type { PipelineMetrics } from './metrics.ts';
import type { Sessions } from './sessions.ts';

/** One client connection, for `cons` and `stat`. */
export interface ConnectionStatus {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly secure: boolean;
  /** Requests not answered yet. */
  readonly queued: number;
  readonly received: number;
  readonly sent: number;
  /** Requests answered that changed nothing, pings left out; and those that did. */
  readonly reads: number;
  readonly writes: number;
  /** False while the client's requests are not read, because too many are in progress. */
  readonly reading: boolean;
  /** Null before the handshake. The rest means something only with a session. */
  readonly session: SessionId | null;
  /** Negotiated, ms. */
  readonly timeOut: number;
  /** 0: none yet. */
  readonly lastOp: number;
  /** Wall clock, ms since 1970. */
  readonly establishedAt: number;
  /** −1: none yet, as the next one. */
  readonly lastCxid: number;
  readonly lastZxid: bigint;
  /** On the monotonic clock, ms. */
  readonly lastResponseTime: Millis;
  readonly lastLatency: Millis;
  readonly minLatency: Millis;
  readonly averageLatency: number;
  readonly maxLatency: Millis;
}

/** Sessions, or connections, that expire at the same moment of the monotonic clock. */
export interface ExpiryBucket<T> {
  readonly deadline: Millis;
  readonly members: readonly T[];
}

export interface SessionStatus {
  readonly id: SessionId;
  readonly timeOut: number;
  readonly local: boolean;
}

export interface PipelineStatus {
  readonly connections: readonly ConnectionStatus[];
  /** Requests accepted and not answered yet. */
  readonly outstanding: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  /** ms since the start or the last reset. */
  readonly latency: { readonly min: number; readonly average: number; readonly max: number };
  /** Bytes; −1 before the first. */
  readonly responseSize: { readonly last: number; readonly min: number; readonly max: number };
  readonly watchCount: number;
  /** For `wchs`, `wchp` and `wchc`: they walk all watches, so only when they are called. */
  readonly watches: {
    counts(): WatchCounts;
    sessionsByPath(): Map<string, SessionId[]>;
    pathsBySession(): Map<SessionId, string[]>;
  };
  readonly localSessions: number;
  /** Sessions whose time runs on this server, soonest first: all of them on the leader, local ones elsewhere. */
  readonly sessionBuckets: readonly ExpiryBucket<SessionStatus>[];
  readonly connectionBuckets: readonly ExpiryBucket<Pick<ConnectionStatus, 'remoteAddress' | 'remotePort' | 'session'>>[];
  readonly connectionDropProbability: number;
  readonly metrics: PipelineMetrics;
}

export function pipelineStatus(
  clients: Clients,
  sessions: Sessions,
  metrics: PipelineMetrics,
  outstanding: number,
  dropProbability: number,
): PipelineStatus {
  const { latency, counters } = metrics;
  return {
    connections: [...clients].map(connectionStatus),
    outstanding,
    packetsReceived: counters.packets_received,
    packetsSent: counters.packets_sent,
    latency: { min: latency.min, average: latency.average, max: latency.max },
    responseSize: { last: metrics.lastResponseSize, min: metrics.minResponseSize, max: metrics.maxResponseSize },
    watchCount: clients.watches.count,
    watches: watchReports(clients),
    localSessions: sessions.localCount,
    sessionBuckets: buckets(sessions.buckets(), ({ id, timeOut, local }) => ({ id, timeOut, local })),
    connectionBuckets: buckets(clients.idleBuckets(), ({ link: { remoteAddress, remotePort }, session }) => ({ remoteAddress, remotePort, session })),
    connectionDropProbability: dropProbability,
    metrics,
  };
}

function watchReports({ watches }: Clients): PipelineStatus['watches'] {
  return {
    counts: () => watches.counts(),
    sessionsByPath: () => new Map([...watches.byPath()].map(([path, watchers]) => [path, watchers.map(({ session }) => session)])),
    pathsBySession: () => new Map([...watches.byWatcher()].map(([{ session }, paths]) => [session, paths])),
  };
}

function buckets<E, T>(from: Iterable<readonly [Millis, ReadonlySet<E>]>, show: (item: E) => T): ExpiryBucket<T>[] {
  return [...from].map(([deadline, members]) => ({ deadline, members: [...members].map(show) }));
}

function connectionStatus(connection: Connection): ConnectionStatus {
  const { link, stats } = connection;
  return {
    remoteAddress: link.remoteAddress,
    remotePort: link.remotePort,
    secure: link.secure !== undefined,
    queued: connection.queue.length,
    received: stats.received,
    sent: stats.sent,
    reads: stats.reads,
    writes: stats.writes,
    reading: !connection.paused,
    session: connection.isEstablished ? connection.session : null,
    timeOut: connection.timeOut,
    lastOp: stats.lastOp,
    establishedAt: connection.establishedAt,
    lastCxid: stats.lastCxid,
    lastZxid: stats.lastZxid,
    lastResponseTime: stats.lastResponseTime,
    lastLatency: stats.lastLatency,
    minLatency: stats.latency.min,
    averageLatency: stats.latency.average,
    maxLatency: stats.latency.max,
  };
}
