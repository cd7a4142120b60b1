import type { Figures } from './measure.ts';
import type { Scenario } from './scenarios.ts';
import { spreadOf } from './statistics.ts';

/** Of one scenario: the figures of each contender, a round each. */
export interface Result {
  readonly scenario: Scenario;
  readonly rounds: ReadonlyMap<string, readonly Figures[]>;
}

const REQUEST_COLUMNS = ['throughput', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'pause ms', 'cpu', 'cpu µs/op', 'load cpu', 'MB'];

/** Markdown: a table of everything that has a throughput, and one for each other kind of figure. */
export function report(results: readonly Result[], contenders: readonly string[]): string {
  const withThroughput = results.filter(hasThroughput);
  const others = results.filter((result) => !hasThroughput(result));
  return [
    ...(withThroughput.length > 0 ? [table(withThroughput, contenders, REQUEST_COLUMNS)] : []),
    ...(withThroughput.length > 0 && contenders.length > 1 ? [ratios(withThroughput, contenders)] : []),
    ...others.map((result) => table([result], contenders, Object.keys([...result.rounds.values()][0]![0]!))),
  ].join('\n\n');
}

export function hasThroughput({ rounds }: Result): boolean {
  return [...rounds.values()].every((figures) => figures.every((round) => 'throughput' in round));
}

function table(results: readonly Result[], contenders: readonly string[], wanted: readonly string[]): string {
  const columns = wanted.filter((column) => results.some(({ rounds }) => [...rounds.values()].flat().some((figures) => column in figures)));
  const rows = results.flatMap(({ scenario, rounds }) =>
    contenders.map((contender) => {
      const figures = rounds.get(contender) ?? [];
      return [scenario.name, contender, ...columns.map((column) => cell(figures.map((round) => round[column] ?? 0)))];
    }),
  );
  return markdown(['scenario', 'server', ...columns], rows);
}

/** First contender to second, round by round. */
function ratios(results: readonly Result[], [first = '', second = '']: readonly string[]): string {
  const rows = results.map(({ scenario, rounds }) => {
    const ratio = (column: string): number[] =>
      (rounds.get(first) ?? []).map((figures, round) => (figures[column] ?? 0) / (rounds.get(second)?.[round]?.[column] ?? 1));
    const throughput = spreadOf(ratio('throughput'));
    const goal = scenario.goal === undefined ? '' : `${scenario.goal}x ${throughput.median >= scenario.goal ? 'reached' : 'not reached'}`;
    return [
      scenario.name,
      `${throughput.median.toFixed(2)}x (${throughput.min.toFixed(2)}–${throughput.max.toFixed(2)})`,
      goal,
      ...['p50 ms', 'p99 ms', 'cpu µs/op'].map((column) => spreadOf(ratio(column)).median.toFixed(2)),
    ];
  });
  return markdown(['scenario', `throughput, ${first} ÷ ${second}`, 'goal', 'p50 ÷', 'p99 ÷', 'cpu per op ÷'], rows);
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return '';
  const { median, min, max } = spreadOf(values);
  return values.length === 1 ? number(median) : `${number(median)} (${number(min)}–${number(max)})`;
}

function number(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}k`;
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
