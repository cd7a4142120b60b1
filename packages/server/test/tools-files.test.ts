import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hex } from '@zk/protocol';
import { DamageError } from '@zk/store';
import { dataDirWith, FIXTURES, recoveredTree, temporaryDirectory } from './support/data-directories.ts';
import { treeText } from './support/histories.ts';
import { objects, say } from './support/run-tool.ts';

interface ExpectedNode {
  readonly data: string | null;
  readonly acl: readonly object[];
}

const expectedOf = (fixture: string) => JSON.parse(readFileSync(join(FIXTURES, fixture, 'expected.json'), 'utf8')) as { lastZxid: string; nodeCount: number; nodes: Record<string, ExpectedNode>; treeDigest?: { value: string }; sessions: object[] };
/** Rewritten by a start from the tree as it is then (storage.md 3.3.7). */
const isQuotaStats = (path: string): boolean => path.startsWith('/zookeeper/quota/') && path.endsWith('/zookeeper_stats');
const filesOf = (dataDir: string): Map<string, string> =>
  new Map(readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name), 'hex')]));

const READABLE = [
  'java-3.8.0', 'java-3.8.0/large', 'java-3.8.0/torn', 'java-3.8.0/torn-zeroed', 'java-3.8.0/snapshot-corrupt',
  'java-3.8.0/snapshot-truncated', 'java-3.8.0/compressed-gz', 'java-3.8.0/compressed-snappy', 'java-3.8.0/ensemble-leader',
  'java-3.9.5', 'java-3.9.5/no-digest',
];

test.each(READABLE)('snapshot dump %s: every znode that Java served, and nothing is changed', async (fixture) => {
  const dataDir = dataDirWith(fixture);
  const before = filesOf(dataDir);
  const { nodes, nodeCount, lastZxid, treeDigest, sessions } = expectedOf(fixture);
  const said = await say('snapshot', 'dump', dataDir, '--json', '--data', 'base64');
  expect(said).toMatchObject({ code: 0, error: '' });
  const lines = objects(said);
  const shown = lines.filter((line) => 'path' in line && !isQuotaStats(String(line['path']))).map(({ path, data, acl }) => [path, { data, acl }]);
  const expected = Object.entries(nodes).filter(([path]) => !isQuotaStats(path)).map(([path, { data, acl }]) => [path, { data, acl }]);
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(expected));
  expect(lines.filter((line) => 'path' in line)).toHaveLength(nodeCount);
  expect(lines.filter((line) => 'session' in line)).toHaveLength(sessions.length);
  expect(lines.at(-1)).toMatchObject({ lastZxid, ...(treeDigest ? { digest: treeDigest.value } : {}) });
  expect(filesOf(dataDir)).toEqual(before);
});

test('log dump: one line a txn, in order, with what it says in words and as JSON', async () => {
  const dataDir = dataDirWith('java-3.9.5');
  const text = (await say('log', 'dump', dataDir)).out.split('\n');
  expect(text).toContain('0x3  2026-11-21T02:20:52.515Z  session 0x1000012e7810000  cxid 0x2  create  /app/config  19 bytes');
  expect(text).toContain('0x1e  2026-11-21T02:20:52.587Z  session 0x1000012e7810000  cxid 0x1d  multi  { create  /app/multi2  5 bytes ; error  err -103 BADVERSION ; error  err -2 RUNTIMEINCONSISTENCY }');
  const lines = objects(await say('log', 'dump', dataDir, '--json'));
  expect(lines.map(({ zxid }) => zxid)).toEqual(Array.from({ length: 0x4a }, (_, index) => hex(BigInt(index + 1))));
});

test('log dump: only what was asked for', async () => {
  const dataDir = dataDirWith('java-3.9.5');
  const zxids = async (...options: string[]): Promise<unknown[]> => objects(await say('log', 'dump', dataDir, '--json', ...options)).map(({ zxid }) => zxid);
  expect(await zxids('--from', '0x3a', '--to', '61')).toEqual(['0x3a', '0x3b', '0x3c', '0x3d']);
  expect(await zxids('--path', '/app/config')).toEqual(['0x3', '0x15', '0x16', '0x17', '0x1d', '0x3c']);
  expect((await zxids('--session', '0x1000027514a0000')).length).toBeGreaterThan(0);
});

test('log dump: damage is told on standard error, the rest is shown, and the exit code says so', async () => {
  const said = await say('log', 'dump', dataDirWith('java-3.8.0/crc-mismatch'));
  expect(said.code).toBe(1);
  expect(said.error).toBe('log.3c: damaged at offset 836: CRC check failed; going on at 65552\n');
  expect(said.out.trim().split('\n')).toHaveLength(67);
});

test.each(READABLE.filter((fixture) => !/snapshot-/.test(fixture)))('log verify %s: sound', async (fixture) => {
  const { code, out } = await say('log', 'verify', dataDirWith(fixture));
  expect(out).toContain('All is well.');
  expect(code).toBe(0);
});

test('log verify: what is wrong, with its place', async () => {
  const crc = await say('log', 'verify', dataDirWith('java-3.8.0/crc-mismatch'));
  expect(crc.code).toBe(1);
  expect(crc.out).toContain('bad   log.3c: CRC check failed (offset 836, after 0x43, before the end)');
  const torn = await say('log', 'verify', dataDirWith('java-3.8.0/torn'), '--json');
  expect(torn.code).toBe(0);
  expect(objects(torn)).toContainEqual({ file: 'log.3c', verdict: 'note', text: 'the file ends inside a record (offset 836): what a crash leaves; the next start cuts it off' });
  const snapshot = await say('log', 'verify', dataDirWith('java-3.8.0/snapshot-corrupt'));
  expect(snapshot.code).toBe(1);
  expect(snapshot.out).toContain('bad   snapshot.3b: cannot be read: CRC corruption');
  // A hole before the newest snapshot is what a leader's snapshot leaves; behind it, a loss.
  const hole = dataDirWith('java-3.8.0/large');
  rmSync(join(hole, 'version-2', 'log.37d'));
  expect((await say('log', 'verify', hole)).out).toContain('note  log.7ab: txns are missing in front of this one (offset 16, after 0x37c, before 0x7ab); snapshot.c3d has them');
  rmSync(join(hole, 'version-2', 'snapshot.c3d'));
  expect(await say('log', 'verify', hole)).toMatchObject({ code: 1, out: expect.stringContaining('bad   log.7ab: txns are missing in front of this one') as string });
});

test('log repair: nothing is done to a sound log', async () => {
  const dataDir = dataDirWith('java-3.8.0');
  const before = filesOf(dataDir);
  expect(await say('log', 'repair', dataDir, '--yes')).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to repair.') as string });
  expect(filesOf(dataDir)).toEqual(before);
});

test('log repair: a loss is told, refused, and taken only when it is accepted; the originals stay', async () => {
  const dataDir = dataDirWith('java-3.8.0/crc-mismatch');
  const damaged = join(dataDir, 'version-2', 'log.3c');
  const original = readFileSync(damaged);
  expect(() => recoveredTree(dataDir)).toThrow(DamageError);
  for (const options of [[], ['--yes']]) {
    const refused = await say('log', 'repair', damaged, ...options); // a file means its directory
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('LOST: what was in 1 place that cannot be read: txns from 0x44 on.');
    expect(readFileSync(damaged)).toEqual(original);
  }
  expect(await say('log', 'repair', dataDir, '--accept-loss')).toMatchObject({ code: 0 });
  expect(readFileSync(damaged)).toEqual(original);
  const done = await say('log', 'repair', dataDir, '--accept-loss', '--yes');
  expect(done.code).toBe(0);
  expect(recoveredTree(dataDir).lastZxid).toBe(0x43n);
  expect(readFileSync(join(dataDir, 'version-2', 'damaged.43', 'log.3c'))).toEqual(original);
});

test('log repair: damage that a snapshot covers loses nothing', async () => {
  const dataDir = dataDirWith('java-3.8.0/large');
  const whole = treeText(recoveredTree(dataDir));
  const log = join(dataDir, 'version-2', 'log.7ab');
  const bytes = readFileSync(log);
  bytes.fill(0xee, 5_000, 5_100);
  writeFileSync(log, bytes);
  expect((await say('log', 'verify', dataDir)).code).toBe(1);
  expect(await say('log', 'repair', dataDir, '--yes')).toMatchObject({ code: 0, out: expect.not.stringContaining('LOST') as string });
  expect(treeText(recoveredTree(dataDir))).toBe(whole);
  expect((await say('log', 'verify', dataDir)).code).toBe(0);
});

test('a running server is left alone', async () => {
  const dataDir = dataDirWith('java-3.8.0/crc-mismatch');
  writeFileSync(join(dataDir, 'zookeeper_server.pid'), String(process.pid));
  // The pid file names a process that is no server: stale.
  expect((await say('log', 'repair', dataDir, '--accept-loss', '--yes')).code).toBe(0);
});

test('import and export: from any release and compression to a directory with the same tree', async () => {
  for (const fixture of ['java-3.8.0', 'java-3.8.0/compressed-gz', 'java-3.8.0/compressed-snappy', 'java-3.8.0/ensemble-leader']) {
    const source = dataDirWith(fixture);
    const [target, back] = [join(temporaryDirectory(), 'new'), join(temporaryDirectory(), 'back')];
    expect(await say('snapshot', 'import', source, target)).toMatchObject({ code: 0, error: '' });
    expect(await say('export', target, back, '--compression', 'gz')).toMatchObject({ code: 0, error: '' });
    expect(treeText(recoveredTree(back))).toBe(treeText(recoveredTree(source)));
    expect(hex(recoveredTree(back).lastZxid)).toBe(expectedOf(fixture).lastZxid);
    expect((await say('snapshot', 'compare', source, back)).code).toBe(0);
  }
});

test('epochs go along, and are raised so that no client has seen a later zxid', async () => {
  const source = dataDirWith('java-3.8.0/ensemble-leader');
  writeFileSync(join(source, 'version-2', 'acceptedEpoch'), '9');
  const target = join(temporaryDirectory(), 'new');
  const said = await say('restore', source, target, '--yes', '--at', '0x100000010');
  expect(said.out).toContain('current 1, accepted 9');
  expect(readFileSync(join(target, 'version-2', 'acceptedEpoch'), 'utf8')).toBe('9');
  expect(readFileSync(join(target, 'version-2', 'currentEpoch'), 'utf8')).toBe('1');
  const later = join(temporaryDirectory(), 'new');
  expect((await say('restore', source, later, '--epoch', 'nine')).error).toBe('zk-server restore: --epoch nine is not a number; see zk-server restore --help\n');
  await say('restore', source, later, '--yes', '--epoch', '20');
  expect(readFileSync(join(later, 'version-2', 'acceptedEpoch'), 'utf8')).toBe('20');
});

test('restore: a dry run says what it would be, and a directory with data in it is refused', async () => {
  const source = dataDirWith('java-3.9.5');
  const target = join(temporaryDirectory(), 'new');
  const plan = await say('restore', '--at', '2026-11-21T02:20:55Z', source, target);
  expect(plan.out).toContain('Nothing has been written');
  expect(plan.out).toMatch(/The history ends with 0x3[0-9a-f] \(2026-11-21T02:20:5\d\.\d+Z\): snapshot\.3b and 0 txns behind it\./);
  expect(plan.out).toMatch(/LEFT OUT: \d+ later txns, up to 0x4a \(2026-11-21T02:43:10\.427Z\)\./);
  expect(existsSync(target)).toBe(false);
  expect(await say('restore', source, source, '--yes')).toMatchObject({ code: 1, error: expect.stringContaining('is not empty: stop its server') as string });
  expect(await say('restore', '--at', '0x99', source, target, '--yes')).toMatchObject({ code: 1, error: 'zk-server restore: 0x99 is not in this history: the last txn before it is 0x4a\n' });
});

test('restore to a moment that a fuzzy snapshot has already passed begins with the one before it', async () => {
  const source = dataDirWith('java-3.8.0/large');
  const [target, without] = [join(temporaryDirectory(), 'new'), join(temporaryDirectory(), 'new')];
  const said = await say('restore', '--at', '0xc40', source, target, '--yes'); // snapshot.c3d holds txns up to 0xc4f
  expect(said.out).toContain('snapshot.7a8 and');
  rmSync(join(source, 'version-2', 'snapshot.c3d'));
  await say('restore', '--at', '0xc40', source, without, '--yes');
  expect(treeText(recoveredTree(target))).toBe(treeText(recoveredTree(without)));
});

test('restore refuses a history with a hole', async () => {
  const source = dataDirWith('java-3.8.0/large');
  writeFileSync(join(source, 'version-2', 'log.7ab'), readFileSync(join(source, 'version-2', 'log.7ab')).subarray(0, 20_000));
  const target = join(temporaryDirectory(), 'new');
  expect(await say('restore', '--at', '0xc00', source, target, '--yes')).toMatchObject({ code: 1, error: expect.stringMatching(/is not in this history|txns are missing/) as string });
  expect(existsSync(target)).toBe(false);
});

test('compare: znodes on one side, and the fields that differ', async () => {
  const source = dataDirWith('java-3.9.5');
  const older = join(temporaryDirectory(), 'older');
  await say('restore', '--at', '0x3b', source, older, '--yes');
  const said = await say('snapshot', 'compare', older, source, '--path', '/app');
  expect(said.code).toBe(1);
  expect(said.out).toContain('~ /app/config  data mzxid mtime version\n');
  expect(said.out).toContain('- /app/deep/l0/l1/l2/l3/l4/l5\n');
  expect(said.out).toContain('+ /app/seq/n-0000000005\n');
  expect(said.out).toContain('1 only left, 1 only right, 3 differ;');
  expect((await say('snapshot', 'compare', source, source)).code).toBe(0);
});

test('backup: a directory that is none, and a damaged source, are refused', async () => {
  const other = temporaryDirectory();
  mkdirSync(join(other, 'version-2'));
  expect(await say('backup', dataDirWith('java-3.9.5'), other)).toMatchObject({ code: 1, error: expect.stringContaining('is not empty and no backup') as string });
  const target = join(temporaryDirectory(), 'backup');
  expect(await say('backup', dataDirWith('java-3.8.0/crc-mismatch'), target)).toMatchObject({ code: 1, error: expect.stringContaining('CRC check failed') as string });
});
