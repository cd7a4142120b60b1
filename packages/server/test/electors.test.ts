import type { Input } from '@zk/peer';
import { asSid, EnsembleConfig } from '@zk/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { ElectionMesh } from '../src/net/electors.ts';
import { dialTo, Door, freePort, Queue, recordingLog, type Wire } from './support/sockets.ts';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;
const is = <K extends Input['kind']>(kind: K) => (input: Input): input is Of<K> => input.kind === kind;

const meshes: ElectionMesh[] = [];
const doors: Door[] = [];
afterEach(() => {
  for (const mesh of meshes.splice(0)) mesh.close();
  for (const door of doors.splice(0)) door.close();
});

function ensembleOf(ports: readonly number[]): EnsembleConfig {
  return EnsembleConfig.parse(ports.map((port, i) => `server.${i + 1}=127.0.0.1:65000:${port}`).join('\n'));
}

/** The mesh of server `sid` in an ensemble with these election ports. */
async function meshOf(sid: number, ports: readonly number[], helloTimeoutMs = 5000) {
  const inputs = new Queue<Input>();
  const { log, lines } = recordingLog();
  const own = { host: '127.0.0.1', port: ports[sid - 1] as number };
  const mesh = new ElectionMesh({
    sid: asSid(BigInt(sid)), ensemble: ensembleOf(ports), listenOn: [own], ownAddresses: [own], multiAddress: false, dialTimeoutMs: 5000, helloTimeoutMs, log,
    feed: (input) => inputs.push(input.kind === 'notification' ? { ...input, message: Buffer.from(input.message) } : input),
  });
  meshes.push(mesh);
  await mesh.listen();
  return { mesh, inputs, lines, port: own.port };
}

async function door(): Promise<Door> {
  const opened = await Door.open();
  doors.push(opened);
  return opened;
}

function hello(sid: number, address: string): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeBigInt64BE(-65536n, 0);
  bytes.writeBigInt64BE(BigInt(sid), 8);
  bytes.writeInt32BE(address.length, 16);
  return Buffer.concat([bytes, Buffer.from(address)]);
}

function message(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

async function readHello(wire: Wire): Promise<{ version: bigint; sid: bigint; address: string }> {
  const head = await wire.read(20);
  return { version: head.readBigInt64BE(0), sid: head.readBigInt64BE(8), address: (await wire.read(head.readInt32BE(16))).toString() };
}

describe('two servers', () => {
  test.each([['the smaller', 1, 2], ['the larger', 2, 1]])('talk over one connection when %s begins', async (_who, from, to) => {
    const ports = [await freePort(), await freePort()];
    const servers = [await meshOf(1, ports), await meshOf(2, ports)];
    const [sender, receiver] = [servers[from - 1], servers[to - 1]];
    sender?.mesh.send(asSid(BigInt(to)), Buffer.from('vote 1'));
    expect((await receiver?.inputs.next(is('electorConnected')))?.sid).toBe(BigInt(from));
    expect((await sender?.inputs.next(is('electorConnected')))?.sid).toBe(BigInt(to));
    expect(await receiver?.inputs.next(is('notification'))).toMatchObject({ from: BigInt(from), message: Buffer.from('vote 1') });
    receiver?.mesh.send(asSid(BigInt(from)), Buffer.from('vote 2'));
    expect(await sender?.inputs.next(is('notification'))).toMatchObject({ message: Buffer.from('vote 2') });
  });

  test('hear of it when the other one is gone', async () => {
    const ports = [await freePort(), await freePort()];
    const [one, two] = [await meshOf(1, ports), await meshOf(2, ports)];
    two.mesh.send(asSid(1n), Buffer.from('vote'));
    await one.inputs.next(is('notification'));
    two.mesh.close();
    expect((await one.inputs.next(is('electorLost'))).sid).toBe(2n);
  });
});

describe('dialing', () => {
  test('a smaller sid: the hello in Apache’s bytes (quorum.md 16.1), then the vote', async () => {
    const remote = await door();
    const { mesh } = await meshOf(2, [remote.port, await freePort()]);
    mesh.send(asSid(1n), Buffer.from('vote'));
    const wire = await remote.next();
    const { version, sid, address } = await readHello(wire);
    expect({ version, sid }).toEqual({ version: -65536n, sid: 2n });
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await wire.readFrame()).toString()).toBe('vote');
  });

  test('a larger sid: the hello alone, then the end', async () => {
    const remote = await door();
    const ports = [await freePort(), remote.port];
    const { mesh, port } = await meshOf(1, ports);
    mesh.send(asSid(2n), Buffer.from('vote'));
    expect(await (await remote.next()).readAll()).toEqual(hello(1, `127.0.0.1:${port}`));
  });

  test('keeps the newest message only, and delivers it once there is a connection', async () => {
    const remote = await door();
    const { mesh, port } = await meshOf(1, [await freePort(), remote.port]);
    mesh.send(asSid(2n), Buffer.from('old'));
    mesh.send(asSid(2n), Buffer.from('new'));
    await (await remote.next()).readAll();
    const back = await dialTo(port);
    back.write(hello(2, `127.0.0.1:${remote.port}`));
    expect((await back.readFrame()).toString()).toBe('new');
  });

  test('nobody there: told at once, tried again later, and nobody else waits for it (ZOOKEEPER-3756)', async () => {
    const alive = await door();
    const ports = [alive.port, await freePort(), await freePort()];
    const { mesh, inputs, lines } = await meshOf(3, ports);
    mesh.send(asSid(2n), Buffer.from('lost'));
    mesh.send(asSid(1n), Buffer.from('vote'));
    expect((await inputs.next(is('electorLost'))).sid).toBe(2n);
    await readHello(await alive.next());
    expect(lines.filter(({ level }) => Number(level) > 20)).toEqual([]);
    const soFar = inputs.waiting.length;
    mesh.send(asSid(2n), Buffer.from('again'));
    expect(inputs.waiting.slice(soFar)).toEqual([{ kind: 'electorLost', sid: 2n }]); // it was not there a moment ago
    await inputs.next(is('electorLost'));
    expect((await inputs.next(is('electorLost'))).sid).toBe(2n);
  });

  test('one that came back by itself is dialed as if it had never been away', async () => {
    const { mesh, inputs, lines, port } = await meshOf(1, [await freePort(), await freePort()]);
    mesh.send(asSid(2n), Buffer.from('lost'));
    await inputs.next(is('electorLost'));
    const back = await dialTo(port);
    back.write(hello(2, '127.0.0.1:22222'));
    await inputs.next(is('electorConnected'));
    back.socket.destroy();
    await inputs.next(is('electorLost'));
    mesh.send(asSid(2n), Buffer.from('lost again'));
    await inputs.next(is('electorLost'));
    expect(lines.map(({ backoffMs }) => backoffMs)).toEqual([100, 100]);
  });

  test('an address that changed is found by the next dial', async () => {
    const before = await freePort();
    const after = await door();
    const own = await freePort();
    const { mesh, inputs } = await meshOf(2, [before, own]);
    mesh.send(asSid(1n), Buffer.from('vote'));
    await inputs.next(is('electorLost'));
    mesh.setMembers(ensembleOf([after.port, own]), null);
    mesh.send(asSid(1n), Buffer.from('vote'));
    expect((await readHello(await after.next())).sid).toBe(2n);
  });
});

describe('accepting', () => {
  test('a smaller sid is hung up on and dialed back at the address it named, member or not', async () => {
    const { mesh, inputs, port } = await meshOf(3, [1, 2, await freePort()]);
    const remote = await door();
    const caller = await dialTo(port);
    mesh.send(asSid(3n), Buffer.from('to myself'));
    caller.write(hello(-7, `127.0.0.1:${remote.port}`));
    expect(await caller.readAll()).toEqual(Buffer.alloc(0));
    const back = await remote.next();
    expect((await readHello(back)).sid).toBe(3n);
    expect((await inputs.next(is('electorConnected'))).sid).toBe(-7n);
    back.write(message('hi'));
    expect(await inputs.next(is('notification'))).toMatchObject({ from: -7n, message: Buffer.from('hi') });
  });

  test('a larger sid is kept, hello and votes in one segment; a newer connection replaces the older', async () => {
    const { inputs, port } = await meshOf(1, [await freePort(), 1]);
    const first = await dialTo(port);
    first.write(Buffer.concat([hello(2, '127.0.0.1:22222'), message('a'), message('b')]));
    expect((await inputs.next(is('notification'))).message.toString()).toBe('a');
    expect((await inputs.next(is('notification'))).message.toString()).toBe('b');
    const second = await dialTo(port);
    second.write(hello(2, '127.0.0.1:22222'));
    await inputs.next(is('electorConnected'));
    expect(await first.readAll()).toEqual(Buffer.alloc(0));
    second.write(message('c'));
    expect((await inputs.next(is('notification'))).message.toString()).toBe('c');
    expect(inputs.waiting.filter(is('electorLost'))).toEqual([]);
  });

  test('the bytes of a captured conversation, one at a time', async () => {
    const { inputs, port } = await meshOf(1, [await freePort(), 1]);
    const wire = await dialTo(port);
    wire.socket.setNoDelay(true);
    const captured = Buffer.from('ffffffffffff000000000000000000020000000f3132372e302e302e313a3232323232', 'hex');
    const vote = Buffer.from('00000000000000000000000200000000000000000000000000000001000000000000000000000002', 'hex');
    for (const byte of Buffer.concat([captured, Buffer.from([0, 0, 0, vote.length]), vote])) wire.write(Buffer.of(byte));
    expect(await inputs.next(is('notification'))).toMatchObject({ from: 2n, message: vote });
  });

  test.each([['a member', 2n, true], ['nobody we know', 9n, false]])('the form before 3.5, a bare sid, of %s', async (_who, from, accepted) => {
    const { inputs, lines, port } = await meshOf(1, [await freePort(), 1]);
    const wire = await dialTo(port);
    const sid = Buffer.alloc(8);
    sid.writeBigInt64BE(from);
    wire.write(Buffer.concat([sid, message('x')]));
    if (accepted) expect(await inputs.next(is('notification'))).toMatchObject({ from });
    else expect(await wire.readAll()).toEqual(Buffer.alloc(0));
    expect(lines).toHaveLength(accepted ? 0 : 1);
  });

  test('our own sid is another server with our id', async () => {
    const { lines, port } = await meshOf(1, [await freePort(), 1]);
    expect(await (await dialTo(port)).write(hello(1, '127.0.0.1:1')).readAll()).toEqual(Buffer.alloc(0));
    expect(lines).toMatchObject([{ msg: 'another server has our id, connection closed' }]);
  });

  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'an HTTP request'],
    ['TLS', Buffer.from('160301020001', 'hex'), 'a TLS handshake'],
    ['a version nobody knows', Buffer.from('ffffffffffff00070000000000000002', 'hex'), '-65529'],
    ['an address of 2 GB', Buffer.from('ffffffffffff000000000000000000027fffffff', 'hex'), '2147483647'],
  ])('%s is closed and named in one line', async (_name, bytes, received) => {
    const { lines, port } = await meshOf(1, [await freePort(), 1]);
    const wire = await dialTo(port);
    wire.write(Buffer.concat([bytes, Buffer.alloc(16)]));
    expect(await wire.readAll()).toEqual(Buffer.alloc(0));
    expect(lines).toHaveLength(1);
    expect((lines[0] as { received: string }).received).toContain(received);
  });

  test('a message longer than 512 KiB ends the connection', async () => {
    const { inputs, lines, port } = await meshOf(1, [await freePort(), 1]);
    const wire = await dialTo(port);
    wire.write(Buffer.concat([hello(2, '127.0.0.1:1'), Buffer.from('00080001', 'hex')]));
    expect(await wire.readAll()).toEqual(Buffer.alloc(0));
    expect((await inputs.next(is('electorLost'))).sid).toBe(2n);
    expect(lines).toMatchObject([{ msg: 'not an election message, connection closed' }]);
  });

  test('somebody silent is sent away, and keeps nobody waiting (ZOOKEEPER-2836)', async () => {
    const { inputs, port } = await meshOf(1, [await freePort(), 1], 50);
    const silent = await dialTo(port);
    const talker = await dialTo(port);
    talker.write(Buffer.concat([hello(2, '127.0.0.1:1'), message('v')]));
    await inputs.next(is('notification'));
    expect(await silent.readAll()).toEqual(Buffer.alloc(0));
  });
});
