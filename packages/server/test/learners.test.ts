import type { Input, Link } from '@zk/peer';
import { asSid, parseServerLine } from '@zk/protocol';
import { afterEach, expect, test } from 'vitest';
import { LearnerLinks } from '../src/net/learners.ts';
import { Turn } from '../src/net/turn.ts';
import { dialTo, Door, freePort, Queue, recordingLog, type Wire } from './support/sockets.ts';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;
const is = <K extends Input['kind']>(kind: K) => (input: Input): input is Of<K> => input.kind === kind;

const open: LearnerLinks[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((links) => links.close()));
});

async function learnerLinks(port?: number) {
  const inputs = new Queue<Input>();
  const unusable = new Queue<string>();
  const { log, lines } = recordingLog();
  const own = port ?? (await freePort());
  const links = new LearnerLinks({
    listenOn: [{ host: '127.0.0.1', port: own }], noDelay: true, turn: new Turn(), log,
    feed: (input) => inputs.push(input.kind === 'linkData' ? { ...input, chunk: Buffer.from(input.chunk) } : input),
    unusable: unusable.push,
  });
  open.push(links);
  return { links, inputs, lines, unusable, port: own, spec: parseServerLine(asSid(2n), `127.0.0.1:${own}:1`) };
}

/** Opening a port takes a moment and is not announced: dials until somebody answers. */
async function dialWhenOpen(port: number): Promise<Wire> {
  for (;;) {
    const wire = await dialTo(port).catch(() => null);
    if (wire !== null) return wire;
  }
}

async function untilShut(port: number): Promise<void> {
  for (;;) {
    const wire = await dialTo(port).catch(() => null);
    if (wire === null) return;
    wire.socket.destroy();
  }
}

test('bytes go both ways between a learner and its leader', async () => {
  const leader = await learnerLinks();
  const learner = await learnerLinks();
  leader.links.listen();
  (await dialWhenOpen(leader.port)).socket.destroy();
  await leader.inputs.next(is('linkClosed'));
  learner.links.dial(asSid(2n), leader.spec, 5000);
  const up = await learner.inputs.next(is('leaderLinked'));
  expect(up.sid).toBe(2n);
  const down = await leader.inputs.next(is('learnerLinked'));
  up.link.send(Buffer.from('FOLLOWER'));
  up.link.send(Buffer.from('INFO'));
  expect((await leader.inputs.next(is('linkData'))).chunk.toString()).toBe('FOLLOWERINFO');
  down.link.send(Buffer.from('LEADERINFO'));
  expect((await learner.inputs.next(is('linkData'))).chunk.toString()).toBe('LEADERINFO');
  up.link.close('enough');
  expect((await leader.inputs.next(is('linkClosed'))).link).toBe(down.link);
  expect(learner.inputs.waiting).toEqual([]);
});

test('the port is open while this server leads, and only then', async () => {
  const { links, inputs, port } = await learnerLinks();
  links.listen();
  (await dialWhenOpen(port)).socket.destroy();
  links.unlisten();
  await untilShut(port);
  links.listen();
  const { socket } = await dialWhenOpen(port);
  await inputs.next((input): input is Of<'learnerLinked'> => input.kind === 'learnerLinked' && input.link.remote === `127.0.0.1:${socket.localPort}`);
});

test('a port that is taken is told', async () => {
  const taken = await Door.open();
  const { links, unusable } = await learnerLinks(taken.port);
  links.listen();
  expect(await unusable.next((reason): reason is string => true)).toBe(`quorum port ${taken.port} on 127.0.0.1 is in use by another process`);
  taken.close();
});

test('nobody there is told, with a reason', async () => {
  const { links, inputs } = await learnerLinks();
  links.dial(asSid(2n), parseServerLine(asSid(2n), `127.0.0.1:${await freePort()}:1`), 5000);
  expect(await inputs.next(is('leaderUnreachable'))).toMatchObject({ sid: 2n, reason: 'nobody listens there' });
});

test('a slow reader: what it has not taken is counted, and draining is told', async () => {
  const { links, inputs, port } = await learnerLinks();
  links.listen();
  const wire = await dialWhenOpen(port);
  wire.socket.pause();
  const { link }: { link: Link } = await inputs.next(is('learnerLinked'));
  const image = Buffer.alloc(16 * 1024 * 1024);
  link.send(image);
  expect(link.bufferedBytes).toBe(image.length);
  wire.socket.resume();
  await inputs.next(is('linkDrained'));
  expect(link.bufferedBytes).toBe(0);
});

test.each([
  ['GET / HTTP/1.1\r\n\r\n', 'an HTTP request (47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a …)'],
  ['\x16\x03\x01\x00', 'a TLS handshake (16 03 01 00)'],
])('%j is closed and named in one line', async (knock, received) => {
  const { links, inputs, lines, port } = await learnerLinks();
  links.listen();
  const wire = await dialWhenOpen(port);
  expect(await wire.write(Buffer.from(knock, 'latin1')).readAll()).toEqual(Buffer.alloc(0));
  await inputs.next(is('linkClosed'));
  expect(lines).toMatchObject([{ received, msg: 'not a learner, connection closed' }]);
});
