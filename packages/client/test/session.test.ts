import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encode } from '@zk/jute';
import {
  AuthPacket, CreateRequest, ErrorCode, ErrorResponse, ExistsRequest, GetDataResponse, MultiHeader, OpCode, SetWatches, SetWatches2, type Stat,
} from '@zk/protocol';
import { ZooKeeper, type ClientState, type ConnectOptions, type WatchEvent } from '@zk/client';
import { FakeServer, PASSWORD, SESSION, eventFrame, replyFrame, type FakeConnection } from './fake-server.ts';

let server: FakeServer;
const clients: ZooKeeper[] = [];

beforeEach(async () => {
  server = await FakeServer.listen();
});
afterEach(async () => {
  await server.close(); // first, so that no client waits for an answer to its closeSession
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

function client(options: ConnectOptions = {}, chroot = ''): ZooKeeper {
  const zk = new ZooKeeper(server.address + chroot, { sessionTimeoutMs: 10_000, ...options });
  clients.push(zk);
  return zk;
}

async function connected(options: ConnectOptions = {}, chroot = ''): Promise<[ZooKeeper, FakeConnection]> {
  const zk = client(options, chroot);
  const connection = await server.welcome();
  await zk.connected();
  return [zk, connection];
}

const nextState = (zk: ZooKeeper): Promise<ClientState> => new Promise((resolve) => zk.once('state', resolve));

const stat = {
  czxid: 1n, mzxid: 1n, ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, dataLength: 1, numChildren: 0, pzxid: 1n,
} as Stat;
const someData = encode(GetDataResponse, { data: Buffer.from('x'), stat });

test('the handshake asks for a new session and takes what is granted', async () => {
  const zk = client({ sessionTimeoutMs: 30_000 });
  const connection = await server.accept();
  const asked = await connection.handshake({ timeOut: 4_000 });
  expect(asked).toMatchObject({ sessionId: 0n, timeOut: 30_000, lastZxidSeen: 0n, readOnly: false });
  await zk.connected();
  expect([zk.state, zk.sessionId, zk.sessionPassword, zk.sessionTimeoutMs, zk.server]).toEqual([
    'connected', SESSION, PASSWORD, 4_000, server.address,
  ]);
});

test('requests before the handshake go out, in order, when it is done', async () => {
  const zk = client();
  const both = [zk.setData('/a', 'x').catch(String), zk.getData('/b').catch(String)];
  const connection = await server.welcome();
  const [first, second] = [await connection.request(), await connection.request()];
  expect([first.type, second.type]).toEqual([OpCode.setData, OpCode.getData]);
  connection.write([replyFrame(first, { err: ErrorCode.BADVERSION }), replyFrame(second, { err: ErrorCode.NONODE })]);
  expect(await Promise.all(both)).toEqual(['KeeperError: BADVERSION /a', 'KeeperError: NONODE /b']);
});

test('a new connection re-attaches to the session with everything it had: credentials, watches, the last zxid', async () => {
  const [zk, first] = await connected({ auth: [{ scheme: 'digest', auth: 'bob:pw' }] });
  await first.request(); // auth
  const heard: WatchEvent[] = [];
  const watch = (event: WatchEvent): void => void heard.push(event);
  const watches = [
    zk.getData('/data', { watch }), zk.exists('/missing', { watch }), zk.addWatch('/tree', 'recursive', watch),
  ];
  for (const answer of [{ zxid: 9n, body: someData }, { zxid: 9n, err: ErrorCode.NONODE }, { zxid: 9n }]) first.reply(await first.request(), answer);
  await Promise.all(watches);
  first.end();

  const second = await server.accept();
  expect(await second.handshake()).toMatchObject({ sessionId: SESSION, passwd: PASSWORD, lastZxidSeen: 9n });
  const auth = await second.request();
  expect([auth.type, AuthPacket.read(auth.body)]).toEqual([OpCode.auth, { type: 0, scheme: 'digest', auth: Buffer.from('bob:pw') }]);
  const restored = await second.request();
  expect(restored.type).toBe(OpCode.setWatches2);
  expect(SetWatches2.read(restored.body)).toEqual({
    relativeZxid: 9n, dataWatches: ['/data'], existWatches: ['/missing'], childWatches: [], persistentWatches: [], persistentRecursiveWatches: ['/tree'],
  });
});

test('one-shot watches alone are restored with the request that servers before 3.6 know', async () => {
  const [zk, first] = await connected();
  const reading = zk.getChildren('/a', { watch: () => undefined }).catch(String);
  const request = await first.request();
  first.reply(request, { zxid: 3n, err: ErrorCode.NONODE }); // no node, no watch
  expect(await reading).toBe('KeeperError: NONODE /a');
  const again = zk.getData('/a', { watch: () => undefined });
  first.reply(await first.request(), { zxid: 4n, body: someData });
  await again;
  first.end();
  const second = await server.welcome();
  const restored = await second.request();
  expect([restored.type, SetWatches.read(restored.body)]).toEqual([
    OpCode.setWatches, { relativeZxid: 4n, dataWatches: ['/a'], existWatches: [], childWatches: [] },
  ]);
});

test('many watches are restored in several requests, each below the limit of a frame', async () => {
  const [zk, first] = await connected();
  const paths = Array.from({ length: 300 }, (_, index) => `/${'x'.repeat(1000)}${index}`);
  const reads = paths.map((path) => zk.getData(path, { watch: () => undefined }));
  for (const _ of paths) first.reply(await first.request(), { body: someData });
  await Promise.all(reads);
  first.end();
  const second = await server.welcome();
  const restored: string[] = [];
  while (restored.length < paths.length) restored.push(...SetWatches.read((await second.request()).body).dataWatches);
  expect(restored).toEqual(paths);
  expect(second.unread).toBe(0);
});

test('an event right behind the reply that registered it is heard', async () => {
  const [zk, connection] = await connected();
  const event = new Promise<WatchEvent>((resolve) => void zk.getData('/a', { watch: resolve }));
  const request = await connection.request();
  connection.write([replyFrame(request, { zxid: 5n, body: someData }), eventFrame(3, '/a', 6n)]);
  expect(await event).toEqual({ type: 'NodeDataChanged', path: '/a', zxid: 6n });
});

test('an event does not move the point from which setWatches looks for missed ones: its txn may have more of them', async () => {
  const [zk, first] = await connected();
  const children = zk.getChildren('/a', { watch: () => undefined });
  const read = zk.getData('/a', { watch: () => undefined });
  const [one, two] = [await first.request(), await first.request()];
  const list = Buffer.concat([Buffer.alloc(4), Buffer.alloc(68)]);
  first.write([replyFrame(one, { zxid: 5n, body: list }), replyFrame(two, { zxid: 5n, body: someData })]);
  await Promise.all([children, read]);
  const heard = new Promise((resolve) => zk.once('watch', resolve));
  first.write([eventFrame(3, '/a', 8n)]);
  await heard;
  first.end();
  const second = await server.accept();
  expect((await second.handshake()).lastZxidSeen).toBe(8n); // no server that is behind
  expect(SetWatches.read((await second.request()).body)).toMatchObject({ relativeZxid: 5n, dataWatches: [], childWatches: ['/a'] });
});

test('a listener that throws is an uncaught exception, and not the end of the connection', async () => {
  const [zk, connection] = await connected();
  const uncaught = vi.fn();
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').once('uncaughtException', uncaught);
  try {
    const read = zk.getData('/a', { watch: () => { throw new Error('mine'); } });
    connection.write([replyFrame(await connection.request(), { body: someData }), eventFrame(3, '/a')]);
    await read;
    const next = zk.getData('/b');
    connection.reply(await connection.request(), { body: someData });
    expect(String((await next).data)).toBe('x');
    expect(uncaught).toHaveBeenCalledOnce();
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

test('replies out of order end the connection; what is behind them is not read', async () => {
  const [zk, first] = await connected();
  const answers = [zk.getData('/a').catch(String), zk.getData('/b').catch(String)];
  const [one, two] = [await first.request(), await first.request()];
  first.write([replyFrame(two, { body: someData }), replyFrame(one, { body: someData })]);
  expect(await Promise.all(answers)).toEqual(['KeeperError: CONNECTIONLOSS /a', 'KeeperError: CONNECTIONLOSS /b']);
  expect(zk.lastFailure).toBe(`${server.address}: reply ${two.xid} is out of order`);
  const second = await server.accept();
  expect((await second.handshake()).sessionId).toBe(SESSION);
});

test('a lost connection fails what was sent, and keeps what was not', async () => {
  const [zk, first] = await connected();
  const sent = zk.create('/a').catch((error: Error) => error);
  await first.request();
  const disconnected = nextState(zk);
  first.end();
  expect(await sent).toMatchObject({ code: 'CONNECTIONLOSS', path: '/a', cause: new Error(`${server.address}: closed by the server`) });
  expect(await disconnected).toBe('connecting');
  const later = zk.create('/b').catch(String);
  const second = await server.welcome();
  const request = await second.request();
  expect(CreateRequest.read(request.body).path).toBe('/b');
  second.reply(request, { err: ErrorCode.NODEEXISTS });
  expect(await later).toBe('KeeperError: NODEEXISTS /b');
});

test('an expired session is final', async () => {
  const [zk, first] = await connected();
  const states: ClientState[] = [];
  zk.on('state', (state) => states.push(state));
  const disconnected = nextState(zk);
  first.end();
  await disconnected;
  const waiting = zk.getData('/a').catch(String);
  const second = await server.accept();
  await second.handshake({ timeOut: 0, sessionId: 0n as typeof SESSION, passwd: Buffer.alloc(16) });
  expect(await waiting).toBe('KeeperError: SESSIONEXPIRED');
  expect(states).toEqual(['connecting', 'expired']);
  await expect(zk.getData('/a')).rejects.toMatchObject({ code: 'SESSIONEXPIRED' });
  await expect(zk.connected()).rejects.toMatchObject({ code: 'SESSIONEXPIRED' });
});

test('refused credentials are final', async () => {
  const [zk, connection] = await connected();
  const ended = nextState(zk);
  zk.addAuth('digest', 'nonsense');
  const waiting = zk.getData('/a').catch(String);
  connection.reply(await connection.request(), { zxid: 0n, err: ErrorCode.AUTHFAILED });
  expect([await ended, await waiting]).toEqual(['authFailed', 'KeeperError: AUTHFAILED']);
});

test('a server that is silent is given up, also when it never answers the handshake', async () => {
  const zk = client({ sessionTimeoutMs: 1_000 });
  await server.accept(); // says nothing
  const second = await server.accept(); // tried again, at the latest after the session timeout
  await second.handshake({ timeOut: 300 }); // granted less than asked for: the shorter one counts
  await zk.connected();
  await second.ping();
  await second.closed;
  expect(zk.lastFailure).toBe(`${server.address}: silent for 200 ms`);
});

test('without any server a request fails after its patience, and says why', async () => {
  await server.close();
  const zk = client({ patienceMs: 0 });
  await expect(zk.getData('/a')).rejects.toMatchObject({ code: 'CONNECTIONLOSS', path: '/a', cause: { message: expect.stringContaining('ECONNREFUSED') } });
  await expect(ZooKeeper.connect(server.address, { patienceMs: 0 })).rejects.toMatchObject({ code: 'CONNECTIONLOSS' });
});

test('an abort takes back what was not sent, and stops waiting for what was', async () => {
  const zk = client();
  const stop = new AbortController();
  const never = zk.setData('/never', null, -1, { signal: stop.signal }).catch(String);
  stop.abort(new Error('enough'));
  expect(await never).toBe('Error: enough');
  await expect(zk.setData('/never', null, -1, { signal: stop.signal })).rejects.toThrow('enough');
  const connection = await server.welcome();
  const late = new AbortController();
  const sent = zk.exists('/sent', { signal: late.signal }).catch(String);
  const request = await connection.request();
  expect(ExistsRequest.read(request.body).path).toBe('/sent');
  late.abort(new Error('too late'));
  expect(await sent).toBe('Error: too late');
  const next = zk.getData('/next');
  connection.write([replyFrame(request, { err: ErrorCode.NONODE }), replyFrame(await connection.request(), { body: someData })]);
  expect(String((await next).data)).toBe('x'); // the reply nobody waited for is not taken for this one
});

test('close ends the session on the server; requests after it are refused', async () => {
  const [zk, connection] = await connected();
  const closing = zk.close();
  await expect(zk.getData('/a')).rejects.toMatchObject({ code: 'CONNECTIONLOSS', cause: new Error('the client is closed') });
  const request = await connection.request();
  expect(request.type).toBe(OpCode.closeSession);
  connection.reply(request);
  await Promise.all([closing, zk.close()]);
  expect(zk.state).toBe('closed');
  await connection.closed;
});

test('the session of a read-only server is not carried to another, and a read-write server is looked for', async () => {
  const other = await FakeServer.listen();
  const zk = new ZooKeeper(`${server.address},${other.address}`, { readOnly: true, sessionTimeoutMs: 10_000 });
  clients.push(zk);
  const [here, there] = [server.accept(), other.accept()]; // the client chooses where to begin
  const [readOnly, probed, readWrite] = await Promise.race([
    here.then((connection) => [connection, there, other] as const),
    there.then((connection) => [connection, here, server] as const),
  ]);
  expect((await readOnly.handshake({ readOnly: true })).readOnly).toBe(true);
  await zk.connected();
  expect(zk.state).toBe('readOnly');
  await (await probed).answerWord('isro', 'rw');
  const moved = await readWrite.accept();
  expect((await moved.handshake({ sessionId: 0x99n as typeof SESSION })).sessionId).toBe(0n);
  await readOnly.closed;
  await zk.connected();
  expect([zk.state, zk.sessionId]).toEqual(['connected', 0x99n]);
  await other.close();
});

test('a read-only server that takes no sessions answers with a header, which is no handshake', async () => {
  const zk = client({ readOnly: true });
  const refusing = await server.accept();
  refusing.write([replyFrame({ xid: 0 }, { zxid: 0n, err: ErrorCode.NOTREADONLY })]);
  await refusing.closed;
  expect(zk.state).toBe('connecting');
  await server.welcome();
  await zk.connected();
});

test('a failed multi says which operation, by the path the application gave it', async () => {
  const [zk, connection] = await connected({}, '/app');
  const results = zk.multi([{ op: 'delete', path: '/a' }, { op: 'check', path: '/b', version: 3 }, { op: 'create', path: '/c' }]);
  const failed = [ErrorCode.OK, ErrorCode.BADVERSION, ErrorCode.RUNTIMEINCONSISTENCY].flatMap((err) => [
    encode(MultiHeader, { type: OpCode.error, done: false, err }), encode(ErrorResponse, { err }),
  ]);
  const body = Buffer.concat([...failed, encode(MultiHeader, { type: -1, done: true, err: -1 })]);
  connection.reply(await connection.request(), { body });
  expect((await results).map((result) => (result.op === 'error' ? result.error.message : result.op))).toEqual([
    'OK /a', 'BADVERSION /b', 'RUNTIMEINCONSISTENCY /c',
  ]);
});

test('a chroot is put before every path and taken off again; nothing leads out of it', async () => {
  const [zk, connection] = await connected({}, '/app');
  const created = zk.create('/', 'x', { mode: 'persistent-sequential' });
  const request = await connection.request();
  expect(CreateRequest.read(request.body).path).toBe('/app/');
  connection.reply(request, { body: Buffer.concat([encodeString('/app/0000000001'), Buffer.alloc(68)]) });
  expect((await created).path).toBe('/0000000001');
  const root = zk.exists('/', { watch: () => undefined });
  const exists = await connection.request();
  expect(ExistsRequest.read(exists.body).path).toBe('/app');
  const event = new Promise((resolve) => zk.once('watch', resolve));
  connection.write([replyFrame(exists, { body: Buffer.alloc(68) }), eventFrame(3, '/app', 2n)]);
  await root;
  expect(await event).toMatchObject({ path: '/' });
  for (const path of ['x', '', '/../etc', '/a/']) {
    await expect(zk.getData(path)).rejects.toMatchObject({ code: 'BADARGUMENTS' });
  }
  const missing = zk.getData('/gone').catch(String);
  connection.reply(await connection.request(), { err: ErrorCode.NONODE });
  expect(await missing).toBe('KeeperError: NONODE /gone');
});

test('TLS: the server is trusted by the given authority, and by no other', async () => {
  const pem = (name: string): Buffer => readFileSync(new URL(`fixtures/localhost.${name}`, import.meta.url));
  const secure = await FakeServer.listen({ key: pem('key'), cert: pem('crt') }); // self-signed: its own authority
  const zk = new ZooKeeper(secure.address, { tls: { ca: pem('crt') } });
  clients.push(zk);
  await secure.welcome();
  await zk.connected();
  expect(zk.state).toBe('connected');
  const distrusting = new ZooKeeper(secure.address, { tls: {}, patienceMs: 0 });
  clients.push(distrusting);
  await expect(distrusting.connected()).rejects.toMatchObject({ cause: { message: expect.stringContaining('self-signed certificate') } });
  await secure.close();
});

function encodeString(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}
