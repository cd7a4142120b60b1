import { lookup } from 'node:dns/promises';
import { statfsSync } from 'node:fs';
import { monitorEventLoopDelay, performance, type IntervalHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { DiskFacts, HealthFacts } from './health.ts';
import { maxFiles, openFiles } from './measurements.ts';
import type { AdminView } from './view.ts';

/** Coarse: a stall shorter than this harms nobody. */
const RESOLUTION_MS = 100;
const NANOSECONDS_PER_MS = 1e6;
const LOOKUP_PATIENCE_MS = 1_000;
/** Growth is measured from a look up to two of these ago. */
const GROWTH_WINDOW_MS = 600_000;

/** Gathers what a verdict on a server's health rests on, and remembers what it was the last time. */
export class HealthObserver {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #since = performance.now();
  #watches = 0;
  /** What each directory held when growth was last measured. */
  readonly #used = new Map<string, { readonly bytes: number; readonly at: number }>();

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  async facts(view: AdminView): Promise<HealthFacts> {
    await afterDueTimers();
    const { config, status, metrics } = view;
    const { fsynctime } = metrics.summaries;
    const watchesBefore = this.#watches;
    this.#watches = status.pipeline.watchCount;
    const { heap_size_limit: heapLimit, used_heap_size: heapUsed } = getHeapStatistics();
    return {
      status,
      syncP99Ms: fsynctime.count === 0 ? null : fsynctime.percentile(0.99),
      syncWarnMs: config.settings.get('fsync.warningthresholdms'),
      eventLoop: this.#takeDelays(),
      disks: disksOf(view).map((disk) => ({ ...disk, growth: this.#growthOf(disk) })),
      memory: { rss: process.memoryUsage.rss(), heapUsed, heapLimit },
      files: { open: openFiles(), limit: maxFiles() },
      unresolvable: await unresolvableHosts(view),
      outstandingLimit: config.settings.get('globalOutstandingLimit'),
      tickTime: config.settings.get('tickTime'),
      digestMismatches: status.pipeline.metrics.counters.digest_mismatches_count,
      watchesBefore,
    };
  }

  /** Since a look that may be up to twenty minutes ago, however often somebody asks. */
  #growthOf({ path, usedByUs }: Omit<DiskFacts, 'growth'>): DiskFacts['growth'] {
    const now = performance.now();
    const before = this.#used.get(path);
    if (before === undefined || now - before.at > 2 * GROWTH_WINDOW_MS) this.#used.set(path, { bytes: usedByUs, at: now });
    return before === undefined ? null : { bytes: usedByUs - before.bytes, overMs: now - before.at };
  }

  #takeDelays(): HealthFacts['eventLoop'] {
    const now = performance.now();
    const overMs = now - this.#since;
    const { count, max } = this.#delay;
    // The interval itself is part of every sample.
    const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS);
    const delays = { maxDelayMs: count === 0 ? 0 : beyond(max), p99DelayMs: count === 0 ? 0 : beyond(this.#delay.percentile(99)), overMs };
    this.#delay.reset();
    this.#since = now;
    return delays;
  }
}

/** A request that waited out a stall is handled before the histogram's timer, which is due, has told of it. */
const afterDueTimers = (): Promise<void> => delay(1);

function disksOf({ config, directorySizes }: AdminView): Omit<DiskFacts, 'growth'>[] {
  const disks = [{ path: config.dataDir, usedByUs: directorySizes.data }];
  if (config.dataLogDir !== config.dataDir) disks.push({ path: config.dataLogDir, usedByUs: directorySizes.log });
  return disks.flatMap(({ path, usedByUs }) => {
    try {
      const { bavail, blocks, bsize } = statfsSync(path);
      return [{ path, usedByUs, freeBytes: bavail * bsize, totalBytes: blocks * bsize }];
    } catch {
      return []; // a server in memory has no directory
    }
  });
}

async function unresolvableHosts({ status }: AdminView): Promise<string[]> {
  const hosts = new Set([...(status.ensemble?.servers.values() ?? [])].flatMap(({ addresses }) => addresses.map(({ host }) => host)));
  const answers = await Promise.all([...hosts].map(async (host) => ((await resolves(host)) ? [] : [host])));
  return answers.flat();
}

/** A resolver that takes its time is no better than one that says no. */
async function resolves(host: string): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), LOOKUP_PATIENCE_MS);
  });
  try {
    return await Promise.race([lookup(host).then(() => true, () => false), patience]);
  } finally {
    clearTimeout(timer);
  }
}
