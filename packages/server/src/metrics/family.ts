/** A metric as Prometheus sees it, whatever form it is sent in. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'summary';
  readonly metrics: readonly Metric[];
}

export type Labels = readonly (readonly [name: string, value: string])[];

export interface ValueMetric {
  readonly labels: Labels;
  readonly value: number;
}

export interface SummaryMetric {
  readonly labels: Labels;
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export type Metric = ValueMetric | SummaryMetric;

export function isSummary(metric: Metric): metric is SummaryMetric {
  return 'quantiles' in metric;
}

/** The lines of a metric, as both text formats have them: one, or those of a summary. @param sample writes one */
export function samplesOf(name: string, metric: Metric, sample: (name: string, labels: Labels, value: number) => string): string {
  if (!isSummary(metric)) return sample(name, metric.labels, metric.value);
  const quantiles = metric.quantiles.map(({ quantile, value }) => sample(name, [...metric.labels, ['quantile', String(quantile)]], value));
  return [...quantiles, sample(`${name}_count`, metric.labels, metric.count), sample(`${name}_sum`, metric.labels, metric.sum)].join('');
}

export function gauge(name: string, help: string, value: number, labels: Labels = []): MetricFamily {
  return { name, help, type: 'gauge', metrics: [{ labels, value }] };
}

export function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'counter', metrics: [{ labels: [], value }] };
}
