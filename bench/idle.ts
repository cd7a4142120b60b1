import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { apache, ours, requireApache, Servers, type Contender } from './contenders.ts';
import { cpuSecondsOf, residentBytesOf } from './load/process-usage.ts';
import { describeMachine } from './machine.ts';

// What a server costs that nobody uses: `npm run bench:idle`.

const RESULTS = fileURLToPath(new URL('../results', import.meta.url));
/** After this long a start is over, lazily loaded parts and first collections included. */
const SETTLE_MS = 10_000;
const MIB = 2 ** 20;

interface Idle {
  /** From the start of the process to the first answer on the client port. */
  readonly startSeconds: number;
  /** CPU time of all threads until then: unlike the one above, it does not depend on what else the machine does. */
  readonly startCpuSeconds: number;
  readonly residentMib: number;
  /** Of one CPU. */
  readonly cpuPercent: number;
}

async function measure(contender: Contender, count: number, seconds: number): Promise<Idle> {
  const servers = await Servers.start(contender, count);
  try {
    const startSeconds = await servers.restart();
    const pid = servers.pids[0] as number;
    const startCpuSeconds = cpuSecondsOf(pid);
    await delay(SETTLE_MS);
    const residentMib = residentBytesOf(pid) / MIB;
    const before = cpuSecondsOf(pid);
    await delay(seconds * 1000);
    return { startSeconds, startCpuSeconds, residentMib, cpuPercent: ((cpuSecondsOf(pid) - before) / seconds) * 100 };
  } finally {
    await servers.stop();
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

function row(name: string, what: string, rounds: readonly Idle[]): string {
  const of = (key: keyof Idle, digits: number): string => median(rounds.map((round) => round[key])).toFixed(digits);
  const starts = rounds.map(({ startSeconds }) => startSeconds.toFixed(2)).join(' ');
  return `| ${what} | ${name} | ${of('residentMib', 0)} MiB | ${of('cpuPercent', 2)} % | ${of('startSeconds', 2)} s (${starts}) | ${of('startCpuSeconds', 2)} s |`;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '20' } } });
requireApache();
const lines: string[] = [];
for (const [what, count] of [['standalone', 1], ['one of three', 3]] as const) {
  const measured = new Map<Contender, Idle[]>([[ours(), []], [apache, []]]);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [contender, rounds] of measured) {
      rounds.push(await measure(contender, count, Number(values.seconds)));
      console.log(row(contender.name, what, rounds.slice(-1)));
    }
  }
  for (const [{ name }, rounds] of measured) lines.push(row(name, what, rounds));
}
mkdirSync(RESULTS, { recursive: true });
const report = `# The cost of a server that nobody uses

${describeMachine(true)}

| server | | resident memory | CPU | from the start of the process to the first answer | CPU time until then |
|---|---|---|---|---|---|
${lines.join('\n')}

Medians of ${values.rounds} rounds, ours and Apache's in turn; memory ten seconds after the start, CPU over the ${values.seconds} seconds after that, in percent of one
CPU. The start is a second one, on the data of the first. Standalone is one process, "one of three" the first member of an
ensemble on loopback. Apache runs with the heap limit of its zkServer.sh (-Xmx1000m) and the JVM's own choice of collector.
Both without their AdminServer. The load of the machine shows in the wall-clock times; CPU time until the first answer depends on it less.

\`\`\`sh
test/compat/install.sh && npm run bench:idle -- --rounds ${values.rounds} --seconds ${values.seconds}
\`\`\`
`;
writeFileSync(join(RESULTS, 'idle.md'), report);
console.log(report);
