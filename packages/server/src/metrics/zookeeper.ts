import type { Distribution } from '@zk/peer';
import { measurementsOf } from '../admin/measurements.ts';
import type { Traffic } from '../admin/texts.ts';
import type { AdminView } from '../admin/view.ts';
import { counter, gauge, type MetricFamily } from './family.ts';

const BASIC_QUANTILES = [0.5];
const ADVANCED_QUANTILES = [0.5, 0.9, 0.99];

/** Everything `mntr` tells, as Apache's provider shows it: the names are their own help (operations.md section 10). */
export function zookeeperFamilies(view: AdminView, traffic: Traffic): MetricFamily[] {
  const { gauges, counters, basic, advanced } = measurementsOf(view, traffic);
  return [
    ...gauges.map(([name, value]) => gauge(name, name, typeof value === 'number' ? Math.trunc(value) : value.double)),
    ...counters.map(([name, value]) => counter(name, name, value)),
    ...basic.map(([name, values]) => summary(name, values, BASIC_QUANTILES)),
    ...advanced.map(([name, values]) => summary(name, values, ADVANCED_QUANTILES)),
  ];
}

function summary(name: string, values: Distribution, quantiles: readonly number[]): MetricFamily {
  const { count, sum } = values;
  const estimates = quantiles.map((quantile) => ({ quantile, value: count === 0 ? Number.NaN : values.percentile(quantile) }));
  return { name, help: name, type: 'summary', metrics: [{ labels: [], count, sum, quantiles: estimates }] };
}
