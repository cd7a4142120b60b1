import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { most: { type: 'string', default: '20' } },
});

/** What of a .cpuprofile is read here: V8's sampling profile, as the inspector defines it. */
interface CpuProfile {
  readonly nodes: readonly { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  readonly samples: readonly number[];
  /** Time since the sample before, µs. */
  readonly timeDeltas: readonly number[];
}

/** Neither work nor waiting for it: left out, so that shares are of the time that the thread was busy. */
const IDLE = '(idle)';

/** Where the busy time went, by function: its own time, without what it calls. */
function summary(profile: CpuProfile, most: number): string[] {
  const nameOf = new Map(profile.nodes.map((node) => [node.id, name(node.callFrame)]));
  const time = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const own = nameOf.get(id) ?? IDLE;
    time.set(own, (time.get(own) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  time.delete(IDLE);
  const busy = [...time.values()].reduce((sum, micros) => sum + micros, 0);
  const rows = [...time].sort(([, a], [, b]) => b - a).slice(0, most);
  return [`${(busy / 1e6).toFixed(1)} s busy.`, '', '| own time | function |', '|---:|---|', ...rows.map(([own, micros]) => `| ${((100 * micros) / busy).toFixed(1)} % | ${own} |`)];
}

function name({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string {
  const place = basename(url);
  return place === '' ? functionName : `${functionName || '(anonymous)'} (${place})`;
}

for (const file of positionals) {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  console.log([`## ${basename(file)}`, '', ...summary(profile, Number(values.most)), ''].join('\n'));
}
