import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mntr } from '../src/admin/monitor.ts';
import { NodeMetrics } from '../src/metrics/node.ts';
import { textExposition } from '../src/metrics/text.ts';
import { zookeeperFamilies } from '../src/metrics/zookeeper.ts';
import { busyView } from './support/view.ts';

const NO_TRAFFIC = { received: 0, sent: 0 };
const ROLES = [['leader3', 'leader', 'leading'], ['follower1', 'follower', 'following'], ['observer4', 'observer', 'observing'], ['standalone', 'standalone', 'standalone']] as const;

/** A family of an exposition: its type, and the sets of label names its samples have. */
interface Family {
  readonly type: string;
  readonly labels: readonly string[];
}

/** `# TYPE x summary`, then its samples: `x{key="app",quantile="0.5",} 1.0`, `x_count{key="app",} 1.0` … */
function familiesOf(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; labels: Set<string> }>();
  let current: { type: string; labels: Set<string> } | undefined;
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) families.set(name, (current = { type, labels: new Set() }));
    else if (line !== '' && !line.startsWith('#')) current?.labels.add([...line.matchAll(/([a-zA-Z_]\w*)="/g)].map(([, label]) => label).join(','));
  }
  return new Map([...families].map(([name, { type, labels }]) => [name, { type, labels: [...labels].sort() }]));
}

function captured(folder: string): Map<string, Family> {
  return familiesOf(readFileSync(new URL(`fixtures/captures-3.9.5/${folder}/prometheus.txt`, import.meta.url), 'utf8'));
}

/** The names that docs/COMPATIBILITY.md says are left out. */
const LEFT_OUT = (() => {
  const text = readFileSync(new URL('../../../docs/COMPATIBILITY.md', import.meta.url), 'utf8');
  const section = /## Metrics\n([^]*?)\n## /.exec(text)?.[1] ?? '';
  return new Set([...section.matchAll(/`(jvm_\w+)`/g)].map(([, name]) => name));
})();

describe.each(ROLES)('what Apache 3.9.5’s Prometheus provider shows on %s', (folder, serving, role) => {
  const theirs = captured(folder);
  let node: NodeMetrics;
  let ours: Map<string, Family>;
  beforeAll(() => {
    node = new NodeMetrics();
    ours = familiesOf(textExposition([...zookeeperFamilies(busyView(serving, role), NO_TRAFFIC), ...node.families()]));
  });
  afterAll(() => node.close());

  test.each([...theirs].filter(([name]) => !name.startsWith('jvm_')))('%s: the same type and labels', (name, family) => {
    const mine = ours.get(name);
    // A set is declared before it has a sample; what has happened there and here differs.
    expect(mine).toEqual(family.labels.length === 0 ? { ...family, labels: mine?.labels } : family);
  });

  test('what is left out is the JVM’s, and listed in COMPATIBILITY.md', () => {
    const missing = [...theirs.keys()].filter((name) => !ours.has(name));
    expect(missing.length).toBeGreaterThan(20);
    expect(missing.filter((name) => !LEFT_OUT.has(name))).toEqual([]);
  });
});

test('quotas are summed by top-level znode, a hard limit goes before a soft one', () => {
  const text = textExposition(zookeeperFamilies(busyView('leader', 'leading'), NO_TRAFFIC));
  expect(text).toContain('\nquota_count_limit_per_namespace{key="app",} 10.0\n');
  expect(text).toContain('\nquota_bytes_limit_per_namespace{key="app",} 200.0\n');
  expect(text).toContain('\nquota_count_usage_per_namespace{key="app",} 5.0\n');
});

describe('sets in mntr', () => {
  const namesOf = (text: string): string[] => text.trim().split('\n').map((line) => line.split('\t')[0] ?? '');
  const sets = (names: readonly string[]): string[] => names.filter((name) => /_per_namespace$|_learner_handler_qp_|_\d+_ack_latency$/.test(name));

  test('are named as Apache names them on its leader', () => {
    const withoutLabel = (name: string): string => name.replace(/^(zk_[a-z0-9]+)_\w+?_((?:read|write)_per_namespace|learner_handler_qp_\w+|ack_latency)$/, '$1_*_$2');
    const captured = readFileSync(new URL('fixtures/captures-3.9.5/leader3/4lw-mntr.txt', import.meta.url), 'utf8');
    const theirs = new Set(sets(namesOf(captured)).map(withoutLabel));
    const ours = new Set(sets(namesOf(mntr(busyView('leader', 'leading'), NO_TRAFFIC))).map(withoutLabel));
    expect(theirs).toContain('zk_avg_*_write_per_namespace');
    expect([...theirs].filter((name) => !ours.has(name))).toEqual([]);
  });

  test('do not let the name of a znode break a line', () => {
    const lines = mntr(busyView('leader', 'leading', 'my app\u00e9'), NO_TRAFFIC).trimEnd().split('\n');
    expect(lines.filter((line) => !/^zk_(\w[\w.-]*)\s+([\w.-]+)/.test(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('my_app'))).not.toEqual([]);
  });
});
