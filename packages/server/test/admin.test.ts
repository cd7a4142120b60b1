import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AccessControl, PathTraffic, peerConfig, type Input } from '@zk/peer';
import { asSid, asZxid, OpCode, type Image } from '@zk/protocol';
import { DataTree, digestId } from '@zk/tree';
import { AdminServer } from '../src/admin/http.ts';
import { FourLetterWords } from '../src/admin/four-letter-words.ts';
import { healthOf, healthText, type DiskFacts, type HealthFacts } from '../src/admin/health.ts';
import { lastSnapshot } from '../src/admin/last-snapshot.ts';
import { ServerMetrics } from '../src/admin/server-metrics.ts';
import { RestoreCommand, type RestoreOptions } from '../src/admin/restore-command.ts';
import { SnapshotCommand, type SnapshotOptions } from '../src/admin/snapshot-command.ts';
import type { AdminView } from '../src/admin/view.ts';
import { whitelistOf } from '../src/admin/words.ts';
import { CAPTURED_ENSEMBLE, connection, session, STANDING_CLOCK, viewWith } from './support/view.ts';

let admin: AdminServer | null = null;
let home: string;
/** What the server was asked to hand to its peer. */
let fed: Input[];
beforeEach(() => {
  fed = [];
  home = mkdtempSync(join(tmpdir(), 'zk-admin-'));
});
afterEach(() => {
  admin?.close();
  admin = null;
  rmSync(home, { recursive: true });
});

const SUPER = 'super:secret';
const access = new AccessControl(peerConfig({ sid: asSid(1n), ensemble: null, auth: { superDigest: digestId(Buffer.from(SUPER)) } }).auth);

interface Setup {
  readonly view?: AdminView | null;
  readonly snapshots?: Partial<SnapshotOptions>;
  readonly restores?: Partial<RestoreOptions>;
}

async function serve({ view = viewWith(), snapshots = {}, restores = {} }: Setup = {}): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const snapshot = new SnapshotCommand({
    enabled: true, withLastZxid: true, withDigest: true, rateLimit: 0, directory: null, metrics: new ServerMetrics(),
    now: () => 0, image: (): Promise<Image> => Promise.resolve(new DataTree().image()), checkpoint: () => {}, ...snapshots,
  });
  const restore = new RestoreCommand({
    enabled: true, withLastZxid: true, rateLimit: 0, metrics: new ServerMetrics(), now: () => 0, whyNot: () => null,
    builder: () => DataTree.builder(asZxid(0n)), restore: () => Promise.resolve({ refused: 'not here' }), ...restores,
  });
  const words = new FourLetterWords(whitelistOf('*', false), () => view);
  admin = new AdminServer({ host: '127.0.0.1', port: 0, path: '/commands', idleTimeoutMs: 1000, words, access, snapshot, restore, console: null, view: () => view, feed: (input) => fed.push(input) });
  await admin.listen();
  return (path, init) => fetch(`http://127.0.0.1:${admin?.port}${path}`, init);
}

/** Everything but the values: names (ids and paths stand for each other) and types. Java's order of fields varies between runs. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (value === null || typeof value !== 'object') return value === null ? null : typeof value;
  const fields = Object.entries(value).map(([name, field]) => [/^(\d+|\/.*)$/.test(name) ? '*' : name, shapeOf(field)] as const);
  return Object.fromEntries([...fields].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const body = (text: string): string => text.slice(text.indexOf('\n{') + 1);
const captured = (folder: string, file: string): string => body(`\n${readFileSync(new URL(`fixtures/${folder}/${file}`, import.meta.url), 'utf8')}`);

const paths = new Map([[session(0x1000017008a0000n), ['/app', '/nope']]]);
const sessions = new Map([['/app', [session(0x1000017008a0001n), session(0x1000017008a0000n)]], ['/nope', [session(0x1000017008a0000n)]]]);
function busy(more: Parameters<typeof viewWith>[0] = {}): AdminView {
  const metrics = new ServerMetrics();
  metrics.digests.push({ zxid: asZxid(128n), digest: 5986714359n });
  for (const bytes of [48, 91, 61]) metrics.committed(asZxid(1n), bytes, () => 0n);
  return viewWith({
    ...more,
    pipeline: {
      connections: [connection(34298, { session: session(0x1000017008a0000n), timeOut: 30_000, establishedAt: 1, lastOp: OpCode.ping, minLatency: 0 })],
      sessionBuckets: [{ deadline: 1528000, members: [] }, { deadline: 1530000, members: [{ id: session(0x1000017008a0001n), timeOut: 20_000, local: false }] }],
      watches: { counts: () => ({ watchers: 2, paths: 2, entries: 3 }), sessionsByPath: () => sessions, pathsBySession: () => paths },
      ...more.pipeline,
    },
    view: { metrics, ephemerals: () => [[session(0x1000017008a0000n), ['/app/e']]], lastSnapshot: () => ({ zxid: 0x50n, time: 1795228401_500 }), ...more.view },
  });
}

const ofSets = /_per_namespace$|_learner_handler_qp_(?:size|time_ms)$|^observer_master_id$/;
function withoutSets(shape: unknown): unknown {
  const isOurs = (name: string): boolean => name === 'disk_full' || name === 'checkpoint_failed';
  return Object.fromEntries(Object.entries(shape as object).filter(([name]) => !ofSets.test(name) && !isOurs(name)));
}

describe('a standalone server answers as Apache’s', () => {
  const folder = 'captures-admin-3.8.0/standalone';
  const files = readdirSync(new URL(`fixtures/${folder}/`, import.meta.url)).filter((file) => !/_index|stm|monitor|mntr|nosuch/.test(file));

  test.each(files)('%s: the same fields, of the same types', async (file) => {
    const get = await serve({ view: busy() });
    const name = file.slice('admin-'.length, -'.txt'.length);
    expect(shapeOf(await (await get(`/commands/${name}`)).json())).toEqual(shapeOf(JSON.parse(captured(folder, file))));
  });

  test.each(['admin-dump', 'admin-watch_summary', 'admin-watches_by_path', 'admin-is_read_only', 'admin-voting_view', 'admin-zabstate', 'admin-leader', 'admin-ruok', 'admin-nosuch', 'admin-stat_reset'])('%s: to the letter', async (file) => {
    const buckets = [[1528000n, []], [1530000n, [0x1000017008a0001n]], [1538000n, []], [1540000n, [0x1000017008a0000n]]] as const;
    const sessionBuckets = buckets.map(([deadline, ids]) => ({ deadline: Number(deadline), members: ids.map((id) => ({ id: session(id), timeOut: 1, local: false })) }));
    const get = await serve({ view: busy({ pipeline: { sessionBuckets } }) });
    expect(await (await get(`/commands/${file.slice('admin-'.length)}`)).text()).toBe(captured(folder, `${file}.txt`));
  });

  test.each([['admin-stm-bad', '?traceMask=x'], ['admin-stm-missing', ''], ['admin-stm', '?traceMask=500']])('%s', async (file, query) => {
    const get = await serve();
    expect(shapeOf(await (await get(`/commands/stmk${query}`)).json())).toEqual(shapeOf(JSON.parse(captured(folder, `${file}.txt`))));
  });

  test('the list of commands is that of 3.9.5', async () => {
    const get = await serve();
    const index = readFileSync(new URL('fixtures/captures-3.9.5/standalone/admin-_index.txt', import.meta.url), 'utf8');
    expect(await (await get('/commands')).text()).toBe(index.slice(index.indexOf('<a ')));
    expect((await get('/commands/', { method: 'POST' })).status).toBe(200);
  });

  test('last_snapshot tells the file with the highest zxid', async () => {
    const get = await serve({ view: busy() });
    expect(await (await get('/commands/lsnp')).text()).toBe(captured('captures-3.9.5/standalone', 'admin-last_snapshot.txt'));
    expect(lastSnapshot(home)).toEqual({ zxid: -1n, time: null });
  });
});

describe.each([['leader3', 'leader', 'leading'], ['follower1', 'follower', 'following'], ['observer4', 'observer', 'observing']] as const)('%s', (folder, serving, role) => {
  const learner = { link: 1, remote: '127.0.0.1:34864', sid: asSid(4n), role: 'observer', phase: 'synced', acked: null, alive: true, establishedAt: 1795227991559, packetsSent: 162, packetsReceived: 5, requests: 2, queuedPackets: 0, queuedBytes: 0 } as const;
  const sid = asSid(BigInt(folder.at(-1) ?? 1));
  const view = (): AdminView => {
    const base = busy({
      lines: ['initLimit=10', 'syncLimit=5'],
      status: { sid, serving, role, leader: asSid(3n), ensemble: CAPTURED_ENSEMBLE, lastCommitted: asZxid(0x10000009dn), learners: serving === 'leader' ? [learner] : [] },
    });
    return { ...base, config: { ...base.config, sid, ensemble: CAPTURED_ENSEMBLE } };
  };

  test.each(['leader', 'zabstate', 'voting_view'])('%s: to the letter', async (command) => {
    const get = await serve({ view: view() });
    expect(await (await get(`/commands/${command}`)).text()).toBe(captured(`captures-3.9.5/${folder}`, `admin-${command}.json`));
  });

  test.each(['observers', 'monitor', 'stats'])('%s: the same fields', async (command) => {
    const get = await serve({ view: view() });
    const theirs = shapeOf(JSON.parse(captured(`captures-3.9.5/${folder}`, `admin-${command}.json`)));
    expect(withoutSets(shapeOf(await (await get(`/commands/${command}`)).json()))).toEqual(withoutSets(theirs));
  });
});

describe('snapshot and restore', () => {
  const folder = 'captures-3.9.5/standalone';
  const withAuth = (authorization: string, method = 'GET'): RequestInit => ({ method, headers: { authorization } });
  const guarded = (): AdminView => viewWith({ view: { rootAcl: () => [{ perms: 31, id: { scheme: 'digest', id: digestId(Buffer.from('root:secret')) } }] } });
  const open = (): AdminView => viewWith({ view: { rootAcl: () => [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }] } });

  test('want a credential with every permission on /', async () => {
    const get = await serve({ view: guarded() });
    const answers = await Promise.all([get('/commands/snapshot'), get('/commands/snap', withAuth('kerberos x')), get('/commands/snap', withAuth('digest root:wrong')), get('/commands/snap', withAuth('digest root:secret')), get('/commands/snap', withAuth(`digest ${SUPER}`)), get('/commands/restore', { method: 'POST' })]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 403, 200, 200, 401]);
    expect(await answers[0]?.text()).toBe(captured(folder, 'admin-snap-noauth.txt'));
    expect(await answers[1]?.text()).toBe(captured(folder, 'admin-snap-badscheme.txt'));
    expect(await answers[2]?.json()).toEqual({ command: 'snapshot', error: 'Not authorized' });
    expect(await answers[5]?.text()).toBe(captured(folder, 'admin-rest-noauth.txt'));
  });

  test('a snapshot is a file that a server starts from', async () => {
    mkdirSync(join(home, 'version-2'));
    let checkpoints = 0;
    const get = await serve({ view: open(), snapshots: { directory: join(home, 'version-2'), checkpoint: () => void checkpoints++ } });
    const answer = await get('/commands/snapshot', withAuth('digest a:b'));
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect([answer.headers.get('last_zxid'), answer.headers.get('snapshot_size')]).toEqual(['0x0', String(bytes.length)]);
    expect(bytes.subarray(0, 4).toString()).toBe('ZKSN');
    expect(readFileSync(join(home, 'version-2/snapshot.0'))).toEqual(bytes);
    expect(readdirSync(join(home, 'version-2'))).toEqual(['snapshot.0']);
    expect(lastSnapshot(home).zxid).toBe(0n);
    expect(checkpoints).toBe(1); // or the next start would find the snapshot to be newer, and read it
    expect(await (await get('/commands/snap?streaming=false', withAuth('digest a:b'))).text()).toBe(captured(folder, 'admin-snap-nostream.txt'));
  });

  test('is limited to one per interval, which is in microseconds', async () => {
    let now = 0;
    const metrics = new ServerMetrics();
    const get = await serve({ view: open(), snapshots: { rateLimit: 300_000, metrics, now: () => now } });
    const ask = async (): Promise<number> => (await get('/commands/snap', withAuth('ip x'))).status;
    expect([await ask(), await ask()]).toEqual([200, 429]);
    now = 300;
    expect(await ask()).toBe(200);
    expect(metrics.counters.snapshot_rate_limited_count).toBe(1);
  });

  test('can be switched off', async () => {
    const get = await serve({ view: open(), snapshots: { enabled: false }, restores: { enabled: false } });
    expect([(await get('/commands/snap', withAuth('ip x'))).status, (await get('/commands/restore', withAuth('ip x', 'POST'))).status]).toEqual([503, 503]);
    const without = await serve({ view: open(), snapshots: { withLastZxid: false } });
    expect((await without('/commands/snap', withAuth('ip x'))).status).toBe(500);
  });

  test('restore takes what snapshot gives, and what Apache gives', async () => {
    const restored: DataTree[] = [];
    const metrics = new ServerMetrics();
    const restores = { metrics, restore: (tree: DataTree) => Promise.resolve({ zxid: asZxid(BigInt(restored.push(tree))) }) };
    const get = await serve({ view: open(), restores });
    const own = Buffer.from(await (await get('/commands/snap', withAuth('ip x'))).arrayBuffer());
    const theirs = readFileSync(new URL('../../store/test/fixtures/java-3.9.5/snapshot.44', import.meta.url));
    const post = (body: Buffer): Promise<Response> => get('/commands/restore', { ...withAuth('ip x', 'POST'), body });
    expect(await (await post(own)).json()).toEqual({ last_zxid: 0, command: 'restore', error: null });
    const answer = await post(theirs);
    expect([answer.status, await answer.text()]).toEqual([200, '{\n  "last_zxid" : 68,\n  "command" : "restore",\n  "error" : null\n}']);
    expect(restored.map(({ lastZxid, nodeCount }) => [lastZxid, nodeCount])).toEqual([[0n, 4], [0x44n, 50]]);
    expect(metrics.counters.restore_error_count).toBe(0);
  });

  test('restore refuses what is no snapshot, and nothing at all', async () => {
    const metrics = new ServerMetrics();
    const get = await serve({ view: open(), restores: { metrics, restore: () => Promise.reject(new Error('never asked')) } });
    const theirs = readFileSync(new URL('../../store/test/fixtures/java-3.9.5/snapshot.44', import.meta.url));
    const flipped = Buffer.from(theirs);
    flipped[2000] = (flipped[2000] as number) ^ 1;
    const post = async (body: Buffer | null): Promise<number> => (await get('/commands/rest', { ...withAuth('ip x', 'POST'), body })).status;
    expect(await post(null)).toBe(400);
    for (const body of [Buffer.from('no snapshot at all'), theirs.subarray(0, 3000), flipped, Buffer.concat([theirs, Buffer.alloc(1)])]) expect(await post(body)).toBe(500);
    expect(metrics.counters.restore_error_count).toBe(5);
  });

  test('restore says why it cannot be, before it reads the body; and it is limited, in ms', async () => {
    let now = 0;
    const metrics = new ServerMetrics();
    const theirs = readFileSync(new URL('../../store/test/fixtures/java-3.9.5/snapshot.44', import.meta.url));
    const impossible = await serve({ view: open(), restores: { whyNot: () => 'this server is following' } });
    const answer = await impossible('/commands/rest', { ...withAuth('ip x', 'POST'), body: theirs });
    expect([answer.status, await answer.json()]).toEqual([409, { command: 'restore', error: 'this server is following' }]);
    const get = await serve({ view: open(), restores: { rateLimit: 300_000, metrics, now: () => now, restore: () => Promise.resolve({ zxid: asZxid(1n) }) } });
    const ask = async (): Promise<number> => (await get('/commands/rest', { ...withAuth('ip x', 'POST'), body: theirs })).status;
    expect([await ask(), await ask()]).toEqual([200, 429]);
    now = 300_000;
    expect(await ask()).toBe(200);
    expect(metrics.counters.restore_rate_limited_count).toBe(1);
  });

  test('a wrong method is refused', async () => {
    const get = await serve({ view: open() });
    expect((await get('/commands/snap', withAuth('ip x', 'POST'))).status).toBe(405);
    expect((await get('/commands/ruok', { method: 'POST' })).status).toBe(405);
  });

  test('a full disk is an error of that request alone', async () => {
    const metrics = new ServerMetrics();
    const get = await serve({ view: open(), snapshots: { directory: join(home, 'missing'), metrics } });
    expect((await get('/commands/snap', withAuth('ip x'))).status).toBe(500);
    expect(metrics.counters.snapshot_error_count).toBe(1);
    expect((await get('/commands/ruok')).status).toBe(200);
  });
});

describe('request_log', () => {
  const withAuth = { method: 'POST', headers: { authorization: `digest ${SUPER}` } };
  const guarded = (): AdminView => viewWith({ view: { rootAcl: () => [{ perms: 31, id: { scheme: 'digest', id: digestId(Buffer.from('root:secret')) } }] } });

  test('wants a credential, and POST', async () => {
    const get = await serve({ view: guarded() });
    const answers = await Promise.all([get('/commands/request_log?path=/a', { method: 'POST' }), get('/commands/request_log?path=/a', { method: 'POST', headers: { authorization: 'ip x' } }), get('/commands/request_log?path=/a', { headers: withAuth.headers })]);
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 405]);
    expect(fed).toEqual([]);
  });

  test('asks the peer for the requests of sessions and paths, for a while, or no longer', async () => {
    const get = await serve({ view: guarded() });
    const on = await get('/commands/request_log?session=0x1000017008a0001&session=-1&path=/app&seconds=5', withAuth);
    expect(await on.json()).toEqual({ logging: true, sessions: ['0x1000017008a0001', '0xffffffffffffffff'], paths: ['/app'], seconds: 5, command: 'request_log', error: null });
    expect(await (await get('/commands/request_log', withAuth)).json()).toEqual({ logging: false, command: 'request_log', error: null });
    expect(fed).toEqual([
      { kind: 'logRequests', filter: { sessions: new Set([session(0x1000017008a0001n), session(-1n)]), paths: ['/app'], forMs: 5000 } },
      { kind: 'logRequests', filter: null },
    ]);
  });

  test.each(['session=alice', 'path=app', 'path=/a&seconds=0', 'path=/a&seconds=1e9'])('refuses %s', async (query) => {
    const get = await serve({ view: guarded() });
    const answer = await get(`/commands/request_log?${query}`, withAuth);
    expect([answer.status, await answer.json(), fed]).toEqual([400, { command: 'request_log', error: expect.stringMatching(/./) }, []]);
  });
});

test('top: the busiest sessions and subtrees', async () => {
  const traffic = new PathTraffic(STANDING_CLOCK);
  for (const [path, times] of [['/app/config', 3], ['/app/config/db', 2], ['/jobs', 1]] as const) traffic.reads.count(path, 10, times);
  traffic.writes.count('/jobs/1', 10, 4);
  const [alice, bob] = [session(0x10n), session(0x11n)];
  const base = busy({ pipeline: { connections: [connection(1, { session: alice, reads: 5, writes: 0 }), connection(2, { session: bob, reads: 7, writes: 1 }), connection(3)], watches: { counts: () => ({ watchers: 1, paths: 2, entries: 3 }), sessionsByPath: () => new Map([['/app/a/b', [alice, bob]], ['/app/a', [alice]], ['/z', [bob]]]), pathsBySession: () => new Map([[alice, ['/app/a/b', '/app/a']]]) } } });
  const view = { ...base, status: { ...base.status, pipeline: { ...base.status.pipeline, metrics: { ...base.status.pipeline.metrics, paths: traffic } as unknown as typeof base.status.pipeline.metrics } } };
  const get = await serve({ view });
  const one = (id: string, port: number, count: number): object => ({ session_id: id, address: `127.0.0.1:${port}`, count });
  expect(await (await get('/commands/top')).json()).toEqual({
    sessions: { by_reads: [one('0x11', 2, 7), one('0x10', 1, 5)], by_writes: [one('0x11', 2, 1)], by_watches: [one('0x10', 1, 2)] },
    subtrees: { by_reads: [{ path: '/app/config', count: 5 }, { path: '/jobs', count: 1 }], by_writes: [{ path: '/jobs/1', count: 4 }], by_watches: [{ path: '/app/a', count: 3 }, { path: '/z', count: 1 }] },
    command: 'top', error: null,
  });
});

describe('probes', () => {
  test('alive while not ready', async () => {
    const get = await serve({ view: viewWith({ status: { serving: null, role: 'looking', missing: [asSid(2n)] } }) });
    expect([(await get('/livez')).status, (await get('/readyz')).status, (await get('/health')).status]).toEqual([200, 503, 503]);
    expect(await (await get('/readyz')).text()).toBe('not ready: looking\n');
    const { checks } = (await (await get('/health')).json()) as { checks: unknown[] };
    expect(checks[0]).toMatchObject({ name: 'serving', verdict: 'fail', evidence: expect.stringContaining('not heard of: 2') });
  });

  test('not ready from the moment it is told to stop, although it still answers', async () => {
    const get = await serve({ view: viewWith({ status: { stopping: true } }) });
    const answer = await get('/readyz');
    expect([answer.status, await answer.text()]).toEqual([503, 'not ready: stopping\n']);
  });

  test('ready, with a health report in JSON and in words', async () => {
    const get = await serve();
    expect(await (await get('/readyz')).text()).toBe('ready: standalone\n');
    expect(await (await get('/health')).json()).toMatchObject({ verdict: 'ok', summary: 'Serving as standalone, all is well.' });
    expect(await (await get('/health?format=text')).text()).toMatch(/^ok: Serving as standalone, all is well\.\n\nok {4}serving: /);
  });

  test('not ready with a full disk, and why', async () => {
    const shortage = { reason: 'ENOSPC: no space left on device, write', forMs: 4000 };
    const get = await serve({ view: viewWith({ status: { disk: { shortage, checkpoint: null } } }) });
    const ready = await get('/readyz');
    expect([ready.status, await ready.text()]).toEqual([503, 'not ready: the disk is full (ENOSPC: no space left on device, write)\n']);
    expect((await get('/health')).status).toBe(503);
  });

  test('not started yet', async () => {
    const get = await serve({ view: null });
    expect([(await get('/livez')).status, (await get('/readyz')).status, (await get('/health')).status]).toEqual([200, 503, 503]);
  });

  test('a URL that is none harms nobody', async () => {
    const get = await serve();
    const socket = connect(admin?.port ?? 0, '127.0.0.1');
    socket.write('GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect((await get('/livez')).status).toBe(200);
  });
});

describe('a verdict', () => {
  const learner = (sid: bigint, phase: 'synced' | 'syncing') => ({ link: Number(sid), remote: 'x', sid: asSid(sid), role: 'participant', phase, acked: null, alive: true, establishedAt: 0, packetsSent: 0, packetsReceived: 0, requests: 0, queuedPackets: 0, queuedBytes: 0 }) as const;
  const disk = (more: Partial<DiskFacts> = {}): DiskFacts => ({ path: '/data', freeBytes: 2 ** 40, totalBytes: 2 ** 41, usedByUs: 0, growth: null, ...more });
  const facts = (more: Partial<HealthFacts> = {}, view: Parameters<typeof viewWith>[0] = {}): HealthFacts => ({
    status: viewWith(view).status, syncP99Ms: 2, syncWarnMs: 1000, eventLoop: { maxDelayMs: 3, p99DelayMs: 1, overMs: 60_000 },
    disks: [disk()], memory: { rss: 1, heapUsed: 1, heapLimit: 100 }, files: { open: 30, limit: 1024 },
    unresolvable: [], outstandingLimit: 1000, tickTime: 2000, digestMismatches: 0, watchesBefore: 0, ...more,
  });
  const leading = { status: { serving: 'leader', role: 'leading', sid: asSid(3n), ensemble: CAPTURED_ENSEMBLE, learners: [learner(1n, 'synced'), learner(2n, 'synced')] } } as const;

  test('is ok while nothing is wrong, with the evidence', () => {
    expect(healthOf(facts({}, leading))).toMatchObject({ verdict: 'ok', summary: 'Serving as leader, all is well.' });
    expect(healthText(healthOf(facts({}, leading)))).toContain('ok    quorum margin: 3 of 3 voters are in sync, 1 more may fail\n');
  });

  test.each<[string, HealthFacts, string, RegExp]>([
    ['quorum margin', facts({}, { status: { ...leading.status, learners: [learner(1n, 'synced'), learner(2n, 'syncing')] } }), 'warn', /2 of 3 voters are in sync, 0 more may fail/],
    ['peers', facts({ unresolvable: ['zk2'] }), 'warn', /do not resolve: zk2/],
    ['writing', facts({}, { status: { disk: { shortage: { reason: 'ENOSPC', forMs: 4000 }, checkpoint: null } } }), 'fail', /no room for the log for 4 s \(ENOSPC\): writes are refused, reads go on/],
    ['checkpoints', facts({}, { status: { disk: { shortage: null, checkpoint: { reason: 'ENOSPC', forMs: 61_000 } } } }), 'warn', /not written for 61 s \(ENOSPC\)/],
    ['disk sync', facts({ syncP99Ms: 140 }), 'warn', /99 of 100 syncs took at most 140 ms/],
    ['event loop', facts({ eventLoop: { maxDelayMs: 1500, p99DelayMs: 20, overMs: 30_000 } }), 'warn', /held up for at most 1500 ms in the last 30 s/],
    ['disk space', facts({ disks: [disk({ freeBytes: 1000, totalBytes: 2 ** 40 })] }), 'fail', /0\.0 of 1024\.0 GiB free/],
    ['disk space', facts({ disks: [disk({ growth: { bytes: 2 ** 40 / 30, overMs: 1_200_000 } })] }), 'warn', /\+34953 MiB in the last 1200 s/],
    ['serving', facts({}, { status: { ...leading.status, serving: null, role: 'looking', distrusted: [asSid(3n)] } }), 'fail', /looking for \d+ s, without their history: 3/],
    ['peers', facts({}, { status: { ...leading.status, missing: [asSid(2n)] } }), 'warn', /no election connection to server 2 \(127\.0\.0\.1\)/],
    ['zxid counter', facts({}, { status: { tree: { ...viewWith().status.tree, lastZxid: asZxid(0x5f0000000n) } } }), 'warn', /0x5f0000000, 93\.8 % of this epoch/],
    ['data', facts({ digestMismatches: 3 }), 'fail', /3 txns left other data here/],
    ['requests', facts({}, { pipeline: { outstanding: 1000 } }), 'warn', /1000 outstanding/],
    ['watches', facts({}, { pipeline: { watchCount: 200_000 } }), 'warn', /200000, \+200000 since/],
    ['memory', facts({ memory: { rss: 1, heapUsed: 95, heapLimit: 100 } }), 'warn', /heap/],
    ['file descriptors', facts({ files: { open: 1000, limit: 1024 } }), 'warn', /1000 of 1024 open/],
  ])('%s', (name, given, verdict, evidence) => {
    const health = healthOf(given);
    expect(health.verdict).toBe(verdict);
    expect(health.checks.filter((check) => check.verdict !== 'ok')).toEqual([{ name, verdict, evidence: expect.stringMatching(evidence), advice: expect.any(String) }]);
    expect(health.summary).toMatch(evidence);
  });
});
