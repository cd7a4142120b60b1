import { setTimeout as delay } from 'node:timers/promises';
import { Servers, type Contender } from './contenders.ts';
import { LoadProcess } from './load-process.ts';
import type { Job, Measurement } from './load/job.ts';
import { residentBytesOf } from './load/process-usage.ts';
import type { Scenario } from './scenarios.ts';

export interface Pace {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Numbers by what they are; `throughput` and `cpu` (server core seconds per second) where there are any. */
export type Figures = Readonly<Record<string, number>>;

/** After this long a collector that gives memory back has done so, and a checkpoint's thread has ended. */
const SETTLE_MS = 10_000;
/** Of the znodes of a memory scenario; the first ones also pay for what a busy server keeps, whatever their number. */
const UNCOUNTED = 0.2;

/** Fresh servers, one scenario. */
export async function measure(scenario: Scenario, contender: Contender, pace: Pace): Promise<Figures> {
  const isLarge = scenario.kind === 'requests' && scenario.workload.kind === 'scattered';
  const servers = await Servers.start(contender, scenario.servers, { metrics: isLarge });
  const load = new LoadProcess();
  try {
    const target = { ports: servers.ports, pids: servers.pids };
    if (scenario.kind === 'memory') return await memory(scenario, servers, load);
    if (scenario.kind === 'footprint') return await footprint(scenario, servers, load);
    if (scenario.kind !== 'requests') return figuresOf(await load.run({ ...scenario, target }));
    const { workload, seconds } = scenario;
    const measureMs = seconds === undefined ? pace.measureMs : seconds * 1000;
    const job: Job = { ...scenario, target, warmUpMs: pace.warmUpMs, measureMs };
    if (workload.kind !== 'scattered') return figuresOf(await load.run(job));
    await load.run({ kind: 'fill', target, first: 0, thousands: workload.thousands, valueBytes: workload.valueBytes });
    await servers.longestPauseMs(); // forgets the ones so far
    const figures = figuresOf(await load.run(job));
    const pauseMs = await servers.longestPauseMs();
    return pauseMs === null ? figures : { ...figures, 'pause ms': pauseMs };
  } finally {
    await load.stop();
    await servers.stop();
  }
}

async function memory({ znodes, valueBytes }: Extract<Scenario, { kind: 'memory' }>, servers: Servers, load: LoadProcess): Promise<Figures> {
  const target = { ports: servers.ports, pids: servers.pids };
  const fill = (first: number, thousands: number): Promise<unknown> => load.run({ kind: 'fill', target, first, thousands, valueBytes });
  const idle = await settledBytes(servers);
  const uncounted = (znodes * UNCOUNTED) / 1000;
  await fill(0, uncounted);
  const begun = await settledBytes(servers);
  await fill(uncounted, znodes / 1000 - uncounted);
  const busy = residentBytesOf(servers.pids[0]!);
  const full = await settledBytes(servers);
  const restart = await servers.restart();
  return {
    'idle MB': idle / 1e6,
    'filling MB': busy / 1e6,
    'full MB': full / 1e6,
    'B/znode': (full - begun) / (znodes * (1 - UNCOUNTED)),
    'restart s': restart,
    'restarted MB': (await settledBytes(servers)) / 1e6,
  };
}

async function footprint({ sessions, watchesEach }: Extract<Scenario, { kind: 'footprint' }>, servers: Servers, load: LoadProcess): Promise<Figures> {
  const target = { ports: servers.ports, pids: servers.pids };
  const hold = (count: number): Promise<unknown> => load.run({ kind: 'hold', target, count });
  await hold(sessions); // pay for what a busy server keeps
  const before = await settledBytes(servers);
  await hold(sessions);
  const open = await settledBytes(servers);
  await load.run({ kind: 'watch', target, each: watchesEach });
  const watched = await settledBytes(servers);
  await load.run({ kind: 'release', target });
  return { 'B/session': (open - before) / sessions, 'B/watch': (watched - open) / (2 * sessions * watchesEach), 'MB': watched / 1e6 };
}

async function settledBytes(servers: Servers): Promise<number> {
  await delay(SETTLE_MS);
  return residentBytesOf(servers.pids[0]!);
}

function figuresOf({ operations, seconds, latency, serverCpuSeconds, loadCpuSeconds, residentBytes, errors }: Measurement): Figures {
  const failed = errors.reduce((sum, [, times]) => sum + times, 0);
  if (failed > 0) throw new Error(`${failed} requests failed: ${errors.map(([code, times]) => `${code} ${times} times`).join(', ')}`);
  return {
    throughput: operations / seconds,
    'p50 ms': latency.p50 / 1000,
    'p99 ms': latency.p99 / 1000,
    'p99.9 ms': latency.p999 / 1000,
    'max ms': latency.max / 1000,
    cpu: serverCpuSeconds / seconds,
    'cpu µs/op': (serverCpuSeconds / operations) * 1e6,
    'load cpu': loadCpuSeconds / seconds,
    'MB': Math.max(...residentBytes) / 1e6,
  };
}
