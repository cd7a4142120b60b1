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

/** Fresh servers, one scenario. */
export async function measure(scenario: Scenario, contender: Contender, pace: Pace): Promise<Figures> {
  const servers = await Servers.start(contender, scenario.servers);
  const load = new LoadProcess();
  try {
    const target = { ports: servers.ports, pids: servers.pids };
    if (scenario.kind === 'memory') return await memory(scenario, servers, load);
    const job: Job = scenario.kind === 'requests' ? { ...scenario, target, ...pace } : { ...scenario, target };
    return figuresOf(await load.run(job));
  } finally {
    await load.stop();
    await servers.stop();
  }
}

/** The first tenth is not counted: it also pays for what a busy server keeps, whatever the number of znodes. */
async function memory({ znodes, valueBytes }: Extract<Scenario, { kind: 'memory' }>, servers: Servers, load: LoadProcess): Promise<Figures> {
  const target = { ports: servers.ports, pids: servers.pids };
  const fill = async (first: number, thousands: number): Promise<number> =>
    (await load.run({ kind: 'fill', target, first, thousands, valueBytes })).residentBytes[0]!;
  const idle = residentBytesOf(servers.pids[0]!);
  const tenth = znodes / 10_000;
  const begun = await fill(0, tenth);
  const full = await fill(tenth, 9 * tenth);
  const restart = await servers.restart();
  return {
    'idle MB': idle / 1e6,
    'full MB': full / 1e6,
    'B/znode': (full - begun) / (znodes * 0.9),
    'restart s': restart,
    'restarted MB': residentBytesOf(servers.pids[0]!) / 1e6,
  };
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
