import { createRequire } from 'node:module';
import { hex } from '@zk/protocol';
import type { TraceEvent } from '@zk/peer';
import type { PinoPretty } from 'pino-pretty';
import { destination, pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

export interface LogOptions {
  /** `trace` to `fatal`, or `silent`. */
  readonly level?: string;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean;
  readonly colorize?: boolean;
  /** Where lines go; standard output unless given. */
  readonly stream?: DestinationStream;
}

/** Logs of one process: for people on a terminal, JSON lines elsewhere. Written synchronously: an exit loses nothing. */
export function createLog(options: LogOptions = {}): Log {
  const stream = options.stream ?? destination({ fd: 1, sync: true });
  const level = options.level ?? 'info';
  if (!options.pretty) return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  const pretty = loadPretty()({
    colorize: options.colorize ?? false,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    destination: options.stream === undefined ? destination({ fd: 1, sync: true }) : (stream as never),
    sync: true,
  });
  return pino({ level, base: undefined }, pretty);
}

/** Loaded on a terminal only: as a service, which writes JSON, a server does without its memory and time. */
function loadPretty(): typeof PinoPretty {
  return createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
}

const LEVEL_NAMES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** What the environment asks for: LOG_LEVEL, LOG_FORMAT (`pretty` or `json`), FORCE_COLOR and NO_COLOR. */
export function logOptionsOf(env: NodeJS.ProcessEnv, isTerminal: boolean): LogOptions {
  const pretty = env['LOG_FORMAT'] === undefined ? isTerminal : env['LOG_FORMAT'] === 'pretty';
  const colorize = env['NO_COLOR'] === undefined && (isTerminal || env['FORCE_COLOR'] !== undefined);
  const asked = env['LOG_LEVEL']?.toLowerCase();
  const level = asked !== undefined && LEVEL_NAMES.includes(asked) ? asked : 'info';
  return { level, pretty, colorize };
}

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A trace event as a log line: a short constant message, facts as fields, zxids and sessions in hex. */
export interface Line {
  readonly level: Level;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** Writes what a peer traces. `info` is rare enough to read aloud; `warn` heals by itself; `error` needs a person. */
export function logTrace(log: Log, event: TraceEvent): void {
  const { level, message, fields } = describeTrace(event);
  if (log.isLevelEnabled(level)) log[level](readable(fields), message);
}

const LEVELS: Record<TraceEvent['kind'], Level> = {
  role: 'debug',
  recovered: 'info',
  waiting: 'info',
  elected: 'info',
  epoch: 'debug',
  config: 'info',
  configProposed: 'info',
  syncing: 'info',
  serving: 'info',
  linkOpened: 'debug',
  linkClosed: 'info',
  linkRefused: 'warn',
  checkpoint: 'debug',
  checkpointFailed: 'warn',
  diskFull: 'error',
  diskRoom: 'info',
  treeReplaced: 'info',
  treeRead: 'info',
  treeChecked: 'info',
  orphansRemoved: 'warn',
  digestMismatch: 'error',
  session: 'debug',
  clientRefused: 'warn',
  request: 'info',
  reply: 'info',
  damage: 'error',
  fatal: 'fatal',
};

const MESSAGES: Record<TraceEvent['kind'], string> = {
  role: 'role',
  recovered: 'recovered from disk',
  waiting: 'waiting for other members',
  elected: 'elected',
  epoch: 'epoch saved',
  config: 'ensemble configuration adopted',
  configProposed: 'ensemble configuration proposed',
  syncing: 'syncing',
  serving: 'serving',
  linkOpened: 'quorum link opened',
  linkClosed: 'quorum link closed',
  linkRefused: 'refused on the quorum port',
  checkpoint: 'snapshot started',
  checkpointFailed: 'checkpoint not written, the one before it stays: tried again in a minute',
  diskFull: 'disk full: no write is taken until there is room',
  diskRoom: 'there is room on the disk again',
  treeReplaced: 'data replaced',
  treeRead: 'all data in memory',
  treeChecked: 'all data read once, and as much of it in memory as checkpoint.cacheMb allows',
  orphansRemoved: 'ephemerals without a session removed',
  digestMismatch: 'digest differs: this member has other data than its peers',
  session: 'session',
  clientRefused: 'client refused',
  request: 'request',
  reply: 'reply',
  damage: 'damage',
  fatal: 'stopping: this member cannot go on',
};

export function describeTrace(event: TraceEvent): Line {
  const { kind, ...fields } = event;
  // What follows from a vote is told by `elected` and `serving`; that there is none is news.
  if (kind === 'role') return { level: event.role === 'looking' ? 'info' : LEVELS.role, message: event.role, fields: { reason: event.reason } };
  if (kind === 'configProposed' && event.text === null) return { level: 'debug', message: 'proposed ensemble configuration settled', fields: {} };
  if (kind === 'session') return { level: LEVELS.session, message: `session ${event.event}`, fields: { ...fields, event: undefined } };
  // `sid` is this server in every line; here it is about a learner.
  if (kind === 'syncing') return { level: LEVELS.syncing, message: MESSAGES.syncing, fields: { ...fields, sid: undefined, learner: event.sid } };
  return { level: LEVELS[kind], message: MESSAGES[kind], fields };
}

/** 64-bit values are not JSON: sids and versions become decimal text, zxids, sessions and digests hex. */
function readable(fields: Record<string, unknown>): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    line[name] = readableValue(name, value);
  }
  return line;
}

const DECIMAL = /^(sid|leader|learner|missing|distrusted|electionEpoch|acceptedEpoch|currentEpoch|peerEpoch|epoch)$/;

function readableValue(name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return DECIMAL.test(name) ? Number(value) : hex(value);
  if (typeof value === 'number' && name.endsWith('Ms')) return Math.round(value);
  if (Array.isArray(value)) return value.map((item: unknown) => readableValue(name, item));
  return value;
}
