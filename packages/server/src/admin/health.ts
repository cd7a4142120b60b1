/** `/health`: a verdict and what it rests on. Pure: the facts are gathered in health-facts.ts. */
import { counterOf, hex } from '@zk/protocol';
import type { PeerStatus } from '@zk/peer';
import { modeOf } from './texts.ts';

export type Verdict = 'ok' | 'warn' | 'fail';

export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  /** In plain words, with numbers. */
  readonly evidence: string;
  /** What to do about it; absent when all is well. */
  readonly advice?: string;
}

export interface Health {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly summary: string;
  readonly checks: readonly Check[];
}

export interface DiskFacts {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly usedByUs: number;
  /** By how much `usedByUs` has grown since the facts were last gathered, and how long ago that was; `null`: the first time. */
  readonly growth: { readonly bytes: number; readonly overMs: number } | null;
}

export interface HealthFacts {
  readonly status: PeerStatus;
  /** The slowest syncs of late, ms; `null` before the first. */
  readonly syncP99Ms: number | null;
  /** fsync.warningthresholdms. */
  readonly syncWarnMs: number;
  /** Since the facts were last gathered, or the start. */
  readonly eventLoop: { readonly maxDelayMs: number; readonly p99DelayMs: number; readonly overMs: number };
  readonly disks: readonly DiskFacts[];
  readonly memory: { readonly rss: number; readonly heapUsed: number; readonly heapLimit: number };
  readonly files: { readonly open: number; readonly limit: number };
  /** Hosts of members whose name does not resolve now. */
  readonly unresolvable: readonly string[];
  readonly outstandingLimit: number;
  readonly tickTime: number;
  readonly digestMismatches: number;
  readonly watchesBefore: number;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const COUNTER_MAX = 0xffffffffn;
const SLOW_SYNC_MS = 100;
const FULL = 0.9;
const TEN_MINUTES_MS = 600_000;
const HOUR_MS = 3_600_000;

export function healthOf(facts: HealthFacts): Health {
  const checks = [
    ...[serving, quorum, peers, writing, saving, sync, eventLoop].map((check) => check(facts)),
    ...facts.disks.map(disk),
    ...[zxid, data, requests, watches, memory, files].map((check) => check(facts)),
  ];
  const bad = checks.filter(({ verdict }) => verdict !== 'ok');
  const verdict = bad.some((check) => check.verdict === 'fail') ? 'fail' : bad.length > 0 ? 'warn' : 'ok';
  const mode = facts.status.serving === null ? 'Not serving' : `Serving as ${modeOf(facts.status)}`;
  return { verdict, summary: bad.length === 0 ? `${mode}, all is well.` : `${mode}. ${bad.map(({ evidence }) => evidence).join('; ')}.`, checks };
}

/** The same for people: one line each. */
export function healthText({ verdict, summary, checks }: Health): string {
  const lines = checks.map((check) => `${check.verdict.padEnd(4)}  ${check.name}: ${check.evidence}${check.advice === undefined ? '' : ` (${check.advice})`}`);
  return `${verdict}: ${summary}\n\n${lines.join('\n')}\n`;
}

function serving({ status }: HealthFacts): Check {
  const seconds = Math.round(status.inRoleForMs / 1000);
  if (status.serving !== null) return { name: 'serving', verdict: 'ok', evidence: `${modeOf(status)} for ${seconds} s` };
  const missing = status.missing.length === 0 ? '' : `, not heard of: ${status.missing.join(', ')}`;
  const distrusted = status.distrusted.length === 0 ? '' : `, without their history: ${status.distrusted.join(', ')}`;
  const advice = distrusted === '' ? 'start the missing members, or look at the network between them' : 'a quorum of the others must be up to give it back; the log of each says what is damaged';
  return { name: 'serving', verdict: 'fail', evidence: `${status.role} for ${seconds} s${missing}${distrusted}`, advice };
}

function quorum({ status }: HealthFacts): Check {
  const name = 'quorum margin';
  if (status.ensemble === null) return { name, verdict: 'ok', evidence: 'standalone: nothing to lose but this machine' };
  if (status.serving !== 'leader') return { name, verdict: 'ok', evidence: `the leader knows: server ${status.leader ?? 'none'}` };
  const { voters } = status.ensemble;
  const synced = new Set([status.sid, ...status.learners.flatMap(({ sid, phase }) => (sid !== null && phase === 'synced' && voters.has(sid) ? [sid] : []))]);
  const spare = synced.size - (Math.floor(voters.size / 2) + 1);
  const evidence = `${synced.size} of ${voters.size} voters are in sync, ${spare} more may fail`;
  const possible = Math.ceil(voters.size / 2) - 1;
  if (spare >= possible) return { name, verdict: 'ok', evidence };
  return { name, verdict: 'warn', evidence, advice: `not in sync: ${[...voters].filter((sid) => !synced.has(sid)).join(', ')}` };
}

function peers({ unresolvable, status }: HealthFacts): Check {
  const name = 'peers';
  if (unresolvable.length > 0) return { name, verdict: 'warn', evidence: `names that do not resolve: ${unresolvable.join(', ')}`, advice: 'they are asked for again at every dial; correct DNS or the server lines' };
  if (status.ensemble === null) return { name, verdict: 'ok', evidence: 'none' };
  const { servers } = status.ensemble;
  const missing = status.missing.map((sid) => `server ${sid} (${servers.get(sid)?.addresses[0]?.host ?? 'unknown'})`);
  if (missing.length > 0) return { name, verdict: 'warn', evidence: `no election connection to ${missing.join(', ')}`, advice: 'start it, or look at the network between here and there' };
  return { name, verdict: 'ok', evidence: 'every name resolves, every voter is connected' };
}

function writing({ status }: HealthFacts): Check {
  const name = 'writing';
  const { shortage } = status.disk;
  if (shortage === null) return { name, verdict: 'ok', evidence: 'the log takes what comes' };
  const consequence = status.ensemble === null ? 'writes are refused, reads go on' : 'this member is no part of the quorum';
  const evidence = `no room for the log for ${Math.round(shortage.forMs / 1000)} s (${shortage.reason}): ${consequence}`;
  return { name, verdict: 'fail', evidence, advice: 'make room on the disk of dataLogDir; writing goes on by itself' };
}

function saving({ status }: HealthFacts): Check {
  const name = 'checkpoints';
  const { checkpoint } = status.disk;
  if (checkpoint === null) return { name, verdict: 'ok', evidence: 'the last one was written' };
  const evidence = `not written for ${Math.round(checkpoint.forMs / 1000)} s (${checkpoint.reason})`;
  return { name, verdict: 'warn', evidence, advice: 'the log keeps everything meanwhile, and grows: make room on the disk of dataDir' };
}

function sync({ syncP99Ms, syncWarnMs }: HealthFacts): Check {
  const name = 'disk sync';
  if (syncP99Ms === null) return { name, verdict: 'ok', evidence: 'nothing written yet' };
  const evidence = `99 of 100 syncs took at most ${syncP99Ms} ms`;
  if (syncP99Ms < Math.min(SLOW_SYNC_MS, syncWarnMs)) return { name, verdict: 'ok', evidence };
  return { name, verdict: 'warn', evidence, advice: 'every write waits for it: give dataLogDir a disk of its own' };
}

function eventLoop({ eventLoop: { maxDelayMs, p99DelayMs, overMs }, tickTime }: HealthFacts): Check {
  const evidence = `held up for at most ${Math.round(maxDelayMs)} ms in the last ${Math.round(overMs / 1000)} s, 99 % below ${Math.round(p99DelayMs)} ms`;
  if (maxDelayMs < tickTime / 2) return { name: 'event loop', verdict: 'ok', evidence };
  return { name: 'event loop', verdict: 'warn', evidence, advice: 'nothing was answered meanwhile: look for swapping, a starved CPU, large multis or snapshots' };
}

function disk(facts: DiskFacts): Check {
  const { path, freeBytes, totalBytes, usedByUs, growth } = facts;
  const grown = growth === null ? '' : `, ${signed((growth.bytes / MIB).toFixed(0))} MiB in the last ${Math.round(growth.overMs / 1000)} s`;
  const evidence = `${(freeBytes / GIB).toFixed(1)} of ${(totalBytes / GIB).toFixed(1)} GiB free on ${path}, ${(usedByUs / MIB).toFixed(0)} MiB ours${grown}`;
  const name = 'disk space';
  if (freeBytes < 128 * MIB) return { name, verdict: 'fail', evidence, advice: 'with a full disk this member takes no writes: zk-server cleanup, or a larger disk' };
  if (freeBytes < GIB) return { name, verdict: 'warn', evidence, advice: 'zk-server cleanup, or a larger disk' };
  const hours = hoursToFull(facts);
  return hours < 24 ? { name, verdict: 'warn', evidence, advice: `full in ${Math.max(1, Math.round(hours))} hours at this rate: autopurge, or a larger disk` } : { name, verdict: 'ok', evidence };
}

/** Log files are made 64 MiB at a time: a shorter look would take a step for a rate. */
function hoursToFull({ freeBytes, growth }: DiskFacts): number {
  if (growth === null || growth.overMs < TEN_MINUTES_MS || growth.bytes <= 0) return Infinity;
  return (freeBytes / growth.bytes) * (growth.overMs / HOUR_MS);
}

const signed = (number: string): string => (number.startsWith('-') ? number : `+${number}`);

function zxid({ status }: HealthFacts): Check {
  const { lastZxid } = status.tree;
  const share = Number(counterOf(lastZxid)) / Number(COUNTER_MAX);
  const evidence = `${hex(lastZxid)}, ${(share * 100).toFixed(1)} % of this epoch's zxids are used`;
  if (share < FULL) return { name: 'zxid counter', verdict: 'ok', evidence };
  return { name: 'zxid counter', verdict: 'warn', evidence, advice: 'when they are used up the leader steps down for an election; restart it at a quiet moment' };
}

function data({ digestMismatches, status }: HealthFacts): Check {
  const evidence = `${status.tree.nodes} znodes, ${(status.tree.approximateDataSize / MIB).toFixed(1)} MiB`;
  if (digestMismatches === 0) return { name: 'data', verdict: 'ok', evidence };
  return { name: 'data', verdict: 'fail', evidence: `${evidence}, ${digestMismatches} txns left other data here than on the leader`, advice: 'stop this member, empty its version-2 directories, start it: it gets the data from its peers' };
}

function requests({ status, outstandingLimit }: HealthFacts): Check {
  const { outstanding, connections } = status.pipeline;
  const evidence = `${outstanding} outstanding, ${connections.length} connections`;
  if (outstanding < outstandingLimit) return { name: 'requests', verdict: 'ok', evidence };
  return { name: 'requests', verdict: 'warn', evidence, advice: 'clients are made to wait (globalOutstandingLimit): the disk or the quorum is slower than they are' };
}

function watches({ status, watchesBefore }: HealthFacts): Check {
  const count = status.pipeline.watchCount;
  const growth = count - watchesBefore;
  const evidence = `${count}, ${growth >= 0 ? '+' : ''}${growth} since the last look`;
  if (growth < 100_000) return { name: 'watches', verdict: 'ok', evidence };
  return { name: 'watches', verdict: 'warn', evidence, advice: 'a client may set them in a loop: /commands/watches tells which' };
}

function memory({ memory: { rss, heapUsed, heapLimit } }: HealthFacts): Check {
  const evidence = `${(rss / MIB).toFixed(0)} MiB resident, heap ${(heapUsed / MIB).toFixed(0)} of ${(heapLimit / MIB).toFixed(0)} MiB`;
  if (heapUsed < FULL * heapLimit) return { name: 'memory', verdict: 'ok', evidence };
  return { name: 'memory', verdict: 'warn', evidence, advice: 'NODE_OPTIONS=--max-old-space-size=<MiB> allows more' };
}

function files({ files: { open, limit } }: HealthFacts): Check {
  const evidence = limit < 0 ? 'unknown on this platform' : `${open} of ${limit} open`;
  if (limit < 0 || open < FULL * limit) return { name: 'file descriptors', verdict: 'ok', evidence };
  return { name: 'file descriptors', verdict: 'warn', evidence, advice: 'connections will be refused: raise LimitNOFILE, or ulimit -n' };
}
