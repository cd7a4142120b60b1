import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { run } from '../support/client-program.ts';
import { Ensemble } from '../support/ensemble.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { ours, PROJECT_ROOT } from '../support/implementations.ts';
import { freePorts } from '../support/ports.ts';

// What monitoring agents make of three servers that have been used.
const PYTHON = '/usr/bin/python3';
const hasParsers = spawnSync(PYTHON, ['-c', 'import prometheus_client']).status === 0;

let zk: Ensemble;
let metricsPorts: number[];

beforeAll(async () => {
  zk = await Ensemble.create({ implementations: [ours, ours, ours] });
  metricsPorts = await freePorts(3);
  for (const [i, member] of zk.members.entries()) {
    appendFileSync(member.configFile, `metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\nmetricsProvider.httpPort=${metricsPorts[i]}\n`);
    zk.startMember(member);
  }
  await zk.settled();
  for (const { clientPort } of zk.members) await use(clientPort);
});
afterAll(() => zk.stop());

async function use(clientPort: number): Promise<void> {
  await using client = await ZooKeeper.connect(`127.0.0.1:${clientPort}`);
  const path = `/app ${clientPort}`;
  await client.create(path, 'x');
  await client.getData(path);
  await client.getChildren('/');
}

/** As Telegraf's zookeeper input reads mntr: any line that does not match is an error of the whole gathering. */
function gather(answer: string): { state: string; fields: Map<string, number | string> } {
  let state = '';
  const fields = new Map<string, number | string>();
  for (const line of answer.replace(/\n$/, '').split('\n')) {
    const [, name = '', value = ''] = /^zk_(\w[\w.-]*)\s+([\w.-]+)/.exec(line) ?? [];
    if (name === '') throw new Error(`unexpected line in mntr response: ${line}`);
    if (name === 'server_state') state = value;
    else fields.set(name, /^-?\d+$/.test(value) ? Number(value) : value);
  }
  return { state, fields };
}

test('Telegraf’s rules: every line of mntr is a field, and integers are integers', async () => {
  const answers = await Promise.all(zk.members.map(({ clientPort }) => fourLetterWord(clientPort, 'mntr\n')));
  const gathered = answers.map(gather);
  expect(gathered.map(({ state }) => state).sort()).toEqual(['follower', 'follower', 'leader']);
  for (const { fields } of gathered) {
    for (const name of ['znode_count', 'packets_received', 'outstanding_requests', 'max_latency', 'open_file_descriptor_count']) expect(fields.get(name)).toEqual(expect.any(Number));
    expect(fields.get('version')).toMatch(/^3\.9\.5-/);
    expect([...fields.keys()].some((name) => /^cnt_app_\d+_write_per_namespace$/.test(name))).toBe(true);
  }
});

test('Datadog’s and Solr’s rules: ruok is imok, stat is in order, mntr splits at tabs and conf at =', async () => {
  for (const { clientPort } of zk.members) {
    expect(await fourLetterWord(clientPort, 'ruok\n')).toBe('imok');
    const stat = (await fourLetterWord(clientPort, 'stat\n')).split('\n');
    expect(stat[0]).toMatch(/\w+ version: v?([^,]+)/);
    expect(stat[1]).toBe('Clients:');
    const after = stat.slice(stat.indexOf('') + 1).map((line) => line.replace(/:.*/, ''));
    expect(after.slice(0, 8)).toEqual(['Latency min/avg/max', 'Received', 'Sent', 'Connections', 'Outstanding', 'Zxid', 'Mode', 'Node count']);
    const mntr = (await fourLetterWord(clientPort, 'mntr\n')).trimEnd().split('\n');
    expect(mntr.filter((line) => line.split('\t').length < 2)).toEqual([]);
    const conf = (await fourLetterWord(clientPort, 'conf\n')).split('\n');
    expect(conf.filter((line) => line !== '' && !line.startsWith('membership:') && line.split('=').length < 2)).toEqual([]);
  }
});

test('a probe that half-closes its connection before the answer, as nc does', async () => {
  const socket = connect({ port: zk.member(1).clientPort, host: '127.0.0.1', allowHalfOpen: true });
  socket.end('ruok');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(String(answer)).toBe('imok');
});

test.runIf(hasParsers)('Prometheus’s Python parsers read every page, as text and as OpenMetrics (needs prometheus_client)', async () => {
  for (const port of metricsPorts) {
    const lines = (await run(PYTHON, [join(PROJECT_ROOT, 'test/compat/parse_metrics.py'), `http://127.0.0.1:${port}/metrics`])).trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['text/plain', 'application/openmetrics-text']);
    for (const line of lines) expect(line.split(' ')).toEqual(expect.arrayContaining(['avg_latency', 'readlatency', 'write_per_namespace', 'znode_count', 'nodejs_gc_duration_seconds']));
  }
});

const EXPFMT = join(PROJECT_ROOT, 'test/compat/clients/expfmt');
const canBuildGo = spawnSync('go', ['-C', EXPFMT, 'mod', 'verify']).status === 0;
test.runIf(canBuildGo)('Prometheus’s Go decoders find the same in text and in protobuf (where there is a go, and its modules could be downloaded)', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'zk-expfmt-'));
  try {
    const binary = join(directory, 'expfmt');
    await run('go', ['-C', EXPFMT, 'build', '-o', binary, '.']);
    for (const port of metricsPorts) {
      const [text, protobuf] = (await run(binary, [`http://127.0.0.1:${port}/metrics`])).trim().split('\n').map((line) => line.split(' '));
      expect(text?.[0]).toBe('text');
      expect(protobuf).toEqual(['protobuf', ...(text ?? []).slice(1)]);
      expect(Number(text?.[1])).toBeGreaterThan(150);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
