import { setTimeout as delay } from 'node:timers/promises';
import { createFrame, getDataFrame, setDataFrame } from './frames.ts';
import { LoadConnection, type Tally } from './connection.ts';
import { Histogram } from './histogram.ts';
import type { Job, Measurement, Target } from './job.ts';
import { cpuSecondsOf, residentBytesOf } from './process-usage.ts';
import { Once } from './request-source.ts';
import { fillFrames, fillRoot, keyPath, preparations, ROOT, sourcesOf } from './workload.ts';

// A process of its own: takes jobs over IPC, answers each with a measurement.

const PREPARING_IN_FLIGHT = 200;
const OPENING_AT_A_TIME = 50;
const WARM_UP_SETS = 5;

/** What `hold` has opened. */
const held: LoadConnection[] = [];

process.on('message', (job: Job) => {
  void work(job).then(
    (measurement) => process.send?.(measurement),
    (error: Error) => process.send?.({ failure: error.stack ?? error.message }),
  );
});

function work(job: Job): Promise<Measurement> {
  switch (job.kind) {
    case 'requests': return requests(job);
    case 'sessions': return sessions(job);
    case 'watches': return watches(job);
    case 'fill': return fill(job);
    case 'hold': return hold(job);
    case 'watch': return watch(job);
    case 'release': return release(job);
  }
}

async function requests(job: Extract<Job, { kind: 'requests' }>): Promise<Measurement> {
  const { target, workload, inFlight } = job;
  await runOnce(target, preparations(workload));
  const tally = newTally();
  const connections = await open(target, job.connections, tally);
  const source = sourcesOf(workload, Date.now().toString(36));
  const running = connections.map((connection, index) => connection.run(source(index), inFlight));
  await delay(job.warmUpMs);
  const span = new Span(target, tally);
  await delay(job.measureMs);
  const measurement = span.end();
  for (const connection of connections) connection.stop();
  await Promise.all(running);
  await closeAll(connections);
  return measurement;
}

async function sessions({ target, count, atATime }: Extract<Job, { kind: 'sessions' }>): Promise<Measurement> {
  const tally = newTally();
  const span = new Span(target, tally);
  const opened: LoadConnection[] = [];
  let left = count;
  const openOneByOne = async (): Promise<void> => {
    while (left > 0) {
      const begin = performance.now();
      const connection = new LoadConnection(target.ports[left-- % target.ports.length]!, newTally());
      await connection.opened();
      tally.latency.add((performance.now() - begin) * 1000);
      tally.operations += 1;
      opened.push(connection);
    }
  };
  await Promise.all(Array.from({ length: atATime }, openOneByOne));
  const measurement = span.end();
  await closeAll(opened);
  return measurement;
}

async function watches({ target, watchers, times }: Extract<Job, { kind: 'watches' }>): Promise<Measurement> {
  const path = keyPath(0);
  const value = Buffer.alloc(100);
  await runOnce(target, [createFrame(ROOT, value), createFrame(path, value)]);
  const tally = newTally();
  const connections = await open(target, watchers, newTally());
  const [setter] = await open(target, 1, newTally());
  let span = new Span(target, tally);
  for (let round = -WARM_UP_SETS; round < times; round++) {
    if (round === 0) span = new Span(target, tally);
    await Promise.all(connections.map((connection) => connection.run(new Once([getDataFrame(path, true)]), 1)));
    const begin = performance.now();
    const told = new Promise<void>((resolve) => {
      let left = watchers;
      for (const connection of connections) {
        connection.onEvent = () => {
          if (--left === 0) resolve();
        };
      }
    });
    await setter!.run(new Once([setDataFrame(path, value)]), 1);
    await told;
    if (round < 0) continue;
    tally.latency.add((performance.now() - begin) * 1000);
    tally.operations += 1;
  }
  const measurement = span.end();
  await closeAll([...connections, setter!]);
  return measurement;
}

async function fill({ target, first, thousands, valueBytes }: Extract<Job, { kind: 'fill' }>): Promise<Measurement> {
  const tally = newTally();
  const [connection] = await open(target, 1, tally);
  await connection!.run(new Once(fillRoot()), 1);
  const span = new Span(target, tally);
  for (let thousand = first; thousand < first + thousands; thousand++) {
    await connection!.run(new Once(fillFrames(thousand, valueBytes)), PREPARING_IN_FLIGHT);
  }
  const measurement = span.end();
  await closeAll([connection!]);
  return measurement;
}

async function hold({ target, count }: Extract<Job, { kind: 'hold' }>): Promise<Measurement> {
  await runOnce(target, preparations({ kind: 'get', valueBytes: 100 }));
  const span = new Span(target, newTally());
  held.push(...(await open(target, count, newTally())));
  return span.end();
}

async function watch({ target, each }: Extract<Job, { kind: 'watch' }>): Promise<Measurement> {
  const span = new Span(target, newTally());
  const frames = Array.from({ length: each }, (_, key) => getDataFrame(keyPath(key), true));
  for (const connection of held) await connection.run(new Once(frames), PREPARING_IN_FLIGHT);
  return span.end();
}

async function release({ target }: Extract<Job, { kind: 'release' }>): Promise<Measurement> {
  const span = new Span(target, newTally());
  await closeAll(held.splice(0));
  return span.end();
}

/** What happens between its making and its end. */
class Span {
  readonly #target: Target;
  readonly #tally: Tally;
  readonly #operations: number;
  readonly #begin = performance.now();
  readonly #loadCpu = process.cpuUsage();
  readonly #serverCpu: number;

  constructor(target: Target, tally: Tally) {
    this.#target = target;
    this.#tally = tally;
    this.#operations = tally.operations;
    this.#serverCpu = cpuOf(target);
    tally.latency.reset();
    tally.errors.clear();
  }

  end(): Measurement {
    const seconds = (performance.now() - this.#begin) / 1000;
    const { latency, operations, errors } = this.#tally;
    const { user, system } = process.cpuUsage(this.#loadCpu);
    return {
      operations: operations - this.#operations,
      seconds,
      latency: { p50: latency.percentile(0.5), p99: latency.percentile(0.99), p999: latency.percentile(0.999), max: latency.max },
      serverCpuSeconds: cpuOf(this.#target) - this.#serverCpu,
      loadCpuSeconds: (user + system) / 1e6,
      residentBytes: this.#target.pids.map(residentBytesOf),
      errors: [...errors],
    };
  }
}

function newTally(): Tally {
  return { latency: new Histogram(), operations: 0, errors: new Map(), events: 0 };
}

async function open(target: Target, count: number, tally: Tally): Promise<LoadConnection[]> {
  const connections: LoadConnection[] = [];
  while (connections.length < count) {
    const some = Array.from({ length: Math.min(OPENING_AT_A_TIME, count - connections.length) }, (_, i) =>
      new LoadConnection(target.ports[(connections.length + i) % target.ports.length]!, tally));
    await Promise.all(some.map((connection) => connection.opened()));
    connections.push(...some);
  }
  return connections;
}

async function runOnce(target: Target, frames: readonly Buffer[]): Promise<void> {
  if (frames.length === 0) return;
  const [connection] = await open(target, 1, newTally());
  await connection!.run(new Once(frames), PREPARING_IN_FLIGHT);
  await closeAll([connection!]);
}

async function closeAll(connections: readonly LoadConnection[]): Promise<void> {
  for (let at = 0; at < connections.length; at += OPENING_AT_A_TIME) {
    await Promise.all(connections.slice(at, at + OPENING_AT_A_TIME).map((connection) => connection.close()));
  }
}

function cpuOf(target: Target): number {
  return target.pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
}
