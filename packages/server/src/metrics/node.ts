import { readFileSync } from 'node:fs';
import { constants, monitorEventLoopDelay, performance, PerformanceObserver, type IntervalHistogram } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { maxFiles, openFiles } from '../admin/measurements.ts';
import { counter, gauge, type MetricFamily } from './family.ts';

const RESOLUTION_MS = 20;
const NANOSECONDS = 1e9;
const KIB = 1024;
const GC_KINDS = new Map<number, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** An entry of type `gc`; the types of Node leave `detail` out. */
interface GcEntry {
  /** Milliseconds. */
  readonly duration: number;
  readonly detail?: { readonly kind?: number };
}

/** What Node itself can tell, under the names that dashboards for Node expect (those of prom-client). */
export class NodeMetrics {
  readonly #lag: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #collections = new Map<string, { count: number; seconds: number }>([...GC_KINDS.values()].map((kind) => [kind, { count: 0, seconds: 0 }]));
  readonly #observer: PerformanceObserver;

  constructor() {
    this.#lag.enable();
    this.#observer = new PerformanceObserver((list) => {
      for (const { duration, detail } of list.getEntries() as readonly GcEntry[]) this.#collected(detail?.kind ?? 0, duration);
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  close(): void {
    this.#lag.disable();
    this.#observer.disconnect();
  }

  families(): MetricFamily[] {
    return [...processFamilies(), ...this.#eventLoop(), ...heapFamilies(), this.#garbageCollections(), versionFamily()];
  }

  #collected(kind: number, durationMs: number): void {
    const total = this.#collections.get(GC_KINDS.get(kind) ?? 'major');
    if (total === undefined) return;
    total.count++;
    total.seconds += durationMs / 1000;
  }

  #eventLoop(): MetricFamily[] {
    const lag = this.#lag;
    // The sampling interval is part of every sample.
    const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000) : 0);
    const families = [
      gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', seconds(lag.mean)),
      gauge('nodejs_eventloop_lag_mean_seconds', 'The mean of the recorded event loop delays.', seconds(lag.mean)),
      gauge('nodejs_eventloop_lag_max_seconds', 'The maximum recorded event loop delay.', lag.count === 0 ? 0 : seconds(lag.max)),
      ...[50, 90, 99].map((share) => gauge(`nodejs_eventloop_lag_p${share}_seconds`, `The ${share}th percentile of the recorded event loop delays.`, seconds(lag.percentile(share)))),
      gauge('nodejs_eventloop_utilization', 'Share of the time that the event loop was busy, since the start.', performance.eventLoopUtilization().utilization),
    ];
    lag.reset(); // since the last scrape: a stall of last week must not show for ever
    return families;
  }

  #garbageCollections(): MetricFamily {
    const metrics = [...this.#collections].map(([kind, { count, seconds }]) => ({ labels: [['kind', kind]] as const, count, sum: seconds, quantiles: [] }));
    return { name: 'nodejs_gc_duration_seconds', help: 'Garbage collection duration by kind.', type: 'summary', metrics };
  }
}

function processFamilies(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  const microseconds = 1e6;
  return [
    counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', user / microseconds),
    counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', system / microseconds),
    counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', (user + system) / microseconds),
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', Math.round(performance.timeOrigin) / 1000),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()),
    gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', virtualMemory()),
    gauge('process_open_fds', 'Number of open file descriptors.', openFiles()),
    gauge('process_max_fds', 'Maximum number of open file descriptors.', maxFiles()),
  ];
}

function heapFamilies(): MetricFamily[] {
  const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const spaces = getHeapSpaceStatistics().map(({ space_name, space_used_size }) => ({
    labels: [['space', space_name.replace(/_space$/, '')]] as const,
    value: space_used_size,
  }));
  return [
    gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', external),
    gauge('nodejs_array_buffers_bytes', 'Bytes of buffers outside of the heap; znodes lie here.', arrayBuffers),
    { name: 'nodejs_heap_space_size_used_bytes', help: 'Process heap space size used from Node.js in bytes.', type: 'gauge', metrics: spaces },
  ];
}

function versionFamily(): MetricFamily {
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.');
  return gauge('nodejs_version_info', 'Node.js version info.', 1, [['version', process.version], ['major', major], ['minor', minor], ['patch', patch]]);
}

/** 0 where the platform does not tell. */
function virtualMemory(): number {
  try {
    return Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0) * KIB;
  } catch {
    return 0;
  }
}
