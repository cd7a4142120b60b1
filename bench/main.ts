import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { apache, ours, requireApache, type Contender } from './contenders.ts';
import { describeMachine } from './machine.ts';
import { measure, type Figures, type Pace } from './measure.ts';
import { barPlot } from './plot.ts';
import { hasThroughput, report, type Result } from './report.ts';
import { chosen, type Scenario } from './scenarios.ts';

const USAGE = `npm run bench -- [options]
  --against apache   both servers in turn (test/compat/install.sh installs Apache's)
  --quick            the most telling scenarios, one short round: two minutes
  --scenario <name>  that one, or all that begin so; may be given more than once
  --rounds <n>       default 3, with --quick 1
  --seconds <n>      measured per round, after a warm-up of half of it, 5 at most; default 6, with --quick 3, or a scenario's own
  --profile <dir>    a CPU profile of each of our servers, to be opened with Chrome's developer tools
  --name <name>      of the files in bench/results, default the date; "none" writes nothing`;

const MAX_WARM_UP_MS = 5_000;
const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

interface Plan {
  readonly contenders: readonly Contender[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly pace: Pace;
  readonly name: string;
}

function plan(): Plan {
  const { values } = parseArgs({
    options: {
      against: { type: 'string' },
      quick: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
      name: { type: 'string' },
    },
  });
  if (values.against !== undefined && values.against !== 'apache') throw new Error('--against knows apache only');
  if (values.against !== undefined) requireApache();
  const measureMs = Number(values.seconds ?? (values.quick ? 3 : 6)) * 1000;
  return {
    contenders: [ours(values.profile), ...(values.against === undefined ? [] : [apache])],
    scenarios: chosen(values.scenario, values.quick).map((scenario) => (values.seconds === undefined ? scenario : { ...scenario, seconds: undefined })),
    rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
    pace: { warmUpMs: Math.min(measureMs / 2, MAX_WARM_UP_MS), measureMs },
    name: values.name ?? new Date().toISOString().slice(0, 10),
  };
}

/** In turn, so that whatever else the machine does meets both. */
async function run({ contenders, scenarios, rounds, pace }: Plan): Promise<Result[]> {
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const figures = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const measured = await measure(scenario, contender, pace);
        figures.get(contender.name)!.push(measured);
        console.log(scenario.name.padEnd(24), contender.name.padEnd(14), oneLine(measured));
      }
    }
    results.push({ scenario, rounds: figures });
  }
  return results;
}

function oneLine(figures: Figures): string {
  return Object.entries(figures).map(([name, value]) => `${name} ${value >= 1000 ? value.toFixed(0) : value.toPrecision(3)}`).join('  ');
}

function write(name: string, machine: string, { contenders, rounds, pace }: Plan, results: readonly Result[]): void {
  mkdirSync(RESULTS, { recursive: true });
  const names = contenders.map((contender) => contender.name);
  const withThroughput = results.filter(hasThroughput);
  const plots = [
    { file: `${name}-throughput.svg`, title: 'operations per second', column: 'throughput' },
    { file: `${name}-p99.svg`, title: '99th percentile, ms', column: 'p99 ms' },
    { file: `${name}-cpu.svg`, title: 'server CPU, µs per operation', column: 'cpu µs/op' },
  ];
  if (withThroughput.length > 0) {
    for (const { file, title, column } of plots) writeFileSync(join(RESULTS, file), barPlot(title, column, withThroughput, names));
  }
  const text = [
    `# ${name}`,
    machine,
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${pace.measureMs / 1000} s${exceptions(results)} after ${pace.warmUpMs / 1000} s of warm-up; the median, in brackets the worst and best round.\n` +
      'cpu: cores the server processes used together; load cpu: the cores the load generator used, which share the machine.',
    report(results, names),
    ...(withThroughput.length > 0 ? [plots.map(({ file, title }) => `![${title}](${file})`).join('\n')] : []),
    '',
  ].join('\n\n');
  writeFileSync(join(RESULTS, `${name}.md`), text);
}

/** Of the scenarios that are measured for a time of their own. */
function exceptions(results: readonly Result[]): string {
  const own = results.flatMap(({ scenario }) => ('seconds' in scenario && scenario.seconds !== undefined ? [`${scenario.name}: ${scenario.seconds} s`] : []));
  return own.length === 0 ? '' : ` (${own.join(', ')})`;
}

try {
  const todo = plan();
  const machine = describeMachine(todo.contenders.length > 1);
  const results = await run(todo);
  console.log(`\n${report(results, todo.contenders.map(({ name }) => name))}`);
  if (todo.name !== 'none') write(todo.name, machine, todo, results);
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 1;
}
