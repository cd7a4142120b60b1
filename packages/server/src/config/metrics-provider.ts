import type { Findings } from './problems.ts';
import type { Settings } from './settings.ts';
import type { Place } from './source.ts';

const PROMETHEUS = 'org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider';
const SILENT = ['org.apache.zookeeper.metrics.impl.DefaultMetricsProvider', 'org.apache.zookeeper.metrics.impl.NullMetricsProvider'];

/** A class name in zoo.cfg stands for what is built in here; any other class cannot be loaded. */
export function checkMetricsProvider(settings: Settings, start: Place, findings: Findings): void {
  const name = settings.get('metricsProvider.className');
  if (name === null || name === PROMETHEUS || SILENT.includes(name)) return;
  findings.error(settings.placeOf('metricsProvider.className', start), `metricsProvider.className=${name}: metrics provider class was not found`, `write ${PROMETHEUS}`);
}

export function exportsMetrics(settings: Settings): boolean {
  return settings.get('metricsProvider.className') === PROMETHEUS;
}
