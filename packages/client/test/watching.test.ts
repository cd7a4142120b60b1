import { afterEach, beforeEach, expect, test } from 'vitest';
import { AddWatchRequest, ErrorCode, OpCode, RemoveWatchesRequest } from '@zk/protocol';
import { ZooKeeper, type WatchEvent } from '@zk/client';
import { FakeServer, eventFrame, replyFrame, type FakeConnection } from './fake-server.ts';

let server: FakeServer;
let zk: ZooKeeper;
let connection: FakeConnection;

beforeEach(async () => {
  server = await FakeServer.listen();
  zk = new ZooKeeper(server.address, { sessionTimeoutMs: 10_000 });
  connection = await server.welcome();
  await zk.connected();
});
afterEach(async () => {
  await server.close();
  await zk.close();
});

/** Answers the request that must come next. */
async function answer(type: number, err = 0): Promise<void> {
  const request = await connection.request();
  expect(request.type).toBe(type);
  connection.reply(request, { err });
}

test('a loop over a watch gets the events in order, and removes the watch when it is left', async () => {
  const seen: WatchEvent[] = [];
  const loop = (async () => {
    for await (const event of zk.watch('/a', { recursive: true })) {
      seen.push(event);
      if (seen.length === 3) break;
    }
  })();
  const request = await connection.request();
  expect(AddWatchRequest.read(request.body)).toEqual({ path: '/a', mode: 1 });
  connection.write([replyFrame(request), eventFrame(1, '/a/b', 5n), eventFrame(3, '/a/b', 6n), eventFrame(2, '/a/b', 7n)]);
  const removal = await connection.request();
  expect(RemoveWatchesRequest.read(removal.body)).toEqual({ path: '/a', type: 5 });
  connection.reply(removal);
  await loop;
  expect(seen.map(({ type, path, zxid }) => `${type} ${path} ${zxid}`)).toEqual([
    'NodeCreated /a/b 5', 'NodeDataChanged /a/b 6', 'NodeDeleted /a/b 7',
  ]);
});

test('of two loops over one znode the first to end leaves the watch to the other', async () => {
  const stops = [new AbortController(), new AbortController()];
  const counts = [0, 0];
  const loops = stops.map(async ({ signal }, index) => {
    for await (const _ of zk.watch('/a', { signal })) counts[index] = (counts[index] as number) + 1;
  });
  await answer(OpCode.addWatch);
  await answer(OpCode.addWatch);
  const both = new Promise((resolve) => zk.once('watch', resolve));
  connection.write([eventFrame(3, '/a')]);
  await both;
  stops[0]?.abort();
  await loops[0];
  const one = new Promise((resolve) => zk.once('watch', resolve));
  connection.write([eventFrame(3, '/a')]);
  await one;
  stops[1]?.abort();
  await answer(OpCode.removeWatches); // the only one that was sent
  await loops[1];
  expect(counts).toEqual([1, 2]);
});

test('a loop ends with its signal while there is no connection, and with its client', async () => {
  connection.end();
  await new Promise((resolve) => zk.once('state', resolve));
  const stop = new AbortController();
  const aborted = (async () => {
    for await (const _ of zk.watch('/a', { signal: stop.signal })) throw new Error('there was no event');
  })();
  stop.abort();
  await aborted;
  connection = await server.welcome();
  await answer(OpCode.addWatch); // of the loop that has ended
  await answer(OpCode.removeWatches);
  const closed = (async () => {
    for await (const _ of zk.watch('/b')) throw new Error('there was no event');
  })();
  await answer(OpCode.addWatch);
  const closing = zk.close();
  await answer(OpCode.closeSession);
  await Promise.all([closing, closed]);
  expect(zk.listenerCount('state')).toBe(0);
});

test('a watch that cannot be set is the error of its loop', async () => {
  const loop = (async () => {
    for await (const _ of zk.watch('/a')) throw new Error('there was no event');
  })();
  const failure = expect(loop).rejects.toMatchObject({ code: 'NOAUTH', path: '/a' });
  await answer(OpCode.addWatch, ErrorCode.NOAUTH);
  await failure;
});

test('removing a watch that is not there is NOWATCHER; one of several listeners goes without the server', async () => {
  const missing = expect(zk.removeWatches('/a', 'data')).rejects.toMatchObject({ code: 'NOWATCHER' });
  await answer(OpCode.removeWatches, ErrorCode.NOWATCHER);
  await missing;
  const [first, second] = [() => undefined, () => undefined];
  const added = [zk.addWatch('/a', 'persistent', first), zk.addWatch('/a', 'persistent', second)];
  await answer(OpCode.addWatch);
  await answer(OpCode.addWatch);
  await Promise.all(added);
  expect(await zk.removeWatches('/a', 'persistent', { listener: first })).toEqual(['persistent']);
  await expect(zk.removeWatches('/a', 'persistent', { listener: first })).rejects.toMatchObject({ code: 'NOWATCHER' });
  const last = zk.removeWatches('/a', 'any');
  await answer(OpCode.removeWatches);
  expect(await last).toEqual(['persistent']);
});
