import type { Distribution } from '@zk/peer';
import type { AdminView } from './view.ts';

/** Values by label: the top component of a path, or a learner's id. */
export type LabelledSet<T> = readonly [name: string, values: readonly (readonly [label: string, value: T])[]];

/** What Apache calls sets: gauges, counters and summaries with a label in front of their name, or `key` behind it (operations.md 7.1). */
export interface LabelledSets {
  readonly gauges: readonly LabelledSet<number>[];
  readonly counters: readonly LabelledSet<number>[];
  readonly basic: readonly LabelledSet<Distribution>[];
  readonly advanced: readonly LabelledSet<Distribution>[];
}

export function labelledSets(view: AdminView): LabelledSets {
  const { paths, quotaExceeded, learners } = view.status.pipeline.metrics;
  const byLearner = [...learners].map(([sid, metrics]) => [String(sid), metrics] as const);
  return {
    gauges: quotaGauges(view),
    counters: [['quota_exceeded_error_per_namespace', [...quotaExceeded]]],
    basic: [
      ['read_per_namespace', [...paths.reads.namespaces]],
      ['write_per_namespace', [...paths.writes.namespaces]],
      ['learner_handler_qp_size', byLearner.map(([sid, { queueSize }]) => [sid, queueSize] as const)],
    ],
    advanced: [
      ['learner_handler_qp_time_ms', byLearner.map(([sid, { queueTime }]) => [sid, queueTime] as const)],
      ['ack_latency', byLearner.map(([sid, { ackLatency }]) => [sid, ackLatency] as const).filter(([, { count }]) => count > 0)],
    ],
  };
}

/** Limits and usage, summed over the limited paths below each top-level znode; a hard limit goes before a soft one (QuotaMetricsUtils). */
function quotaGauges(view: AdminView): readonly LabelledSet<number>[] {
  const quotas = view.quotas();
  const sums = (of: (quota: (typeof quotas)[number]) => number | undefined): [string, number][] => {
    const byNamespace = new Map<string, number>();
    for (const quota of quotas) {
      const [, namespace = ''] = quota.path.split('/', 2);
      const value = of(quota);
      if (namespace !== '' && value !== undefined) byNamespace.set(namespace, (byNamespace.get(namespace) ?? 0) + value);
    }
    return [...byNamespace];
  };
  const limit = (hard: number, soft: number): number => (hard > -1 ? hard : soft);
  const gauges: LabelledSet<number>[] = [
    ['quota_count_limit_per_namespace', sums(({ limits }) => limit(limits.countHardLimit, limits.count))],
    ['quota_bytes_limit_per_namespace', sums(({ limits }) => limit(limits.byteHardLimit, limits.bytes))],
    ['quota_count_usage_per_namespace', sums(({ stats }) => stats?.count)],
    ['quota_bytes_usage_per_namespace', sums(({ stats }) => stats?.bytes)],
  ];
  return gauges.filter(([, values]) => values.length > 0);
}
