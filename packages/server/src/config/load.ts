import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { ServerSpec, Sid } from '@zk/protocol';
import { asSid, EnsembleConfig } from '@zk/protocol';
import { proposedFileOf } from './dynamic-files.ts';
import { environmentEntries } from './environment.ts';
import { checkVoters, messageOf, readEnsemble } from './ensemble.ts';
import { checkMetricsProvider } from './metrics-provider.ts';
import { readMyId } from './myid.ts';
import { ConfigError, Findings, type Problem } from './problems.ts';
import { Settings } from './settings.ts';
import { argumentEntry, entriesOf, readText, type CommandLineSettings, type Entry, type Place } from './source.ts';

/** Everything the operator said, checked: what a server is started from. */
export interface ServerConfig {
  /** Absolute path of zoo.cfg, and its text as it was at start; `null` when there was no file. */
  readonly file: string | null;
  readonly text: string;
  readonly settings: Settings;
  /** This server's id; 0 standalone, where there is none. */
  readonly sid: Sid;
  /** `null`: standalone. */
  readonly ensemble: EnsembleConfig | null;
  /** Proposed to this server before it stopped, perhaps to replace `ensemble`: from `zoo.cfg.dynamic.next`. */
  readonly lastSeen: EnsembleConfig | null;
  readonly dataDir: string;
  readonly dataLogDir: string;
  /** `null`: no client listener. */
  readonly client: { readonly host: string | null; readonly port: number } | null;
  readonly warnings: readonly Problem[];
}

export interface LoadOptions extends Partial<CommandLineSettings> {
  /** What relative paths are relative to; the working directory unless given. */
  readonly cwd?: string;
}

/** A host and port to listen on; a `null` host is every address. */
type ClientAddress = ServerConfig['client'];

/**
 * Reads and checks zoo.cfg.
 *
 * @throws ConfigError with every problem found, not only the first
 */
export function loadConfig(file: string, options: LoadOptions = {}): ServerConfig {
  const path = resolve(options.cwd ?? process.cwd(), file);
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const problem = missing ? { what: 'file is missing', fix: 'conf/zoo_sample.cfg is one to start from' } : { what: `cannot be read: ${messageOf(error)}`, fix: '' };
    throw new ConfigError([{ file, line: null, ...problem }]);
  }
  return parseConfig(text, { ...options, file, path });
}

/** As {@link loadConfig}, with the text at hand. `file` is how messages call it, `path` its absolute path (or `null`). */
export function parseConfig(text: string, options: LoadOptions & { file: string; path: string | null }): ServerConfig {
  const findings = new Findings();
  const settings = readSettings(text, options, findings);
  const start: Place = { file: options.file, line: null };
  const directories = readDirectories(settings, options, findings);
  checkTiming(settings, start, findings);
  checkMetricsProvider(settings, start, findings);
  const { ensemble, line } = readMembership(settings, options, findings);
  const myIdAt = settings.placeOf('myid', settings.placeOf('dataDir', start));
  const sid = ensemble === null ? asSid(0n) : readMyId({ dataDir: directories.dataDir, configured: settings.get('myid'), ensemble }, myIdAt, findings);
  const own = ensemble === null ? line : sid === null ? undefined : ensemble.servers.get(sid);
  const client = readClientAddress(settings, own, findings);
  if (ensemble !== null) checkEnsembleMember(settings, own, start, findings);
  const lastSeen = readProposed(settings, options, findings);
  if (findings.errors.length > 0) throw new ConfigError(findings.errors, findings.warnings);
  return { file: options.path, text, settings, sid: sid ?? asSid(0n), ensemble, lastSeen, ...directories, client, warnings: findings.warnings };
}

function readSettings(text: string, { file, defines = [], sets = [], env = {} }: LoadOptions & { file: string }, findings: Findings): Settings {
  const settings = new Settings();
  for (const define of defines) settings.define(argumentEntry(define, '-D'), findings);
  let entries: Entry[] = [];
  try {
    entries = entriesOf(text, file);
  } catch (error) {
    findings.error({ file, line: null }, `is not a properties file: ${messageOf(error)}`, 'double the backslashes of Windows paths, or use slashes');
  }
  for (const entry of [...entries, ...environmentEntries(env), ...sets.map((set) => argumentEntry(set, '--set'))]) settings.take(entry, findings);
  return settings;
}

function readDirectories(
  settings: Settings, { cwd = process.cwd(), file, path }: LoadOptions & { file: string; path: string | null }, findings: Findings,
): { dataDir: string; dataLogDir: string } {
  const at = (key: 'dataDir' | 'dataLogDir'): Place => settings.placeOf(key, { file, line: null });
  const place = (key: 'dataDir' | 'dataLogDir'): string | null => {
    const value = settings.get(key);
    if (value === null || value === '') return null;
    if (/^[A-Za-z]:[^\\/]/.test(value)) {
      findings.error(at(key), `${key}=${value} has lost its backslashes, which are escapes in this file`, `double them (${value.slice(0, 2)}\\\\data) or use slashes (${value.slice(0, 2)}/data)`);
    }
    if (/\s[#!]/.test(value)) findings.warn(at(key), `${key}=${value}: the comment is part of the path`, 'give the comment a line of its own');
    const expanded = path === null ? value : value.replaceAll('${configDir}', dirname(path));
    return resolve(cwd, expanded);
  };
  const dataDir = place('dataDir');
  if (dataDir === null) findings.error(at('dataDir'), 'dataDir is not set', 'write for example dataDir=/var/lib/zookeeper');
  return { dataDir: dataDir ?? '', dataLogDir: place('dataLogDir') ?? dataDir ?? '' };
}

function checkTiming(settings: Settings, start: Place, findings: Findings): void {
  const tickTime = settings.get('tickTime');
  if (tickTime === 0) findings.error(settings.placeOf('tickTime', start), 'tickTime is not set', 'write for example tickTime=2000');
  const min = settings.get('minSessionTimeout');
  const max = settings.get('maxSessionTimeout');
  if ((min === -1 ? 2 * tickTime : min) > (max === -1 ? 20 * tickTime : max)) {
    findings.error(settings.placeOf('minSessionTimeout', start), 'minSessionTimeout must not be larger than maxSessionTimeout', `they are ${min === -1 ? 2 * tickTime : min} and ${max === -1 ? 20 * tickTime : max} ms`);
  }
  if (settings.get('electionAlg') !== 3) {
    findings.error(settings.placeOf('electionAlg', start), 'Invalid electionAlg value. Only 3 is supported.', 'remove the line');
  }
  const peerType = settings.get('peerType')?.toLowerCase();
  if (peerType !== undefined && peerType !== 'observer' && peerType !== 'participant') {
    findings.error(settings.placeOf('peerType', start), `Unrecognised peertype: ${peerType}`, 'write observer or participant');
  }
  const retain = settings.get('autopurge.snapRetainCount');
  if (retain < 3) findings.warn(settings.placeOf('autopurge.snapRetainCount', start), `autopurge.snapRetainCount=${retain} is below 3, 3 is used`);
}

/** The ensemble, or none and the one server line that a standalone server takes its client port from. */
function readMembership(
  settings: Settings, options: LoadOptions & { file: string; path: string | null }, findings: Findings,
): { ensemble: EnsembleConfig | null; line?: ServerSpec } {
  const { members, version } = readDynamicFile(settings, options, findings);
  const at = members[0]?.at ?? { file: options.file, line: null };
  const standaloneAllowed = settings.get('standaloneEnabled');
  const multiAddress = settings.get('multiAddress.enabled');
  const ensemble = readEnsemble(members, { version, multiAddress, extendedTypes: settings.get('extendedTypesEnabled') }, findings);
  if (ensemble === null) {
    if (members.length === 0 && !standaloneAllowed) {
      findings.error(settings.placeOf('standaloneEnabled', at), 'standaloneEnabled=false needs at least one participant', 'add server.1=host:2888:3888, or remove the line');
    }
    return { ensemble: null };
  }
  if (ensemble.servers.size === 1 && ensemble.voters.size === 1 && standaloneAllowed) {
    const [line] = ensemble.servers.values();
    return { ensemble: null, ...(line === undefined ? {} : { line }) };
  }
  checkVoters(ensemble, standaloneAllowed, at, findings);
  return { ensemble };
}

function readDynamicFile(
  settings: Settings, { cwd = process.cwd(), file }: LoadOptions & { file: string }, findings: Findings,
): { members: readonly Entry[]; version: bigint } {
  const name = settings.get('dynamicConfigFile');
  if (name === null) {
    for (const { key, at } of settings.members) if (key === 'version') findings.warn(at, 'version has no meaning in this file', 'remove the line');
    return { members: settings.members.filter(({ key }) => key !== 'version'), version: 0n };
  }
  for (const { key, at } of settings.members) findings.error(at, `parameter: ${key} must be in a separate dynamic config file`, `move the line to ${name}`);
  const path = resolve(cwd, name);
  let entries: Entry[] = [];
  try {
    entries = entriesOf(readText(path), name);
  } catch (error) {
    findings.error(settings.placeOf('dynamicConfigFile', { file, line: null }), `dynamicConfigFile=${name} cannot be read: ${messageOf(error)}`);
  }
  for (const { key, at } of entries) {
    if (key === 'version') findings.error(at, "dynamic file shouldn't have version inside", "remove the line: the version is the end of the file's name");
    else if (!/^(server|group|weight)/.test(key)) findings.error(at, `Unrecognised parameter: ${key}`, 'only server, group and weight lines belong here');
  }
  // `zoo.cfg.dynamic.100000000`; a name without a hexadecimal end is version 0, as in Apache.
  const suffix = /\.dynamic\.([0-9a-f]{1,16})$/i.exec(basename(path))?.[1];
  return { members: entries.filter(({ key }) => key !== 'version'), version: suffix === undefined ? 0n : BigInt.asIntN(64, BigInt(`0x${suffix}`)) };
}

function readProposed(settings: Settings, { path }: { path: string | null }, findings: Findings): EnsembleConfig | null {
  if (path === null || !settings.get('reconfigEnabled')) return null;
  const file = proposedFileOf(path);
  if (!existsSync(file)) return null;
  try {
    return EnsembleConfig.parse(readText(file));
  } catch (error) {
    findings.error({ file, line: null }, `the proposed configuration cannot be read: ${messageOf(error)}`, 'get it from another member, or remove the file if none has it');
    return null;
  }
}

function readClientAddress(settings: Settings, own: ServerSpec | undefined, findings: Findings): ClientAddress {
  const port = settings.get('clientPort');
  const host = settings.get('clientPortAddress');
  const at = settings.placeOf('clientPort', settings.placeOf('clientPortAddress', { file: '', line: null }));
  if (own?.client) {
    if (port !== null && port !== own.client.port) {
      findings.error(at, `clientPort=${port} is different from the client port ${own.client.port} of server.${own.sid}`, 'remove clientPort, or make them equal');
    }
    return { host: own.client.host === '0.0.0.0' || own.client.host === '::' ? null : own.client.host, port: own.client.port };
  }
  if (port === null) {
    if (host !== null) findings.error(at, 'clientPortAddress is set but clientPort is not set', 'write for example clientPort=2181');
    return null;
  }
  const clash = own?.addresses.find(({ quorumPort, electionPort }) => quorumPort === port || electionPort === port);
  if (clash !== undefined) findings.error(at, `clientPort=${port} is also a quorum or election port of server.${own?.sid}`, 'give the clients a port of their own');
  return { host: host === null || host === '' ? null : host, port };
}

function checkEnsembleMember(settings: Settings, own: ServerSpec | undefined, start: Place, findings: Findings): void {
  for (const key of ['initLimit', 'syncLimit'] as const) {
    if (!settings.get(key)) findings.error(settings.placeOf(key, start), `${key} is not set`, `an ensemble needs it: write for example ${key}=${key === 'initLimit' ? 10 : 5}`);
  }
  const peerType = settings.get('peerType')?.toLowerCase();
  if (own !== undefined && peerType !== undefined && peerType !== own.role) {
    findings.warn(settings.placeOf('peerType', start), `peerType=${peerType} contradicts the line server.${own.sid}, which counts: ${own.role}`);
  }
}
