/** `zk-server check`, the clock: session expiry does not use it, but ctime, mtime, TTLs and the logs do. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatHostPort, type Sid } from '@zk/protocol';
import type { ServerConfig } from '../config.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

/** Nothing of this program existed before. */
const EARLIEST_SANE_TIME = Date.UTC(2025, 0, 1);
const SLACK_MS = 60_000;
/** An HTTP date has whole seconds, and the answer was under way for some time. */
const NOTICEABLE_SKEW_MS = 2_000;
const PATIENCE_MS = 1_000;

/** What the clock and its surroundings look like; given by tests. */
export interface ClockSources {
  now(): number;
  /** The time at a peer's AdminServer, ms since 1970; `null` when it does not answer. */
  timeAt(host: string, port: number): Promise<number | null>;
  /** Whether NTP holds the clock; `null` when nobody knows. */
  isSynchronized(): Promise<boolean | null>;
}

export const systemClockSources: ClockSources = { now: Date.now, timeAt, isSynchronized };

export async function clockFindings(config: ServerConfig, sources: ClockSources): Promise<Finding[]> {
  const own = ownClock(config, sources.now());
  if (own.verdict === 'fail') return [own];
  return [own, ...(await synchronization(sources)), ...(await peers(config, sources))];
}

function ownClock({ dataDir, dataLogDir }: ServerConfig, now: number): Finding {
  const text = `the clock says ${new Date(now).toISOString()}`;
  if (now < EARLIEST_SANE_TIME) return fail(`${text}: set it, times in the data would be wrong`);
  const newest = Math.max(0, ...[dataDir, dataLogDir].flatMap((directory) => timesIn(join(directory, 'version-2'))));
  return newest > now + SLACK_MS ? warn(`${text}, but data were written ${new Date(newest).toISOString()}: it went back`) : ok(text);
}

async function synchronization(sources: ClockSources): Promise<Finding[]> {
  const isHeld = await sources.isSynchronized();
  if (isHeld === null) return [];
  return [isHeld ? ok('the clock is synchronized over the network') : warn('the clock is not synchronized over the network: it will drift from the other servers’ (timedatectl set-ntp true)')];
}

async function peers({ ensemble, sid, settings }: ServerConfig, sources: ClockSources): Promise<Finding[]> {
  const others = [...(ensemble?.servers.values() ?? [])].filter((server) => server.sid !== sid);
  const port = settings.get('admin.serverPort');
  const findings = await Promise.all(others.map(async (server) => comparison(server.sid, server.addresses[0]?.host ?? '', port, sources)));
  return findings.flat();
}

async function comparison(sid: Sid, host: string, port: number, { now, timeAt: ask }: ClockSources): Promise<Finding[]> {
  const asked = now();
  const theirs = await ask(host, port);
  if (theirs === null) return []; // not up yet, or without an AdminServer
  const skewMs = theirs - (asked + now()) / 2;
  if (Math.abs(skewMs) < NOTICEABLE_SKEW_MS) return [ok(`server.${sid}: its clock agrees with ours`)];
  return [warn(`server.${sid}: its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours; ctime and TTLs will jump when the leader changes`)];
}

/** Every HTTP server tells the time; half a second is the middle of its second. */
async function timeAt(host: string, port: number): Promise<number | null> {
  try {
    const answer = await fetch(`http://${formatHostPort({ host, port })}/commands/ruok`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await answer.arrayBuffer();
    const date = Date.parse(answer.headers.get('date') ?? '');
    return Number.isNaN(date) ? null : date + 500;
  } catch {
    return null;
  }
}

function isSynchronized(): Promise<boolean | null> {
  return new Promise((resolve) => {
    execFile('timedatectl', ['show', '--property=NTPSynchronized', '--value'], { timeout: PATIENCE_MS }, (error, stdout) => {
      const answer = stdout.trim();
      resolve(error !== null || (answer !== 'yes' && answer !== 'no') ? null : answer === 'yes');
    });
  });
}

function timesIn(directory: string): number[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
}
