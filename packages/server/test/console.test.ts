import { ZooKeeper } from '@zk/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEnsemble, startServer, type EmbeddedServer } from '../src/index.ts';

const BOB = { Authorization: 'digest bob:secret' };
const OPEN = { 'admin.enableServer': true, 'admin.serverPort': 0, 'admin.serverAddress': '127.0.0.1' };
const WRITABLE = { ...OPEN, 'admin.console.writable': true };

let server: EmbeddedServer;
let zk: ZooKeeper;
async function start(settings: Record<string, string | number | boolean>): Promise<void> {
  server = await startServer({ settings });
  zk = await ZooKeeper.connect(server.connectString, { sessionTimeoutMs: 10_000 });
  await zk.addAuth('digest', 'bob:secret');
  await zk.create('/open', 'for all');
  await zk.create('/shut', 'for bob', { acl: [{ perms: 31, id: { scheme: 'auth', id: '' } }] });
  await zk.create('/shut/below', '');
}
afterEach(async () => {
  await zk.close();
  await server.stop();
});

async function call(path: string, options: RequestInit = {}) {
  const response = await fetch(`http://127.0.0.1:${server.adminPort}${path}`, { redirect: 'manual', ...options });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function api(path: string, options: RequestInit = {}) {
  const { status, text } = await call(`/console/api/${path}`, options);
  return { status, ...(JSON.parse(text) as object) } as Record<string, unknown>;
}

describe('by default', () => {
  beforeEach(() => start(OPEN));

  test('the page is one answer, that names nothing outside of it', async () => {
    const { status, headers, text } = await call('/console');
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; connect-src 'self'/);
    expect(text).toContain('<style>:root');
    expect(text.match(/\b(?:src|href)="(?!#|data:)[^"]*"/g)).toBeNull();
    expect((await call('/')).headers.get('location')).toBe('/console');
  });

  test('the overview counts what there is', async () => {
    const overview = await api('overview');
    expect(overview).toMatchObject({ status: 200, mode: 'standalone', sid: 0, ensemble: [], isWritable: false, gauges: { connections: 1, sessions: 1, watches: 0 } });
    await zk.getData('/open', { watch: () => {} });
    const later = await api('overview');
    expect(later).toMatchObject({ gauges: { watches: 1 } });
    expect((later['counters'] as { received: number }).received).toBeGreaterThan((overview['counters'] as { received: number }).received);
  });

  test('the busiest sessions and subtrees, and percentiles', async () => {
    await zk.getData('/open', { watch: () => {} });
    const session = `0x${zk.sessionId.toString(16)}`;
    expect(await api('top')).toMatchObject({
      sessions: { reads: [{ session, count: 1 }], writes: [{ session, count: 3 }], watches: [{ session, count: 1 }] },
      subtrees: { reads: [{ path: '/open', count: 1 }], writes: ['/open', '/shut', '/shut/below'].map((path) => ({ path, count: 1 })), watches: [{ path: '/open', count: 1 }] },
    });
    expect(await api('overview')).toMatchObject({ latency: { updates: { p50: expect.any(Number), p999: expect.any(Number), max: expect.any(Number) } } });
  });

  test('sessions and watches, in hex', async () => {
    await zk.getData('/open', { watch: () => {} });
    await zk.create('/mine', '', { mode: 'ephemeral' });
    const session = `0x${zk.sessionId.toString(16)}`;
    expect(await api('sessions')).toMatchObject({ total: 1, connections: [{ session, ephemerals: 1, timeOut: 10_000 }], elsewhere: [] });
    expect(await api('watches')).toMatchObject({ total: 1, paths: 1, byPath: [{ path: '/open', watchers: 1, sessions: [session] }] });
  });

  test('a znode that everybody may read', async () => {
    const node = await api('node?path=/open');
    expect(node).toMatchObject({ status: 200, readable: true, data: Buffer.from('for all').toString('base64'), acl: [{ scheme: 'world', id: 'anyone', perms: 'cdrwa' }], children: [], stat: { version: 0, dataLength: 7, kind: 'persistent' } });
    expect((await api('node?path=/'))['children']).toEqual(['open', 'shut', 'zookeeper'].map((name) => ({ name, kind: 'persistent', numChildren: { open: 0, shut: 1, zookeeper: 2 }[name] })));
    expect(await api('node?path=/nowhere')).toEqual({ status: 404, error: 'NONODE' });
  });

  test('what an ACL hides is shown to those it names, and to nobody else', async () => {
    const hidden = { status: 200, readable: false, data: null, acl: null, children: null };
    expect(await api('node?path=/shut')).toMatchObject(hidden);
    expect(await api('node?path=/shut', { headers: { Authorization: 'digest bob:guessed' } })).toMatchObject(hidden);
    expect(await api('node?path=/shut', { headers: BOB })).toMatchObject({ readable: true, data: Buffer.from('for bob').toString('base64'), children: [{ name: 'below' }] });
    expect(await api('node?path=/shut', { headers: { Authorization: 'Bearer abc' } })).toEqual({ status: 401, error: 'AUTHFAILED' });
  });

  test('nothing can be changed, whoever asks', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) expect(await api('node?path=/open', { method, headers: BOB })).toEqual({ status: 405, error: 'UNIMPLEMENTED' });
    expect((await zk.exists('/open'))?.version).toBe(0);
  });
});

describe('with admin.console.writable', () => {
  beforeEach(() => start(WRITABLE));

  test('nobody changes anything unnamed', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) expect(await api('node?path=/open', { method })).toEqual({ status: 401, error: 'AUTHFAILED' });
    expect((await zk.exists('/open'))?.version).toBe(0);
  });

  test('who signs in does what a client with these credentials may', async () => {
    expect(await api('node?path=/shut&version=0', { method: 'PUT', headers: BOB, body: 'by bob' })).toMatchObject({ status: 200, data: Buffer.from('by bob').toString('base64'), stat: { version: 1 } });
    expect(await api('node?path=/shut&version=0', { method: 'PUT', headers: BOB, body: 'too late' })).toEqual({ status: 409, error: 'BADVERSION' });
    expect(await api('node?path=/shut', { method: 'PUT', headers: { Authorization: 'digest eve:secret' }, body: 'by eve' })).toEqual({ status: 403, error: 'NOAUTH' });
    expect(await api('node?path=/open/new', { method: 'POST', headers: BOB, body: 'v1' })).toMatchObject({ status: 200, path: '/open/new' });
    expect(await api('node?path=/open', { method: 'DELETE', headers: BOB })).toEqual({ status: 409, error: 'NOTEMPTY' });
    expect(await api('node?path=/open/new', { method: 'DELETE', headers: BOB })).toEqual({ status: 200, path: '/open/new' });
    expect(String((await zk.getData('/shut')).data)).toBe('by bob');
  });

  test('leaves no session behind', async () => {
    await api('node?path=/open', { method: 'PUT', headers: BOB, body: 'v2' });
    expect(await api('overview')).toMatchObject({ gauges: { sessions: 1, connections: 1 } });
  });
});

test('admin.console.enabled=false leaves nothing of it', async () => {
  await start({ ...OPEN, 'admin.console.enabled': false });
  for (const path of ['/', '/console', '/console/api/overview']) expect((await call(path)).status).toBe(404);
});

test('a follower passes a change on to its leader, and the leader knows its learners', async () => {
  await start(OPEN);
  await using ensemble = await startEnsemble({ settings: WRITABLE });
  const [follower] = ensemble.followers;
  const url = (of: EmbeddedServer | undefined, name: string) => `http://127.0.0.1:${of?.adminPort}/console/api/${name}`;
  const created = await fetch(url(follower, 'node?path=/new'), { method: 'POST', headers: BOB, body: 'v1' });
  expect(created.status).toBe(200);
  const { ensemble: members } = (await (await fetch(url(ensemble.leader, 'overview'))).json()) as { ensemble: { state: string }[] };
  expect(members.map(({ state }) => state).sort()).toEqual(['leader', 'synced', 'synced']);
});
