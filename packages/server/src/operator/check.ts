/** `zk-server check`: everything that can be known to go wrong before a server is started, and why. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { ServerSpec } from '@zk/protocol';
import { ConfigError, describeProblem, type ServerConfig } from '../config.ts';
import { ListenError, probe } from '../net/listen.ts';
import { clockFindings, systemClockSources, type ClockSources } from './check-clock.ts';
import { authProviderFindings, tlsFindings } from './check-tls.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { portsOf } from './ports.ts';
import type { Terminal } from './terminal.ts';

const GIB = 2 ** 30;
/** A log file is preallocated in steps of 64 MiB. */
const LEAST_FREE_BYTES = 128 * 2 ** 20;

/**
 * @param runningAs the process that already serves this configuration: its ports are its own then
 * @returns the exit code: 0, or 2 when the server would not start
 */
export async function check(
  load: () => ServerConfig, runningAs: (config: ServerConfig) => number | null, terminal: Terminal, clock = systemClockSources,
): Promise<number> {
  const say = ({ verdict, text }: Finding): void => terminal.out(`${verdict.padEnd(4)}  ${text}\n`);
  let config: ServerConfig;
  try {
    config = load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    error.problems.map((problem) => fail(describeProblem(problem))).forEach(say);
    error.warnings.map((warning) => warn(describeProblem(warning))).forEach(say);
    terminal.out('The configuration is not usable: the server would not start.\n');
    return 2;
  }
  const findings = await findingsOn(config, runningAs(config), clock);
  findings.forEach(say);
  const count = (verdict: Finding['verdict']): number => findings.filter((finding) => finding.verdict === verdict).length;
  if (count('fail') > 0) terminal.out(`${count('fail')} to correct first: the server would not start, or not serve.\n`);
  else terminal.out(count('warn') > 0 ? `Usable, with ${count('warn')} to think about.\n` : 'All is well.\n');
  return count('fail') > 0 ? 2 : 0;
}

/** @param runningAs see {@link check} */
async function findingsOn(config: ServerConfig, runningAs: number | null, clock: ClockSources): Promise<Finding[]> {
  return [
    ...config.warnings.map((warning) => warn(describeProblem(warning))),
    ...membership(config),
    ...[...new Set([config.dataDir, config.dataLogDir])].flatMap((directory) => directoryFindings(directory)),
    ...sharedDevice(config),
    ...(runningAs === null ? await portFindings(config) : [ok(`running as process ${runningAs}, so its ports are its own`)]),
    ...(await peerFindings(config)),
    ...(await clockFindings(config, clock)),
    ...tlsFindings(config.settings.families),
    ...authProviderFindings(config.settings.families),
  ];
}

function membership({ ensemble, sid, dataDir, client }: ServerConfig): Finding[] {
  const clients = client === null ? warn('no client port: nobody can connect to this server') : ok(`clients connect to ${client.host ?? 'every address'}, port ${client.port}`);
  if (ensemble === null) return [ok('standalone: no server lines, or one; nothing survives the loss of this machine'), clients];
  const voters = ensemble.voters.size;
  const observers = ensemble.servers.size - voters;
  const survives = Math.ceil(voters / 2) - 1;
  const myid = join(dataDir, 'myid');
  return [
    ok(`server ${sid} of ${voters} voters${observers > 0 ? ` and ${observers} observers` : ''}: serves while no more than ${survives} of the voters fail`),
    ok(existsSync(myid) ? `myid is ${sid}, from ${myid}` : `myid is ${sid}, from the configuration; ${myid} is written at the first start`),
    clients,
  ];
}

function directoryFindings(directory: string): Finding[] {
  const existing = nearestExisting(directory);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return [fail(`${directory} cannot be written: ${existing} belongs to somebody else; chown it, or run as its owner`)];
  }
  if (!statSync(existing).isDirectory()) return [fail(`${directory} cannot be made: ${existing} is a file`)];
  const { bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  const text = `${directory} ${existing === directory ? 'is writable' : 'will be made'}, ${(free / GIB).toFixed(1)} GiB free`;
  if (free < LEAST_FREE_BYTES) return [fail(`${text}: not enough for one log file`)];
  return [free < GIB ? warn(`${text}: snapshots and logs will fill it soon`) : ok(text)];
}

/** Every write waits for the log: a disk that also takes snapshots makes it wait longer. */
function sharedDevice({ dataDir, dataLogDir }: ServerConfig): Finding[] {
  const isShared = statSync(nearestExisting(dataDir)).dev === statSync(nearestExisting(dataLogDir)).dev;
  return [ok(isShared ? 'snapshots and logs are on one device: dataLogDir on a disk of its own makes writes faster' : 'snapshots and logs are on devices of their own')];
}

function nearestExisting(path: string): string {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  return existing;
}

async function portFindings(config: ServerConfig): Promise<Finding[]> {
  return Promise.all(portsOf(config).map(async ({ what, host, port }) => {
    try {
      await probe(what, [{ host, port }], () => createServer());
      return ok(`${what} port ${port} is free`);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      return fail(error.message);
    }
  }));
}

async function peerFindings({ ensemble, sid }: ServerConfig): Promise<Finding[]> {
  if (ensemble === null) return [];
  const others = [...ensemble.servers.values()].filter((spec) => spec.sid !== sid);
  const findings = await Promise.all(others.flatMap((spec) => spec.addresses.map(({ host }) => resolution(spec, host))));
  const hosts = [...ensemble.servers.values()].flatMap(({ addresses }) => addresses.map(({ host }) => host));
  const local = hosts.filter(isLoopback);
  if (local.length > 0 && local.length < hosts.length) findings.push(warn(`${[...new Set(local)].join(', ')} means another machine on each machine: write addresses that are the same everywhere`));
  return findings;
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');

async function resolution({ sid }: ServerSpec, host: string): Promise<Finding> {
  try {
    const { address } = await lookup(host);
    return ok(`server.${sid}: ${host} is ${address}`);
  } catch (error) {
    return warn(`server.${sid}: ${host} does not resolve now (${(error as NodeJS.ErrnoException).code}); it is asked for again at every dial`);
  }
}
