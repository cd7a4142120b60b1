import type { ClientLink, Input } from '@zk/peer';
import { afterEach, describe, expect, test } from 'vitest';
import { ClientListener, type ClientListenerOptions } from '../src/net/clients.ts';
import { Turn } from '../src/net/turn.ts';
import { dialTo, Queue, recordingLog } from './support/sockets.ts';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;
const is = <K extends Input['kind']>(kind: K) => (input: Input): input is Of<K> => input.kind === kind;

let listener: ClientListener;
afterEach(() => listener.close());

async function listening(options: Partial<ClientListenerOptions> = {}) {
  const inputs = new Queue<Input>();
  const { log, lines } = recordingLog();
  const rejected = { count: 0 };
  listener = new ClientListener({
    host: '127.0.0.1', port: 0, backlog: -1, maxClientCnxns: 60, maxCnxns: 0, maxFrameBytes: 1000, keepAlive: false, turn: new Turn(), log,
    // Frames are valid during the step only: whoever keeps one copies it.
    together: (feedAll) => feedAll(),
    feed: (input) => inputs.push(input.kind === 'frame' ? { ...input, frame: Buffer.from(input.frame) } : input),
    answerCommand: (word, argument) => `${word}:${argument.toString('hex')}`,
    rejected: () => rejected.count++,
    ...options,
  });
  await listener.listen();
  return { inputs, lines, rejected, connect: () => dialTo(listener.port) };
}

function frame(...bytes: number[]): Buffer {
  const framed = Buffer.alloc(4 + bytes.length);
  framed.writeInt32BE(bytes.length);
  framed.set(bytes, 4);
  return framed;
}

describe('frames', () => {
  test('reach the peer whole, however they were cut', async () => {
    const { inputs, connect } = await listening();
    const wire = await connect();
    wire.socket.setNoDelay(true);
    for (const byte of Buffer.concat([frame(1, 2, 3), frame(4)])) wire.write(Buffer.of(byte));
    const opened = await inputs.next(is('clientOpened'));
    expect(opened.link).toMatchObject({ remoteAddress: '127.0.0.1', remotePort: wire.socket.localPort });
    expect((await inputs.next(is('frame'))).frame).toEqual(Buffer.of(1, 2, 3));
    expect((await inputs.next(is('frame'))).frame).toEqual(Buffer.of(4));
  });

  test('of one chunk wait while the peer has paused the connection, and come in order afterwards', async () => {
    const inputs = new Queue<Input>();
    const { connect } = await listening({
      feed: (input) => {
        if (input.kind === 'frame') {
          inputs.push({ ...input, frame: Buffer.from(input.frame) });
          input.link.pause();
        }
      },
    });
    const wire = await connect();
    wire.write(Buffer.concat([frame(1), frame(2), frame(3)]));
    for (const expected of [1, 2, 3]) {
      const { link, frame: received } = await inputs.next(is('frame'));
      expect([...received]).toEqual([expected]);
      expect(inputs.waiting).toEqual([]);
      link.resume();
    }
  });

  test('sent in one turn arrive together, in order, before the close', async () => {
    const { inputs, connect } = await listening();
    const wire = await connect();
    const { link } = await inputs.next(is('clientOpened'));
    link.send(frame(1));
    link.send(frame(2));
    link.close('done');
    link.send(frame(3));
    expect(await wire.readAll()).toEqual(Buffer.concat([frame(1), frame(2)]));
  });

  test('a client that leaves is reported once, one that we close is not', async () => {
    const { inputs, connect } = await listening();
    const [leaver, closed] = [await connect(), await connect()];
    const links: ClientLink[] = [];
    for (const _ of [1, 2]) links.push((await inputs.next(is('clientOpened'))).link);
    links.find(({ remotePort }) => remotePort === closed.socket.localPort)?.close('enough');
    await closed.readAll();
    const port = leaver.socket.localPort;
    leaver.socket.destroy();
    expect((await inputs.next(is('clientClosed'))).link.remotePort).toBe(port);
    expect(inputs.waiting).toEqual([]);
  });
});

describe('four-letter words', () => {
  test.each(['ruok', 'ruok\n', 'ruok\r\n'])('%j is answered, then the connection ends', async (text) => {
    const { inputs, connect } = await listening();
    const wire = await connect();
    expect((await wire.write(text).readAll()).toString()).toMatch(/^ruok:/);
    await inputs.next(is('clientClosed'));
  });

  test('a peer that has closed its side already is answered all the same', async () => {
    const { connect } = await listening();
    const wire = await connect();
    wire.socket.end('srvr');
    expect((await wire.readAll()).toString()).toBe('srvr:');
  });

  test('byte by byte', async () => {
    const { connect } = await listening();
    const wire = await connect();
    wire.socket.setNoDelay(true);
    for (const letter of 'mntr') wire.write(letter);
    expect((await wire.readAll()).toString()).toBe('mntr:');
  });

  test('stmk waits for its mask', async () => {
    const { connect } = await listening();
    const wire = await connect();
    wire.write('stmk').write(Buffer.from('0000000000000132', 'hex'));
    expect((await wire.readAll()).toString()).toBe('stmk:0000000000000132');
  });

  test('only on a new connection', async () => {
    const { inputs, connect } = await listening({ maxFrameBytes: 0x7fffffff });
    const wire = await connect();
    wire.write(frame(9)).write('ruok');
    expect((await inputs.next(is('frame'))).frame).toEqual(Buffer.of(9));
    wire.socket.destroy();
    await inputs.next(is('clientClosed'));
  });
});

describe('who is no client', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'an HTTP request (47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a …)'],
    ['TLS', '\x16\x03\x01\x00\xc8\x01', 'a TLS handshake (16 03 01 00 c8 01)'],
    ['an election hello', '\xff\xff\xff\xff\xff\xff\x00\x00', 'an election hello (ff ff ff ff ff ff 00 00)'],
    ['a length of 2 GB', '\x7f\xff\xff\xff', 'a length of 2147483647 bytes, the limit is jute.maxbuffer=1000 (7f ff ff ff)'],
    ['an unknown word', 'icfg', 'a length of 1768121959 bytes, the limit is jute.maxbuffer=1000 (69 63 66 67)'],
  ])('%s is closed with nothing sent and named in one line', async (_name, text, received) => {
    const { inputs, lines, connect } = await listening();
    const wire = await connect();
    wire.write(Buffer.from(text, 'latin1'));
    expect(await wire.readAll()).toEqual(Buffer.alloc(0));
    await inputs.next(is('clientClosed'));
    expect(lines).toMatchObject([{ received, peer: `127.0.0.1:${wire.socket.localPort}`, msg: 'not a ZooKeeper client, connection closed' }]);
  });

  test('a frame too long after good ones ends the connection, nobody else’s', async () => {
    const { inputs, lines, connect } = await listening();
    const [bad, good] = [await connect(), await connect()];
    bad.write(frame(1)).write(Buffer.from('7fffffff', 'hex'));
    expect(await bad.readAll()).toEqual(Buffer.alloc(0));
    expect((lines[0] as { received: string }).received).toContain('2147483647');
    good.write(frame(7));
    expect((await inputs.next((input): input is Of<'frame'> => input.kind === 'frame' && input.frame[0] === 7)).frame).toEqual(Buffer.of(7));
  });

  test('a noisy address gets five lines a minute', async () => {
    const { lines, connect } = await listening();
    for (let i = 0; i < 9; i++) await (await connect()).write('HEAD / HTTP/1.0\r\n\r\n').readAll();
    expect(lines).toHaveLength(5);
    expect(lines[4]).toMatchObject({ more: 'not logged for a minute' });
  });
});

describe('limits', () => {
  test('maxClientCnxns: one too many is closed at once; a place freed is a place', async () => {
    const { inputs, lines, rejected, connect } = await listening({ maxClientCnxns: 2 });
    const first = await connect();
    await connect();
    expect(await (await connect()).readAll()).toEqual(Buffer.alloc(0));
    expect(rejected.count).toBe(1);
    expect(lines).toMatchObject([{ limit: 'maxClientCnxns=2' }]);
    first.socket.destroy();
    await inputs.next(is('clientClosed'));
    const next = await connect();
    next.write(frame(5));
    expect((await inputs.next(is('frame'))).frame).toEqual(Buffer.of(5));
  });

  test('maxCnxns counts everybody', async () => {
    const { lines, connect } = await listening({ maxClientCnxns: 0, maxCnxns: 1 });
    await connect();
    expect(await (await connect()).readAll()).toEqual(Buffer.alloc(0));
    expect(lines).toMatchObject([{ limit: 'maxCnxns=1' }]);
  });

  test('a client that does not read is not read from either', async () => {
    const { inputs, connect } = await listening();
    const wire = await connect();
    const { link } = await inputs.next(is('clientOpened'));
    wire.socket.pause();
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 16; i++) link.send(block);
    wire.write(frame(1));
    const other = await connect();
    other.write(frame(2));
    expect((await inputs.next(is('frame'))).frame).toEqual(Buffer.of(2));
    wire.socket.resume();
    expect((await wire.read(16 * block.length)).length).toBe(16 * block.length);
    expect((await inputs.next(is('frame'))).frame).toEqual(Buffer.of(1));
  });
});

test('a port in use is named', async () => {
  await listening();
  const { log } = recordingLog();
  const second = new ClientListener({
    host: '127.0.0.1', port: listener.port, backlog: -1, maxClientCnxns: 0, maxCnxns: 0, maxFrameBytes: 1, keepAlive: false, turn: new Turn(), log,
    feed: () => {}, together: (feedAll) => feedAll(), answerCommand: () => '', rejected: () => {},
  });
  await expect(second.listen()).rejects.toThrow(`client port ${listener.port} on 127.0.0.1 is in use by another process`);
});
