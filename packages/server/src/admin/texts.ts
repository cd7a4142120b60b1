/** The answers to four-letter words, in Apache's wording (operations.md 6.4). Each is complete, final newline included. */
import { release, hostname, tmpdir, totalmem, type as osType, userInfo } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { dirname } from 'node:path';
import { OpCode, type SessionId } from '@zk/protocol';
import type { PeerStatus } from '@zk/peer';
import { ZOOKEEPER_VERSION } from '../version.ts';
import { average, javaDate, javaHex } from './java-format.ts';
import type { AdminView } from './view.ts';

export type ConnectionStatus = PeerStatus['pipeline']['connections'][number];

/** The connection a word came on: it is in the lists, with the word as its only packet. */
export interface Asker {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Words asked so far are packets too. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

export const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests';

/** `leader`, `follower`, `observer`, `standalone` or `read-only`. */
export function modeOf({ serving }: PeerStatus): string {
  return serving === null ? 'not serving' : serving === 'readOnly' ? 'read-only' : serving;
}

/** Apache counts the root twice: it knows it under two names. */
export function nodeCount({ tree }: PeerStatus): number {
  return tree.nodes + 1;
}

export function srvr(view: AdminView, traffic: Traffic): string {
  return [...versionLines(view), ...summaryLines(view, traffic), ''].join('\n');
}

export function stat(view: AdminView, traffic: Traffic, asker: Asker): string {
  const clients = view.status.pipeline.connections.map((connection) => shortLine(connection, asker));
  return [...versionLines(view), 'Clients:', ...clients, '', ...summaryLines(view, traffic), ''].join('\n');
}

function versionLines({ status }: AdminView): string[] {
  const version = `Zookeeper version: ${ZOOKEEPER_VERSION}`;
  return status.serving === 'readOnly' ? [version, 'READ-ONLY mode; serving only read-only clients'] : [version];
}

function summaryLines({ status, metrics }: AdminView, { received, sent }: Traffic): string[] {
  const { latency, connections, outstanding } = status.pipeline;
  const { last, min, max } = metrics.proposalSize;
  return [
    `Latency min/avg/max: ${Math.round(latency.min)}/${average(latency.average)}/${Math.round(latency.max)}`,
    `Received: ${received}`,
    `Sent: ${sent}`,
    `Connections: ${connections.length}`,
    `Outstanding: ${outstanding}`,
    `Zxid: ${javaHex(status.tree.lastZxid)}`,
    `Mode: ${modeOf(status)}`,
    `Node count: ${nodeCount(status)}`,
    ...(status.serving === 'leader' ? [`Proposal sizes last/min/max: ${last}/${min}/${max}`] : []),
  ];
}

export function cons({ status }: AdminView, asker: Asker): string {
  return [...status.pipeline.connections.map((connection) => longLine(connection, asker)), '', ''].join('\n');
}

function isAsker({ remoteAddress, remotePort }: ConnectionStatus, asker: Asker): boolean {
  return remoteAddress === asker.remoteAddress && remotePort === asker.remotePort;
}

/** ` /127.0.0.1:37524[1](queued=0,recved=2,sent=2)`; in brackets Java's interest ops: 1 while it is read from. */
function shortLine(connection: ConnectionStatus, asker: Asker): string {
  return `${openLine(connection, asker)})`;
}

function openLine(connection: ConnectionStatus, asker: Asker): string {
  const { remoteAddress, remotePort, queued, received, sent, reading } = connection;
  const asks = isAsker(connection, asker);
  const interest = reading && !asks ? 1 : 0;
  return ` /${remoteAddress}:${remotePort}[${interest}](queued=${queued},recved=${asks ? 1 : received},sent=${sent}`;
}

function longLine(connection: ConnectionStatus, asker: Asker): string {
  const { session, timeOut, lastOp, establishedAt, lastCxid, lastZxid, lastResponseTime, lastLatency, minLatency, averageLatency, maxLatency } = connection;
  if (session === null) return shortLine(connection, asker);
  const whole = (n: number): number => (Number.isFinite(n) ? Math.trunc(n) : 0);
  const details = [
    `sid=${javaHex(session)}`,
    `lop=${operationName(lastOp)}`,
    `est=${establishedAt}`,
    `to=${timeOut}`,
    ...(lastCxid >= 0 ? [`lcxid=${javaHex(lastCxid)}`] : []),
    `lzxid=${javaHex(lastZxid)}`,
    `lresp=${whole(lastResponseTime)}`,
    `llat=${whole(lastLatency)}`,
    `minlat=${whole(minLatency)}`,
    `avglat=${whole(averageLatency)}`,
    `maxlat=${whole(maxLatency)}`,
  ];
  return `${openLine(connection, asker)},${details.join(',')})`;
}

const OPERATION_NAMES = new Map<number, string>([
  [OpCode.ping, 'PING'], [OpCode.createSession, 'SESS'], [OpCode.closeSession, 'CLOS'],
  [OpCode.create, 'CREA'], [OpCode.create2, 'CREA'], [OpCode.createContainer, 'CREA'], [OpCode.createTTL, 'CREA'],
  [OpCode.delete, 'DELE'], [OpCode.deleteContainer, 'DELE'], [OpCode.setData, 'SETD'], [OpCode.reconfig, 'RECO'],
  [OpCode.setACL, 'SETA'], [OpCode.check, 'CHEC'], [OpCode.sync, 'SYNC'], [OpCode.exists, 'EXIS'],
  [OpCode.getData, 'GETD'], [OpCode.getACL, 'GETA'], [OpCode.getChildren, 'GETC'], [OpCode.getChildren2, 'GETC'],
  [OpCode.getAllChildrenNumber, 'GETACN'], [OpCode.getEphemerals, 'GETE'], [OpCode.multi, 'MULT'],
  [OpCode.multiRead, 'MLTR'], [OpCode.setWatches, 'SETW'], [OpCode.setWatches2, 'STW2'], [OpCode.addWatch, 'ADDW'],
  [OpCode.checkWatches, 'CHKW'], [OpCode.removeWatches, 'REMW'], [OpCode.whoAmI, 'HOMI'],
]);

/** `CREA`, `GETD`, …; `NA` before the first. */
export function operationName(op: number): string {
  return OPERATION_NAMES.get(op) ?? 'NA';
}

export function dirs({ directorySizes: { data, log } }: AdminView): string {
  return `datadir_size: ${data}\nlogdir_size: ${log}\n`;
}

export function dump(view: AdminView): string {
  const lines = ['SessionTracker dump:', ...sessionLines(view), ...ephemeralLines(view), ...connectionLines(view)];
  return `${lines.join('\n')}\n`;
}

/** A leader and a standalone server know when each session expires; the others know which there are. */
function sessionLines(view: AdminView): string[] {
  const { serving, pipeline } = view.status;
  const localEnabled = view.config.settings.get('localSessionsEnabled');
  const owned = (local: boolean) =>
    pipeline.sessionBuckets
      .map(({ deadline, members }) => ({ deadline, members: members.filter((member) => member.local === local).map(({ id }) => `\t${javaHex(id)}`) }))
      .filter(({ members }) => members.length > 0 || !localEnabled);
  const local = localEnabled ? bucketLines(view, 'Local Session Sets', owned(true)) : [];
  if (serving === 'leader' || serving === 'standalone') {
    return [...local, ...bucketLines(view, localEnabled ? 'Global Session Sets' : 'Session Sets', owned(false))];
  }
  const global = [...view.globalSessions()].sort(([a], [b]) => (a < b ? -1 : 1));
  return [...local, `Global Sessions(${global.length}):`, ...global.map(([id, timeOut]) => `${javaHex(id)}\t${timeOut}ms`)];
}

function bucketLines(view: AdminView, title: string, buckets: readonly { deadline: number; members: readonly string[] }[]): string[] {
  const total = buckets.reduce((sum, { members }) => sum + members.length, 0);
  const lines = buckets.flatMap(({ deadline, members }) => [
    `${members.length} expire at ${javaDate(view.wallTime + deadline - view.now)}:`,
    ...members,
  ]);
  return [`${title} (${buckets.length})/(${total}):`, ...lines];
}

function ephemeralLines(view: AdminView): string[] {
  const owners = view.ephemerals();
  const lines = owners.flatMap(([session, paths]) => [`${javaHex(session)}:`, ...paths.map((path) => `\t${path}`)]);
  return ['ephemeral nodes dump:', `Sessions with Ephemerals (${owners.length}):`, ...lines];
}

function connectionLines(view: AdminView): string[] {
  const buckets = view.status.pipeline.connectionBuckets.map(({ deadline, members }) => ({
    deadline,
    members: members.map(({ remoteAddress, remotePort, session }) => `\tip: /${remoteAddress}:${remotePort} sessionId: ${javaHex(session ?? 0n)}`),
  }));
  return ['Connections dump:', ...bucketLines(view, 'Connections Sets', buckets)];
}

export function wchs({ status }: AdminView): string {
  const { watchers, paths, entries } = status.pipeline.watches.counts();
  return `${watchers} connections watching ${paths} paths\nTotal watches:${entries}\n`;
}

export function wchc({ status }: AdminView): string {
  return tabbed([...status.pipeline.watches.pathsBySession()].map(([session, paths]) => [javaHex(session), paths]));
}

export function wchp({ status }: AdminView): string {
  return tabbed([...status.pipeline.watches.sessionsByPath()].map(([path, sessions]) => [path, sessions.map((session: SessionId) => javaHex(session))]));
}

function tabbed(groups: readonly (readonly [string, readonly string[]])[]): string {
  return `${groups.map(([head, items]) => `${head}\n${items.map((item) => `\t${item}\n`).join('')}`).join('')}\n`;
}

export function hash({ metrics }: AdminView): string {
  return metrics.digests.map(({ zxid, digest }) => `${BigInt.asUintN(64, zxid).toString(16)}: ${digest}\n`).join('');
}

/** What Java calls its properties, with the nearest thing that Node has. */
export function environment(): readonly (readonly [string, string])[] {
  const megabytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)}MB`;
  const heap = getHeapStatistics();
  const { username, homedir } = userInfo();
  return [
    ['zookeeper.version', ZOOKEEPER_VERSION],
    ['host.name', hostname()],
    ['java.version', `Node.js ${process.version}`],
    ['java.vendor', 'Node.js'],
    ['java.home', dirname(process.execPath)],
    ['java.class.path', process.argv[1] ?? ''],
    ['java.library.path', '<NA>'],
    ['java.io.tmpdir', tmpdir()],
    ['java.compiler', '<NA>'],
    ['os.name', osType()],
    ['os.arch', process.arch === 'x64' ? 'amd64' : process.arch],
    ['os.version', release()],
    ['user.name', username],
    ['user.home', homedir],
    ['user.dir', process.cwd()],
    ['os.memory.free', megabytes(heap.total_available_size)],
    ['os.memory.max', megabytes(Math.min(heap.heap_size_limit, totalmem()))],
    ['os.memory.total', megabytes(heap.total_heap_size)],
  ];
}

export function envi(): string {
  return `Environment:\n${environment().map(([key, value]) => `${key}=${value}\n`).join('')}`;
}
