import { readdirSync, readFileSync } from 'node:fs';
import { Distribution } from '@zk/peer';
import { APACHE_ADVANCED_SUMMARIES, APACHE_BASIC_SUMMARIES, APACHE_COUNTERS } from './apache-names.ts';
import { labelledSets, type LabelledSets } from './labelled-sets.ts';
import { nodeCount, type Traffic } from './texts.ts';
import type { AdminView } from './view.ts';

/** A number, or one whose text keeps a decimal point: `0.0`. */
export type MonitorValue = number | { readonly double: number };

type Named<T> = readonly (readonly [name: string, value: T])[];

/** Everything that is measured, under Apache's names without prefix, by kind: what `mntr` and /metrics are made of. */
export interface Measurements {
  readonly gauges: Named<MonitorValue>;
  readonly counters: Named<number>;
  readonly basic: Named<Distribution>;
  readonly advanced: Named<Distribution>;
  readonly sets: LabelledSets;
}

const UNUSED = new Distribution();

export function measurementsOf(view: AdminView, traffic: Traffic): Measurements {
  const { basic, advanced } = view.status.pipeline.metrics;
  return {
    gauges: [...gauges(view, traffic), ...leaderGauges(view)],
    counters: counters(view),
    basic: complete(APACHE_BASIC_SUMMARIES, { ...basic, ...view.metrics.summaries }, UNUSED),
    advanced: complete(APACHE_ADVANCED_SUMMARIES, advanced, UNUSED),
    sets: labelledSets(view),
  };
}

/** What is measured, then Apache's other names with nothing measured. */
function complete<T>(names: readonly string[], measured: Readonly<Record<string, T>>, nothing: T): Named<T> {
  const others = names.filter((name) => !Object.hasOwn(measured, name));
  return [...Object.entries(measured), ...others.map((name) => [name, nothing] as const)];
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
    ['disk_full', status.disk.shortage === null ? 0 : 1],
    ['checkpoint_failed', status.disk.checkpoint === null ? 0 : 1],
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

function counters({ status, metrics }: AdminView): Named<number> {
  const { auth_failed_count: _gauge, packets_received: _received, packets_sent: _sent, ...counted } = status.pipeline.metrics.counters;
  const { fsync_threshold_exceeded: _adminOnly, ...own } = metrics.counters;
  return complete(APACHE_COUNTERS, { ...counted, ...own } as Record<string, number>, 0);
}

/** −1 where the platform does not tell. */
export function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}

let fileLimit: number | undefined;

export function maxFiles(): number {
  fileLimit ??= readFileLimit();
  return fileLimit;
}

function readFileLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}
