/** The AdminServer's commands (operations.md 9.2): name, aliases, and the fields of the answer. */
import { epochOf, counterOf, formatHostPort, type HostPort, type ServerSpec } from '@zk/protocol';
import { configurationOf } from './configuration.ts';
import { average, javaHex } from './java-format.ts';
import type { FourLetterWords } from './four-letter-words.ts';
import type { Json } from './json.ts';
import { monitorOf, zabStateOf } from './monitor.ts';
import { topFields } from './top.ts';
import { environment, modeOf, nodeCount, NOT_SERVING, operationName, type ConnectionStatus } from './texts.ts';
import { ZOOKEEPER_VERSION } from '../version.ts';
import type { AdminView } from './view.ts';

type Fields = { readonly [key: string]: Json };

/** What a command works on. */
export interface CommandContext {
  readonly words: FourLetterWords;
  readonly parameters: URLSearchParams;
}

export interface AdminCommand {
  readonly name: string;
  readonly aliases: readonly string[];
  /** The fields, or the text of an error. `view` is `null` while nothing is served, for those that work even then. */
  run(view: AdminView | null, context: CommandContext): Fields | string;
}

/** A command that needs a server that serves. */
function serving(name: string, aliases: readonly string[], run: (view: AdminView, context: CommandContext) => Fields | string): AdminCommand {
  return { name, aliases, run: (view, context) => (view === null || view.status.serving === null ? NOT_SERVING : run(view, context)) };
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const COMMANDS: readonly AdminCommand[] = [
  serving('configuration', ['conf', 'config'], (view) => {
    const names = ['clientPort', 'dataDir', 'dataLogDir', 'tickTime', 'maxClientCnxns', 'minSessionTimeout', 'maxSessionTimeout', 'serverId', 'clientPortListenBacklog'];
    const values = new Map(configurationOf(view));
    return Object.fromEntries(names.map((name) => [snakeCase(name), name === 'serverId' ? view.config.sid : (values.get(name) ?? null)]));
  }),
  serving('connections', ['cons'], ({ status }) => ({ connections: status.pipeline.connections.map(longConnection), secure_connections: [] })),
  serving('connection_stat_reset', ['crst'], (view) => {
    view.resetConnectionStats();
    return {};
  }),
  serving('dirs', [], ({ directorySizes: { data, log } }) => ({ datadir_size: data, logdir_size: log })),
  serving('dump', [], (view) => ({
    expiry_time_to_session_ids: Object.fromEntries(view.status.pipeline.sessionBuckets.map(({ deadline, members }) => [String(Math.round(deadline)), members.map(({ id }) => id)])),
    session_id_to_ephemeral_paths: Object.fromEntries(view.ephemerals().map(([session, paths]) => [String(session), paths])),
  })),
  { name: 'environment', aliases: ['env', 'envi'], run: () => Object.fromEntries(environment()) },
  { name: 'get_trace_mask', aliases: ['gtmk'], run: (_view, { words }) => ({ tracemask: words.traceMask }) },
  { name: 'set_trace_mask', aliases: ['stmk'], run: (_view, context) => setTraceMask(context) },
  serving('hash', [], ({ metrics }) => ({ digests: metrics.digests.map(({ zxid, digest }) => ({ zxid, digest, digest_version: 2 })) })),
  serving('initial_configuration', ['icfg'], ({ config }) => ({ initial_configuration: config.text })),
  serving('is_read_only', ['isro'], ({ status }) => ({ read_only: status.serving === 'readOnly' })),
  serving('last_snapshot', ['lsnp'], (view) => {
    const { zxid, time } = view.lastSnapshot();
    return { zxid: BigInt.asUintN(64, zxid).toString(16), timestamp: time === null ? -1 : Math.floor(time / 1000) };
  }),
  serving('leader', ['lead'], (view) => leader(view)),
  { name: 'monitor', aliases: ['mntr'], run: (view, { words }) => (view === null || view.status.serving === null ? NOT_SERVING : monitor(view, words)) },
  serving('observers', ['obsr'], ({ status }) => observers(status)),
  serving('observer_connection_stat_reset', ['orst'], (view) => {
    view.resetLearnerStats();
    return {};
  }),
  { name: 'ruok', aliases: [], run: () => ({}) },
  serving('server_stats', ['srvr'], (view, { words }) => serverStats(view, words)),
  serving('stats', ['stat'], (view, { words }) => ({
    ...serverStats(view, words),
    connections: view.status.pipeline.connections.map(shortConnection),
    secure_connections: [],
  })),
  serving('stat_reset', ['srst'], (view, { words }) => {
    view.resetServerStats();
    words.reset();
    return {};
  }),
  { name: 'system_properties', aliases: ['sysp'], run: () => Object.fromEntries(Object.entries(process.versions).sort().map(([key, value]) => [`node.${key}`, value ?? ''])) },
  serving('voting_view', [], ({ status: { ensemble } }) => ({
    current_config: Object.fromEntries([...(ensemble?.servers.values() ?? [])].filter(({ role }) => role === 'participant').map((spec) => [String(spec.sid), votingServer(spec)])),
  })),
  serving('watches', ['wchc'], ({ status }) => ({
    session_id_to_watched_paths: Object.fromEntries([...status.pipeline.watches.pathsBySession()].map(([session, paths]) => [String(session), paths])),
  })),
  serving('watches_by_path', ['wchp'], ({ status }) => ({ path_to_session_ids: Object.fromEntries(status.pipeline.watches.sessionsByPath()) })),
  serving('watch_summary', ['wchs'], ({ status }) => {
    const { watchers, paths, entries } = status.pipeline.watches.counts();
    return { num_connections: watchers, num_paths: paths, num_total_watches: entries };
  }),
  serving('top', [], topFields),
  { name: 'zabstate', aliases: [], run: (view) => (view === null ? NOT_SERVING : zabState(view)) },
];

/** Commands that Apache does not have: left out of the list of commands, which is Apache's. */
export const OWN_COMMANDS: ReadonlySet<string> = new Set(['top']);

export function findCommand(name: string): AdminCommand | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases.includes(name));
}

function setTraceMask({ words, parameters }: CommandContext): Fields | string {
  const text = parameters.get('traceMask');
  if (text === null) return 'setTraceMask requires long traceMask argument';
  if (!/^-?\d{1,18}$/.test(text)) return `setTraceMask requires long traceMask argument, got ${text}`;
  words.traceMask = BigInt(text);
  return { tracemask: words.traceMask };
}

function leader({ status, config }: AdminView): Fields | string {
  if (status.ensemble === null) return 'server is not initialized';
  const host = status.leader === null ? undefined : status.ensemble.servers.get(status.leader)?.addresses[0]?.host;
  return { is_leader: status.leader === config.sid, leader_id: status.leader, leader_ip: host ?? null };
}

function monitor(view: AdminView, words: FourLetterWords): Fields {
  const { version, serverState, peerState, values } = monitorOf(view, words.traffic(view));
  const numbers = values.map(([name, value]) => [name, typeof value === 'number' ? Math.trunc(value) : Number(average(value.double))] as const);
  return { version, server_state: serverState, ...(peerState === null ? {} : { peer_state: peerState }), ...Object.fromEntries(numbers) };
}

function observers({ learners, lastCommitted }: AdminView['status']): Fields {
  const all = learners.filter(({ role }) => role === 'observer');
  return {
    synced_observers: all.filter(({ phase }) => phase === 'synced').length,
    observers: all.map(({ remote, sid, establishedAt, queuedPackets, queuedBytes, packetsReceived, packetsSent, requests }) => ({
      remote_socket_address: `/${remote}`,
      sid,
      established: establishedAt,
      queued_packets: queuedPackets,
      queued_packets_size: queuedBytes,
      packets_received: packetsReceived,
      packets_sent: packetsSent,
      requests,
      last_zxid: lastCommitted ?? 0, // every commit is sent to it at once
    })),
  };
}

function serverStats(view: AdminView, words: FourLetterWords): Fields {
  const { status, metrics, directorySizes } = view;
  const { pipeline } = status;
  const { received, sent } = words.traffic(view);
  const response = sizes(pipeline.responseSize);
  return {
    version: ZOOKEEPER_VERSION,
    read_only: status.serving === 'readOnly',
    server_stats: {
      packets_sent: sent,
      packets_received: received,
      fsync_threshold_exceed_count: metrics.counters.fsync_threshold_exceeded,
      client_response_stats: response,
      data_dir_size: directorySizes.data,
      log_dir_size: directorySizes.log,
      provider_null: false,
      last_processed_zxid: status.tree.lastZxid,
      server_state: modeOf(status),
      outstanding_requests: pipeline.outstanding,
      avg_latency: Number(average(pipeline.latency.average)),
      max_latency: Math.round(pipeline.latency.max),
      min_latency: Math.round(pipeline.latency.min),
      num_alive_client_connections: pipeline.connections.length,
      auth_failed_count: pipeline.metrics.counters.auth_failed_count,
      non_mtlsremote_conn_count: 0,
      non_mtlslocal_conn_count: 0,
      uptime: Math.round(status.inRoleForMs),
    },
    client_response: response,
    ...(status.serving === 'leader' ? { proposal_stats: sizes(metrics.proposalSize) } : {}),
    node_count: nodeCount(status),
  };
}

function sizes({ last, min, max }: { last: number; min: number; max: number }): Fields {
  return { last_buffer_size: last, min_buffer_size: min, max_buffer_size: max };
}

function shortConnection({ remoteAddress, remotePort, reading, queued, received, sent }: ConnectionStatus): Fields {
  return {
    remote_socket_address: `${remoteAddress}:${remotePort}`,
    interest_ops: reading ? 1 : 0,
    outstanding_requests: queued,
    packets_received: received,
    packets_sent: sent,
  };
}

function longConnection(connection: ConnectionStatus): Fields {
  const short = shortConnection(connection);
  if (connection.session === null) return short;
  const whole = (n: number): number => (Number.isFinite(n) ? Math.trunc(n) : 0);
  return {
    ...short,
    session_id: connection.session,
    last_operation: operationName(connection.lastOp),
    established: connection.establishedAt,
    session_timeout: connection.timeOut,
    last_cxid: connection.lastCxid,
    last_zxid: connection.lastZxid,
    last_response_time: whole(connection.lastResponseTime),
    last_latency: whole(connection.lastLatency),
    min_latency: whole(connection.minLatency),
    avg_latency: whole(connection.averageLatency),
    max_latency: whole(connection.maxLatency),
  };
}

function votingServer({ addresses, client, role }: ServerSpec): Fields {
  return {
    server_addresses: addresses.map(({ host, quorumPort }) => formatHostPort({ host, port: quorumPort })),
    election_addresses: addresses.map(({ host, electionPort }) => formatHostPort({ host, port: electionPort })),
    client_address: client === null ? '' : formatHostPort(client),
    learner_type: role,
  };
}

function zabState({ status, config }: AdminView): Fields {
  const own = status.ensemble?.servers.get(config.sid);
  if (own === undefined) return { voting: false, zabstate: '' };
  const zxid = status.lastCommitted ?? status.lastLogged;
  return {
    myid: config.sid,
    is_leader: status.serving === 'leader',
    quorum_address: addressSet(own.addresses.map(({ host, quorumPort }) => ({ host, port: quorumPort }))),
    election_address: addressSet(own.addresses.map(({ host, electionPort }) => ({ host, port: electionPort }))),
    client_address: own.client !== null ? formatHostPort(own.client) : config.client === null ? '' : formatHostPort({ host: config.client.host ?? '0.0.0.0', port: config.client.port }),
    voting: own.role === 'participant',
    last_zxid: javaHex(zxid),
    zab_epoch: epochOf(zxid),
    zab_counter: counterOf(zxid),
    zabstate: zabStateOf(status.role, status.serving),
  };
}

/** Apache shows every getter of its set of addresses. Which of them are reachable is found out at each dial here. */
function addressSet(addresses: readonly HostPort[]): Fields {
  const texts = addresses.map(formatHostPort);
  const ports = addresses.map(({ port }) => port);
  const [one = ''] = texts;
  return {
    empty: addresses.length === 0,
    all_addresses: texts,
    all_reachable_addresses: texts,
    one,
    reachable_address: one,
    wildcard_addresses: ports.map((port) => `0.0.0.0:${port}`),
    all_ports: ports,
    all_host_strings: addresses.map(({ host }) => host),
    all_reachable_addresses_or_all: texts,
    reachable_or_one: one,
  };
}
