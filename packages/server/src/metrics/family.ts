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

export function gauge(name: string, help: string, value: number, labels: Labels = []): MetricFamily {
  return { name, help, type: 'gauge', metrics: [{ labels, value }] };
}

export function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'counter', metrics: [{ labels: [], value }] };
}
