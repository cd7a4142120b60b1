import { samplesOf, type Labels, type MetricFamily } from './family.ts';

/** Prometheus' text format 0.0.4, as Apache's provider writes it: doubles of Java, a comma behind the last label. */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function textExposition(families: readonly MetricFamily[]): string {
  return families.map(family).join('');
}

function family({ name, help, type, metrics }: MetricFamily): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${metrics.map((metric) => samplesOf(name, metric, sample)).join('')}`;
}

function sample(name: string, labels: Labels, value: number): string {
  const text = labels.map(([label, content]) => `${label}="${escapeLabel(content)}",`).join('');
  return `${name}${text === '' ? '' : `{${text}}`} ${javaDouble(value)}\n`;
}

/** Double.toString: `5.0`, `0.25`, `1.2345678E7`, `NaN`, and Prometheus' `+Inf`. */
export function javaDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e');
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

export function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
