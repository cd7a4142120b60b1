import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { dumpTree, treeDifferences } from '../support/dump-tree.ts';
import { Ensemble, type Implementation, type Member } from '../support/ensemble.ts';
import { apache39, apache39With, APACHE_39_JARS, ours, PROJECT_ROOT } from '../support/implementations.ts';
import { zkServer } from '../support/zk-server-tool.ts';
import { serverOf } from './agreement.ts';

// The tools next to Apache's own on the same files, and Apache's server on what they have made.
const LARGE = join(PROJECT_ROOT, 'packages/store/test/fixtures/java-3.8.0/large');
const SERVER = 'org.apache.zookeeper.server';

const ensembles: Ensemble[] = [];
let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'zk-tools-'));
});
afterEach(async () => {
  for (const zk of ensembles.splice(0)) await zk.stop();
  rmSync(scratch, { recursive: true });
});

/** What one of Apache's tools prints. */
async function apache(mainClass: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)('java', ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', `${APACHE_39_JARS}/*`, mainClass, ...args], { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, TZ: 'UTC' } });
  return stdout.split('\n');
}

async function objects(...words: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await zkServer(...words, '--json');
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("beside Apache's tools", () => {
  test('log dump and zkTxnLogToolkit see the same txns', async () => {
    for (const name of ['log.37d', 'log.c3f']) {
      const lines = await apache(`${SERVER}.persistence.TxnLogToolkit`, join(LARGE, name));
      const theirs = lines.flatMap((line) => {
        const [, session, cxid, zxid, type] = / session (0x\w+) cxid (0x\w+) zxid (0x\w+) (\w+)/.exec(line) ?? [];
        return zxid === undefined ? [] : [{ zxid, session, cxid: Number(cxid), type }];
      });
      const own = (await objects('log', 'dump', join(LARGE, name))).map(({ zxid, session, cxid, type }) => ({ zxid, session, cxid, type }));
      expect(own.length).toBeGreaterThan(500);
      expect(own).toEqual(theirs);
    }
  });

  test('snapshot dump and zkSnapShotToolkit see the same znodes and sessions', async () => {
    const file = join(LARGE, 'snapshot.c3d');
    const text = (await apache(`${SERVER}.SnapshotFormatter`, '-d', file)).join('\n');
    const theirs = text.split('----\n').slice(1).flatMap((block) => {
      const field = (name: string): string => new RegExp(`^  ${name} = (.*)$`, 'm').exec(block)?.[1] ?? '';
      const path = block.split('\n')[0] ?? '';
      return path.startsWith('/') ? [[path, { czxid: BigInt(field('cZxid')), mzxid: BigInt(field('mZxid')), pzxid: BigInt(field('pZxid')), version: Number(field('dataVersion')), aversion: Number(field('aclVersion')), data: field('data') }] as const] : [];
    });
    const lines = await objects('snapshot', 'dump', file, '--data', 'base64');
    const own = lines.flatMap((line) => 'path' in line ? [[line['path'], { czxid: BigInt(String(line['czxid'])), mzxid: BigInt(String(line['mzxid'])), pzxid: BigInt(String(line['pzxid'])), version: line['version'], aversion: line['aversion'], data: line['data'] ?? '' }] as const] : []);
    expect(own.length).toBeGreaterThan(2000);
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(theirs));
    const sessions = [...text.matchAll(/^(0x[0-9a-f]+), (\d+), \d+$/gm)].map(([, id, timeOut]) => [BigInt(id ?? 0), Number(timeOut)]);
    expect(lines.filter((line) => 'session' in line).map(({ session, timeOut }) => [BigInt(String(session)), timeOut]).sort()).toEqual(sessions.sort());
  });

  test('snapshot summary and SnapshotRecursiveSummary count the same', async () => {
    const file = join(LARGE, 'snapshot.c3d');
    const text = (await apache(`${SERVER}.SnapshotRecursiveSummary`, file, '/', '0')).join('\n');
    const theirs = [...text.matchAll(/^(?:--)* (\/.*)\n(?:--)* {3}children: (\d+)\n(?:--)* {3}data: (\d+)$/gm)].map(([, path, children, bytes]) => ({ path, nodes: Number(children) + 1, bytes: Number(bytes) }));
    const own = new Map((await objects('snapshot', 'summary', file, '--depth', '0')).map(({ path, nodes, bytes }) => [path, { path, nodes, bytes }]));
    expect(theirs.length).toBeGreaterThan(5);
    expect(theirs.map(({ path }) => own.get(path))).toEqual(theirs);
  });

  test('snapshot compare with thresholds prints what SnapshotComparer prints', async () => {
    const [left, right] = [join(LARGE, 'snapshot.7a8'), join(LARGE, 'snapshot.c3d')];
    const theirs = await apache(`${SERVER}.SnapshotComparer`, '-l', left, '-r', right, '-b', '200', '-n', '3');
    const own = (await zkServer('snapshot', 'compare', left, right, '--bytes', '200', '--nodes', '3')).stdout.split('\n');
    expect(own.filter((line) => line.startsWith('Node ')).length).toBeGreaterThan(5);
    expect(own).toEqual(theirs.slice(theirs.findIndex((line) => line.startsWith('Printing analysis'))));
  });
});

/** A standalone server on its own directory. */
async function standalone(implementation: Implementation): Promise<Member> {
  const zk = await Ensemble.create({ implementations: [implementation], extra: ['snapCount=100'] });
  ensembles.push(zk);
  return zk.members[0] as Member;
}

async function serving(member: Member): Promise<void> {
  const zk = ensembles.find((one) => one.members.includes(member)) as Ensemble;
  zk.startMember(member);
  await zk.settled();
}

/** Something of everything: data, null, ACLs, versions, sequences, deletions, quotas, multis, an ephemeral. */
async function fill(member: Member): Promise<ZooKeeper> {
  const client = await ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 20_000 });
  await client.create('/a', 'first');
  for (let i = 0; i < 250; i++) await client.create('/a/s-', String(i), { mode: 'persistent-sequential' });
  for (let i = 0; i < 60; i++) await client.setData('/a', `version ${i}`);
  for (let i = 0; i < 40; i++) await client.delete(`/a/s-${String(i).padStart(10, '0')}`);
  await client.create('/null', null);
  await client.create('/guarded', 'x', { acl: [{ perms: 31, id: { scheme: 'ip', id: '127.0.0.1' } }] });
  await client.multi([{ op: 'create', path: '/m', data: 'm' }, { op: 'setData', path: '/a', data: 'by multi' }]);
  await client.create('/ephemeral', 'mine', { mode: 'ephemeral' });
  return client; // stays open: its session, and its ephemeral, are in the files
}

describe('an export', () => {
  test.each<[string, string, Implementation, Implementation]>([
    ["ours, for Apache's server", 'none', ours, apache39],
    ["ours, for Apache's server", 'snappy', ours, apache39],
    ["Apache's, for ours", 'gz', apache39, ours],
  ])('of %s (%s): the other server starts on it and serves the same tree', async (_title, compression, from, to) => {
    const source = await standalone(from);
    await serving(source);
    const client = await fill(source);
    const before = await dumpTree(serverOf(source));
    await source.process?.stop();
    const target = await standalone(to === apache39 ? apache39With(`-Dzookeeper.snapshot.compression.method=${compression === 'none' ? '' : compression}`) : to);
    expect(await zkServer('export', source.configFile, target.dataDir, '--compression', compression)).toMatchObject({ code: 0, stderr: '' });
    await serving(target);
    const after = await dumpTree(serverOf(target));
    expect(after.size).toBeGreaterThan(210);
    expect(treeDifferences(new Map([['source', before], ['export', after]])).slice(0, 5)).toEqual([]);
    expect(await zkServer('snapshot', 'compare', source.configFile, target.configFile)).toMatchObject({ code: 0 });
    await client.close();
  });
});

test('a backup of ours, while it runs and with its checkpoint beside, is a directory that Apache starts on', async () => {
  const source = await standalone(ours);
  await serving(source);
  const client = await fill(source);
  expect(await zkServer('backup', source.configFile, join(scratch, 'backup'))).toMatchObject({ code: 0, stderr: '' });
  const before = await dumpTree(serverOf(source));
  await source.process?.stop();
  const target = await standalone(apache39);
  expect(await zkServer('restore', join(scratch, 'backup'), target.dataDir, '--yes')).toMatchObject({ code: 0, stderr: '' });
  await serving(target);
  expect(treeDifferences(new Map([['source', before], ['restored', await dumpTree(serverOf(target))]])).slice(0, 5)).toEqual([]);
  await client.close();
});
