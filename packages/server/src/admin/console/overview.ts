import { formatHostPort, hex, type ServerSpec } from '@zk/protocol';
import type { ConnectionStatus, Distribution } from '@zk/peer';
import { SERVER_VERSION } from '../../version.ts';
import { modeOf, operationName } from '../texts.ts';
import { topOf, type BusySession } from '../top.ts';
import type { AdminView } from '../view.ts';
import type { Plain } from './plain.ts';

/** Rows of a table; the rest is counted. */
const MOST_ROWS = 500;

/** What the first page shows. Counters only rise, and `at` is when they were read: the page makes rates of two of them. */
export function reportOverview(view: AdminView, isWritable: boolean): Plain {
  const { status, config, now } = view;
  const { pipeline, tree } = status;
  const { counters, advanced } = pipeline.metrics;
  return {
    at: now,
    version: SERVER_VERSION,
    sid: Number(config.sid),
    mode: modeOf(status),
    role: status.role,
    inRoleForMs: Math.round(status.inRoleForMs),
    leader: status.leader === null ? null : Number(status.leader),
    missing: status.missing.map(Number),
    epoch: Number(status.currentEpoch),
    lastZxid: hex(tree.lastZxid),
    isWritable,
    ensemble: [...(status.ensemble?.servers.values() ?? [])].map((spec) => member(spec, view)),
    gauges: {
      znodes: tree.nodes,
      dataBytes: tree.approximateDataSize,
      ephemerals: tree.ephemerals,
      sessions: tree.globalSessions + pipeline.localSessions,
      connections: pipeline.connections.length,
      watches: pipeline.watchCount,
      outstanding: pipeline.outstanding,
      residentBytes: process.memoryUsage.rss(),
    },
    counters: {
      received: counters.packets_received,
      sent: counters.packets_sent,
      commits: counters.commit_count,
      fsyncs: view.metrics.summaries.fsynctime.count,
      fsyncMs: view.metrics.summaries.fsynctime.sum,
    },
    latency: { reads: distribution(advanced.readlatency), updates: distribution(advanced.updatelatency), syncs: distribution(view.metrics.summaries.fsynctime) },
  };
}

/** In ms. Count, sum and the longest are of all since the start or `srst`, percentiles of the last ones. */
function distribution(values: Distribution): Plain {
  const { count, sum, max } = values;
  return { count, sum, max, p50: values.percentile(0.5), p95: values.percentile(0.95), p99: values.percentile(0.99), p999: values.percentile(0.999) };
}

/** A leader knows its learners; the others know whom they follow. */
function member({ sid, role, addresses, client }: ServerSpec, { status, config }: AdminView): Plain {
  const learner = status.learners.find((other) => other.sid === sid);
  return {
    sid: Number(sid),
    role,
    address: addresses.map(({ host, quorumPort, electionPort }) => `${formatHostPort({ host, port: quorumPort })}:${electionPort}`).join('|'),
    client: clientAddress(sid === config.sid ? config.client : client),
    isSelf: sid === config.sid,
    state: stateOf(sid, learner?.phase, status, config.sid),
    acked: learner?.acked == null ? null : hex(learner.acked),
  };
}

/** The others' is known where their server line has it. */
function clientAddress(client: { host: string | null; port: number } | null): string | null {
  return client === null ? null : formatHostPort({ host: client.host ?? '0.0.0.0', port: client.port });
}

function stateOf(sid: bigint, phase: string | undefined, status: AdminView['status'], own: bigint): string {
  if (sid === own) return modeOf(status);
  if (sid === status.leader) return 'leader';
  if (status.serving === 'leader') return phase ?? 'absent';
  return status.missing.some((missing) => missing === sid) ? 'not heard of' : 'unknown';
}

export function reportSessions(view: AdminView): Plain {
  const connections = view.status.pipeline.connections;
  const here = new Set(connections.map(({ session }) => session));
  const elsewhere = view.globalSessions().filter(([session]) => !here.has(session));
  const ephemerals = new Map(view.ephemerals().map(([session, paths]) => [session, paths.length]));
  return {
    total: connections.length,
    connections: connections.slice(0, MOST_ROWS).map((connection) => connectionOf(connection, ephemerals.get(connection.session ?? (0n as never)) ?? 0)),
    elsewhereTotal: elsewhere.length,
    elsewhere: elsewhere.slice(0, MOST_ROWS).map(([session, timeOut]) => ({ session: hex(session), timeOut, ephemerals: ephemerals.get(session) ?? 0 })),
  };
}

function connectionOf(connection: ConnectionStatus, ephemerals: number): Plain {
  const { session, remoteAddress, remotePort, timeOut, queued, received, sent, averageLatency, maxLatency, lastOp } = connection;
  return {
    session: session === null ? null : hex(session),
    address: formatHostPort({ host: remoteAddress, port: remotePort }),
    timeOut,
    queued,
    received,
    sent,
    averageLatency,
    maxLatency: Number.isFinite(maxLatency) ? maxLatency : 0,
    lastOp: operationName(lastOp),
    ephemerals,
  };
}

export function reportWatches({ status: { pipeline } }: AdminView): Plain {
  const { watchers, paths, entries } = pipeline.watches.counts();
  const byPath = [...pipeline.watches.sessionsByPath()].sort(([, a], [, b]) => b.length - a.length);
  return {
    sessions: watchers,
    paths,
    total: entries,
    byPath: byPath.slice(0, MOST_ROWS).map(([path, sessions]) => ({ path, watchers: sessions.length, sessions: sessions.slice(0, 5).map(hex) })),
  };
}

export function reportTop(view: AdminView): Plain {
  const { sessions, subtrees } = topOf(view);
  const inHex = (list: readonly BusySession[]): Plain => list.map(({ session, address, count }) => ({ session: hex(session), address, count }));
  const plain = (list: readonly { readonly path: string; readonly count: number }[]): Plain => list.map(({ path, count }) => ({ path, count }));
  return {
    sessions: { reads: inHex(sessions.reads), writes: inHex(sessions.writes), watches: inHex(sessions.watches) },
    subtrees: { reads: plain(subtrees.reads), writes: plain(subtrees.writes), watches: plain(subtrees.watches) },
  };
}
