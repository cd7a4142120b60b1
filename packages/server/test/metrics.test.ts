import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import protobuf from 'protobufjs/light.js';
import { afterEach, describe, expect, test } from 'vitest';
import { Distribution } from '@zk/peer';
import { mntr } from '../src/admin/monitor.ts';
import { counter, gauge, type MetricFamily } from '../src/metrics/family.ts';
import { formatFor } from '../src/metrics/negotiation.ts';
import { openMetricsExposition } from '../src/metrics/openmetrics.ts';
import { PROMETHEUS_SCHEMA, protobufExposition } from '../src/metrics/protobuf.ts';
import { PrometheusProvider } from '../src/metrics/provider.ts';
import { javaDouble, textExposition } from '../src/metrics/text.ts';
import { zookeeperFamilies } from '../src/metrics/zookeeper.ts';
import { parseConfig } from '../src/config.ts';
import { busyView, CAPTURED_ENSEMBLE, viewWith } from './support/view.ts';

const NO_TRAFFIC = { received: 0, sent: 0 };
const readlatency = new Distribution();
for (let ms = 1; ms <= 100; ms++) readlatency.add(ms);

const families: readonly MetricFamily[] = [
  gauge('avg_latency', 'avg_latency', 0.25),
  counter('commit_count', 'commit_count', 12_345_678),
  counter('process_cpu_seconds_total', 'Total "CPU"\nin \\ seconds.', 1),
  gauge('nodejs_version_info', 'info', 1, [['version', 'v"20\\\n']]),
  { name: 'readlatency', help: 'readlatency', type: 'summary', metrics: [{ labels: [], count: 2, sum: 7, quantiles: [{ quantile: 0.5, value: 3 }, { quantile: 0.99, value: Number.NaN }] }] },
];

describe('the text format', () => {
  test('is Apache’s: no _total, doubles of Java, a comma behind the last label', () => {
    expect(textExposition(families)).toBe(
      [
        '# HELP avg_latency avg_latency', '# TYPE avg_latency gauge', 'avg_latency 0.25',
        '# HELP commit_count commit_count', '# TYPE commit_count counter', 'commit_count 1.2345678E7',
        '# HELP process_cpu_seconds_total Total "CPU"\\nin \\\\ seconds.', '# TYPE process_cpu_seconds_total counter', 'process_cpu_seconds_total 1.0',
        '# HELP nodejs_version_info info', '# TYPE nodejs_version_info gauge', 'nodejs_version_info{version="v\\"20\\\\\\n",} 1.0',
        '# HELP readlatency readlatency', '# TYPE readlatency summary', 'readlatency{quantile="0.5",} 3.0', 'readlatency{quantile="0.99",} NaN', 'readlatency_count 2.0', 'readlatency_sum 7.0',
        '',
      ].join('\n'),
    );
  });

  test.each([[0, '0.0'], [5, '5.0'], [-1, '-1.0'], [9_999_999, '9999999.0'], [1e7, '1.0E7'], [0.001, '0.001'], [0.0005, '5.0E-4'], [Infinity, '+Inf'], [-Infinity, '-Inf']])('writes %d as Java does', (value, text) => {
    expect(javaDouble(value)).toBe(text);
  });

  test('of a whole server follows the grammar, each family once', () => {
    const text = textExposition(zookeeperFamilies(viewWith({ status: { serving: 'leader', role: 'leading', ensemble: CAPTURED_ENSEMBLE } }), NO_TRAFFIC));
    const number = String.raw`(?:[-+]?\d+(?:\.\d+)?(?:E-?\d+)?|NaN|[+-]Inf)`;
    const line = new RegExp(String.raw`^(?:# HELP [a-zA-Z_:][\w:]* .*|# TYPE [a-zA-Z_:][\w:]* (?:gauge|counter|summary)|[a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="[^"]*",)+\})? ${number})$`);
    expect(text.trimEnd().split('\n').filter((one) => !line.test(one))).toEqual([]);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

test('OpenMetrics keeps Apache’s names: a counter without _total is of unknown type', () => {
  const text = openMetricsExposition(families);
  expect(text).toContain('# TYPE commit_count unknown\n# HELP commit_count commit_count\ncommit_count 12345678\n');
  expect(text).toContain('# TYPE process_cpu_seconds counter\n');
  expect(text).toContain('\nprocess_cpu_seconds_total 1\n');
  expect(text).toContain('readlatency{quantile="0.5"} 3\n');
  expect(text).toMatch(/\n# EOF\n$/);
});

test('protobuf: families behind their lengths', () => {
  const reader = protobuf.Reader.create(protobufExposition(families));
  const Family = PROMETHEUS_SCHEMA.lookupType('MetricFamily');
  const decoded: unknown[] = [];
  while (reader.pos < reader.len) decoded.push(Family.toObject(Family.decodeDelimited(reader), { enums: String, longs: Number }));
  expect(decoded).toEqual([
    { name: 'avg_latency', help: 'avg_latency', type: 'GAUGE', metric: [{ gauge: { value: 0.25 } }] },
    { name: 'commit_count', help: 'commit_count', type: 'COUNTER', metric: [{ counter: { value: 12_345_678 } }] },
    expect.objectContaining({ name: 'process_cpu_seconds_total' }),
    expect.objectContaining({ metric: [{ label: [{ name: 'version', value: 'v"20\\\n' }], gauge: { value: 1 } }] }),
    expect.objectContaining({ type: 'SUMMARY', metric: [{ summary: { sampleCount: 2, sampleSum: 7, quantile: [{ quantile: 0.5, value: 3 }, { quantile: 0.99, value: Number.NaN }] } }] }),
  ]);
});

test.each([
  [undefined, 'text'],
  ['*/*', 'text'],
  ['text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3', 'openmetrics'],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;q=0.5', 'protobuf'],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['image/png', 'text'],
])('Accept: %s is answered with %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});

describe('the names', () => {
  const javaNames = (role: string): string[] => readFileSync(new URL(`fixtures/captures-3.9.5/${role}/4lw-mntr.txt`, import.meta.url), 'utf8').trim().split('\n').map((line) => line.split('\t')[0] ?? '');
  /** Labelled by path or member: they appear with the first sample. An observer master is somebody else’s. */
  const ofSets = /_per_namespace$|^zk_observer_master_id$|_learner_handler_qp_(?:size|time_ms)$|_\d+_ack_latency$/;

  test.each([['leader3', 'leader'], ['follower1', 'follower'], ['observer4', 'observer'], ['standalone', 'standalone']] as const)('in mntr are those of Apache 3.9.5 on %s', (role, serving) => {
    const ensemble = serving === 'standalone' ? null : CAPTURED_ENSEMBLE;
    const ours = mntr(viewWith({ status: { serving, ensemble } }), NO_TRAFFIC).trim().split('\n').map((line) => line.split('\t')[0]);
    for (const own of ['zk_disk_full', 'zk_checkpoint_failed']) ours.splice(ours.indexOf(own), 1); // what Apache has no word for
    const theirs = javaNames(role).filter((name) => !ofSets.test(name));
    expect(ours.sort()).toEqual(theirs.sort());
  });

  test('and values satisfy Telegraf’s pattern, but for the version line, whose end it drops', () => {
    const lines = mntr(viewWith(), NO_TRAFFIC).trimEnd().split('\n');
    expect(lines.filter((line) => !/^zk_(\w[\w.-]*)\s+([\w.-]+)/.test(line))).toEqual([]);
    expect(lines.slice(1).filter((line) => !/^zk_(\w[\w.-]*)\s+([\w.-]+)( - \w+)?$/.test(line))).toEqual([]);
  });

  test('basic summaries have a median, advanced ones more; NaN without samples', () => {
    const { metrics } = viewWith().status.pipeline;
    const view = viewWith({ pipeline: { metrics: { ...metrics, advanced: { readlatency } } as unknown as typeof metrics } });
    const text = textExposition(zookeeperFamilies(view, NO_TRAFFIC));
    expect(text).toContain('readlatency{quantile="0.5",} 51.0\nreadlatency{quantile="0.9",} 91.0\nreadlatency{quantile="0.99",} 100.0\nreadlatency_count 100.0\nreadlatency_sum 5050.0\n');
    expect(text).toContain('# TYPE fsynctime summary\nfsynctime{quantile="0.5",} NaN\nfsynctime_count 0.0\n');
  });
});

describe('the provider', () => {
  let provider: PrometheusProvider;
  afterEach(() => provider.close());

  async function opened(): Promise<string> {
    provider = new PrometheusProvider({ host: '127.0.0.1', port: 0, exportNode: true, families: () => families });
    await provider.listen();
    return `http://127.0.0.1:${provider.port}`;
  }

  test('answers in the form asked for', async () => {
    const url = `${await opened()}/metrics`;
    const types = await Promise.all(['text/plain', 'application/openmetrics-text', 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'].map(async (accept) => (await fetch(url, { headers: { accept } })).headers.get('content-type')));
    expect(types).toEqual(['text/plain; version=0.0.4; charset=utf-8', 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited']);
    const text = await (await fetch(url)).text();
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'nodejs_gc_duration_seconds_count{kind="minor",}', 'nodejs_heap_size_used_bytes', 'process_resident_memory_bytes']) expect(text).toContain(`\n${name} `);
  });

  test('picks the names asked for', async () => {
    const text = await (await fetch(`${await opened()}/metrics?name[]=avg_latency&name[]=readlatency_count`)).text();
    expect([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)).toEqual(['avg_latency', 'readlatency']);
  });

  test('has nothing elsewhere, and no other methods', async () => {
    const url = await opened();
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${url}/metrics`, { method: 'HEAD' })).status).toBe(200);
    const trace = connect(provider.port, '127.0.0.1'); // fetch refuses to send TRACE
    trace.write('TRACE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const [answer] = (await once(trace, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 /);
  });
});

test('a provider that does not exist is an error', () => {
  expect(() => parseConfig('dataDir=/tmp\nmetricsProvider.className=com.example.Mine', { file: 'zoo.cfg', path: null })).toThrow(/zoo\.cfg:2 metricsProvider\.className=com\.example\.Mine: metrics provider class was not found/);
});

test('the Grafana dashboard asks for metrics that exist', async () => {
  const dashboard = readFileSync(new URL('../../../docs/grafana/zookeeper.json', import.meta.url), 'utf8');
  const { panels } = JSON.parse(dashboard) as { panels: { targets?: { expr: string }[] }[] };
  const asked = panels.flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => [...expr.matchAll(/\b([a-z_]+)(?=\{job|\{quantile)/g)].map(([, name]) => name ?? ''));
  const provider = new PrometheusProvider({ host: '127.0.0.1', port: 0, exportNode: true, families: () => zookeeperFamilies(busyView('leader', 'leading'), NO_TRAFFIC) });
  await provider.listen();
  const text = await (await fetch(`http://127.0.0.1:${provider.port}/metrics`)).text();
  provider.close();
  const offered = new Set([...text.matchAll(/^([a-zA-Z_]\w*)[ {]/gm)].map(([, name]) => name));
  expect(asked.length).toBeGreaterThan(30);
  expect(asked.filter((name) => !offered.has(name) && name !== 'up')).toEqual([]);
});
