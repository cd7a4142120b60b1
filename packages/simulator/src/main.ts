import { parseArgs } from 'node:util';
import { Tally } from './tally.ts';
import { simulate } from './simulate.ts';

const USAGE = `Simulates ZooKeeper ensembles: real members, a made-up world, everything drawn from one seed.

  npm run simulate -- --seed N            replay one seed
  npm run simulate -- --seeds A-B         every seed from A to B
  npm run simulate -- --minutes M         new seeds for M minutes, from --from N (default: the time)

  --seconds S                             how long faults go on in each, simulated (default 30)
  --transcript                            tell everything that happens, line by line

A seed that breaks a rule is printed with the command that repeats it; the exit code is then 1.`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    from: { type: 'string' },
    transcript: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '30' },
    help: { type: 'boolean', short: 'h' },
  },
});

function* seeds(): Iterable<number> {
  if (values.seed !== undefined) return yield Number(values.seed);
  if (values.seeds !== undefined) {
    const [first, last] = values.seeds.split('-').map(Number) as [number, number];
    for (let seed = first; seed <= last; seed++) yield seed;
    return;
  }
  const end = Date.now() + Number(values.minutes) * 60_000;
  for (let seed = Number(values.from ?? Date.now() % 1_000_000_000); Date.now() < end; seed++) yield seed;
}

if (values.help || (values.seed ?? values.seeds ?? values.minutes) === undefined) {
  console.log(USAGE);
} else {
  const tally = new Tally();
  for (const seed of seeds()) {
    const result = simulate(seed, { faultsForMs: Number(values.seconds) * 1000, ...(values.transcript && { transcript: console.log }) });
    tally.add(result);
    if (result.violation) console.log(`seed ${seed} (${result.members}) broke ${result.violation.message}\n  repeat it: npm run simulate -- --seed ${seed} --seconds ${values.seconds}\n`);
  }
  console.log(tally.report());
  process.exitCode = tally.failed > 0 ? 1 : 0;
}
