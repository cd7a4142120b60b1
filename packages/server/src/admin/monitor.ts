import { readdirSync, readFileSync } from 'node:fs';
import type { PeerStatus } from '@zk/peer';
import { ZOOKEEPER_VERSION } from '../version.ts';
import { average } from './java-format.ts';
import { modeOf, nodeCount, type Traffic } from './texts.ts';
import type { AdminView } from './view.ts';

/** A number, or one whose text keeps a decimal point: `0.0`. */
export type MonitorValue = number | { readonly double: number };

/** `mntr` and `/commands/monitor`: version and state first, then names without prefix, in Apache's order of kinds. */
export interface Monitor {
  readonly version: string;
  readonly serverState: string;
  /** `leading - broadcast`; `null` standalone. */
  readonly peerState: string | null;
  readonly values: readonly (readonly [string, MonitorValue])[];
}

export function monitorOf(view: AdminView, traffic: Traffic): Monitor {
  return {
    version: ZOOKEEPER_VERSION,
    serverState: modeOf(view.status),
    peerState: peerStateOf(view.status),
    values: [...gauges(view, traffic), ...leaderGauges(view), ...counters(view), ...summaries(view)],
  };
}

/** `mntr`. Agents take every line apart at the tab: no line may have another form. */
export function mntr(view: AdminView, traffic: Traffic): string {
  const { version, serverState, peerState, values } = monitorOf(view, traffic);
  const head = [`zk_version\t${version}`, `zk_server_state\t${serverState}`, ...(peerState === null ? [] : [`zk_peer_state\t${peerState}`])];
  const lines = values.map(([name, value]) => `zk_${name}\t${typeof value === 'number' ? Math.trunc(value) : average(value.double)}`);
  return `${[...head, ...lines].join('\n')}\n`;
}

const PEER_STATES: Partial<Record<PeerStatus['role'], string>> = { leading: 'leading', following: 'following', observing: 'observing', looking: 'looking' };

export function peerStateOf({ ensemble, role, serving }: PeerStatus): string | null {
  if (ensemble === null) return null;
  return `${PEER_STATES[role] ?? 'looking'} - ${zabStateOf(role, serving)}`;
}

/** `election`, `synchronization` or `broadcast`. */
export function zabStateOf(role: PeerStatus['role'], serving: PeerStatus['serving']): string {
  if (role === 'looking' || role === 'draining' || role === 'stopped') return 'election';
  return serving === null ? 'synchronization' : 'broadcast';
}

function gauges({ status }: AdminView, { received, sent }: Traffic): [string, MonitorValue][] {
  const { pipeline, tree, inRoleForMs, ensemble } = status;
  const { latency, responseSize } = pipeline;
  return [
    ['avg_latency', { double: latency.average }],
    ['min_latency', latency.min],
    ['max_latency', latency.max],
    ['packets_received', received],
    ['packets_sent', sent],
    ['num_alive_connections', pipeline.connections.length],
    ['outstanding_requests', pipeline.outstanding],
    ['uptime', inRoleForMs],
    ['znode_count', nodeCount(status)],
    ['watch_count', pipeline.watchCount],
    ['ephemerals_count', tree.ephemerals],
    ['approximate_data_size', tree.approximateDataSize],
    ['global_sessions', tree.globalSessions],
    ['local_sessions', pipeline.localSessions],
    ['open_file_descriptor_count', openFiles()],
    ['max_file_descriptor_count', maxFiles()],
    ['connection_drop_probability', { double: pipeline.connectionDropProbability }],
    ['last_client_response_size', responseSize.last],
    ['min_client_response_size', responseSize.min],
    ['max_client_response_size', responseSize.max],
    ['outstanding_tls_handshake', 0],
    ['auth_failed_count', pipeline.metrics.counters.auth_failed_count],
    ['non_mtls_remote_conn_count', 0],
    ['non_mtls_local_conn_count', 0],
    ...(ensemble === null ? [] : [['quorum_size', ensemble.voters.size] as [string, MonitorValue]]),
  ];
}

function leaderGauges({ status, metrics }: AdminView): [string, MonitorValue][] {
  if (status.serving !== 'leader') return [];
  const synced = status.learners.filter(({ phase }) => phase === 'synced');
  const isVoter = (sid: bigint | null): boolean => [...(status.ensemble?.voters ?? [])].some((voter) => voter === sid);
  const followers = synced.filter(({ role }) => role === 'participant');
  const { last, min, max } = metrics.proposalSize;
  return [
    ['learners', status.learners.length],
    ['synced_followers', followers.filter(({ sid }) => isVoter(sid)).length],
    ['synced_non_voting_followers', followers.filter(({ sid }) => !isVoter(sid)).length],
    ['synced_observers', synced.length - followers.length],
    ['pending_syncs', 0],
    ['leader_uptime', status.inRoleForMs],
    ['last_proposal_size', last],
    ['min_proposal_size', min],
    ['max_proposal_size', max],
  ];
}

function counters({ status, metrics }: AdminView): [string, MonitorValue][] {
  const { auth_failed_count: _gauge, packets_received: _received, packets_sent: _sent, ...counted } = status.pipeline.metrics.counters;
  const { fsync_threshold_exceeded: _adminOnly, ...own } = metrics.counters;
  return Object.entries({ ...counted, ...own });
}

function summaries({ status, metrics }: AdminView): [string, MonitorValue][] {
  const { basic, advanced } = status.pipeline.metrics;
  const lines: [string, MonitorValue][] = [];
  for (const [name, summary] of Object.entries({ ...basic, ...metrics.summaries, ...advanced })) {
    lines.push([`avg_${name}`, { double: summary.average }], [`min_${name}`, summary.min], [`max_${name}`, summary.max], [`cnt_${name}`, summary.count], [`sum_${name}`, summary.sum]);
    if (name in advanced) {
      const distribution = advanced[name as keyof typeof advanced];
      for (const [label, share] of [['p50', 0.5], ['p95', 0.95], ['p99', 0.99], ['p999', 0.999]] as const) lines.push([`${label}_${name}`, distribution.percentile(share)]);
    }
  }
  return lines;
}

/** −1 where the platform does not tell. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}

function maxFiles(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}
