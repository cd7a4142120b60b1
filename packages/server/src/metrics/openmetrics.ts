import { samplesOf, type Labels, type MetricFamily } from './family.ts';
import { escapeLabel } from './text.ts';

export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * OpenMetrics 1.0. There, the samples of a counter must end in `_total`, which Apache's do not. Prometheus prefers this
 * format over the text one, so renaming them would break every query written for Apache: they are sent as `unknown`,
 * under the names they have.
 */
export function openMetricsExposition(families: readonly MetricFamily[]): string {
  return `${families.map(family).join('')}# EOF\n`;
}

function family({ name, help, type, metrics }: MetricFamily): string {
  const isNamedCounter = type === 'counter' && name.endsWith('_total');
  const familyName = isNamedCounter ? name.slice(0, -'_total'.length) : name;
  const familyType = type === 'counter' && !isNamedCounter ? 'unknown' : type;
  return `# TYPE ${familyName} ${familyType}\n# HELP ${familyName} ${escapeLabel(help)}\n${metrics.map((metric) => samplesOf(name, metric, sample)).join('')}`;
}

function sample(name: string, labels: Labels, value: number): string {
  const text = labels.map(([label, content]) => `${label}="${escapeLabel(content)}"`).join(',');
  return `${name}${text === '' ? '' : `{${text}}`} ${number(value)}\n`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}
