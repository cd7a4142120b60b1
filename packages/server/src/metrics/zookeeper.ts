import type { Distribution } from '@zk/peer';
import type { LabelledSet } from '../admin/labelled-sets.ts';
import { measurementsOf, type Measurements } from '../admin/measurements.ts';
import type { Traffic } from '../admin/texts.ts';
import type { AdminView } from '../admin/view.ts';
import { counter, gauge, type Labels, type MetricFamily, type SummaryMetric } from './family.ts';

const BASIC_QUANTILES = [0.5];
const ADVANCED_QUANTILES = [0.5, 0.9, 0.99];

/** Everything `mntr` tells, as Apache's provider shows it: the names are their own help (operations.md section 10). */
export function zookeeperFamilies(view: AdminView, traffic: Traffic): MetricFamily[] {
  const { gauges, counters, basic, advanced, sets } = measurementsOf(view, traffic);
  return [
    ...gauges.map(([name, value]) => gauge(name, name, typeof value === 'number' ? Math.trunc(value) : value.double)),
    ...onFollowersOnly(view, gauges),
    ...counters.map(([name, value]) => counter(name, name, value)),
    ...basic.map(([name, values]) => summary(name, values, BASIC_QUANTILES)),
    ...advanced.map(([name, values]) => summary(name, values, ADVANCED_QUANTILES)),
    ...sets.gauges.map(([name, values]) => labelled(name, 'gauge', values)),
    ...sets.counters.map(([name, values]) => labelled(name, 'counter', values)),
    ...sets.basic.map(([name, values]) => summaries(name, values, BASIC_QUANTILES)),
    ...sets.advanced.map(([name, values]) => summaries(name, values, ADVANCED_QUANTILES)),
  ];
}

/** A follower without an observer master has no observers: `mntr` leaves that out, this page of Apache's has a zero. */
function onFollowersOnly({ status }: AdminView, gauges: Measurements['gauges']): MetricFamily[] {
  const name = 'synced_observers';
  return status.serving === 'follower' && !gauges.some(([other]) => other === name) ? [gauge(name, name, 0)] : [];
}

function labelled(name: string, type: 'gauge' | 'counter', values: LabelledSet<number>[1]): MetricFamily {
  return { name, help: name, type, metrics: values.map(([label, value]) => ({ labels: [['key', label]], value })) };
}

function summaries(name: string, values: LabelledSet<Distribution>[1], quantiles: readonly number[]): MetricFamily {
  return { name, help: name, type: 'summary', metrics: values.map(([label, value]) => summaryOf(value, quantiles, [['key', label]])) };
}

function summary(name: string, values: Distribution, quantiles: readonly number[]): MetricFamily {
  return { name, help: name, type: 'summary', metrics: [summaryOf(values, quantiles, [])] };
}

function summaryOf(values: Distribution, quantiles: readonly number[], labels: Labels): SummaryMetric {
  const { count, sum } = values;
  const estimates = quantiles.map((quantile) => ({ quantile, value: count === 0 ? Number.NaN : values.percentile(quantile) }));
  return { labels, count, sum, quantiles: estimates };
}
