import { AuthPacket, CreateRequest, ErrorCode, OPEN_ACL, OpCode } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { ExpiryQueue, type Expiring } from '../src/expiry-queue.ts';
import { Distribution } from '../src/distribution.ts';
import type { PeerSettings } from '../src/config.ts';
import { Server, type Client } from './pipeline-harness.ts';

describe('limits', () => {
  test('ConnectRequests beyond the bucket’s tokens are closed without answer, until it fills (client.md 7.4)', () => {
    const server = new Server('standalone', { connectionThrottleTokens: 1, connectionThrottleFillTime: 100 });
    expect(server.open().connect()?.timeOut).toBe(10_000);
    const refused = server.open();
    expect(refused.connect()).toBeNull();
    expect(refused.link.closed).not.toBeNull();
    server.pass(100);
    expect(server.open().connect()?.timeOut).toBe(10_000);
  });

  test('large requests may take so much together and no more (client.md 7.5)', () => {
    const server = new Server('standalone', { largeRequestThreshold: 100, largeRequestMaxBytes: 1000 });
    const client = server.connect();
    const large = (path: string): CreateRequest => ({ path, data: Buffer.alloc(600), acl: [...OPEN_ACL], flags: 0 });
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, large('/a'));
    client.send(OpCode.create, CreateRequest, large('/b'));
    expect(client.link.closed).not.toBeNull();
    server.authority.commit();
    const other = server.open();
    other.sendConnect({});
    server.authority.commit();
    other.takeConnect();
    other.send(OpCode.create, CreateRequest, large('/b'));
    expect(other.link.closed).toBeNull();
  });
});

describe('the request throttler (client.md 7.3)', () => {
  const settings = { requestThrottleMaxRequests: 1, requestThrottleStallTime: 100 };
  const create = (path: string): CreateRequest => ({ path, data: null, acl: [...OPEN_ACL], flags: 0 });
  /** A client whose first write is in the pipeline, so that everything else waits in front of it. */
  function busy(more: Partial<PeerSettings> = {}): { server: Server; client: Client; other: Client } {
    const server = new Server('standalone', { ...settings, ...more });
    const [client, other] = [server.connect(), server.connect()];
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/first'));
    return { server, client, other };
  }

  test('what does not fit waits, in one line over all connections, and is done when there is room', () => {
    const { server, client, other } = busy();
    other.send(OpCode.create, CreateRequest, create('/second'));
    client.send(OpCode.create, CreateRequest, create('/third'));
    expect(server.authority.proposed).toHaveLength(1);
    expect(server.pipeline.metrics.counters.request_throttle_wait_count).toBe(2);
    server.authority.commit();
    expect(server.tree.node('/first')).toBeDefined();
    server.authority.commit();
    server.authority.commit();
    expect([...server.tree.children('/')].sort()).toEqual(['first', 'second', 'third', 'zookeeper']);
    expect(server.tree.node('/second')!.czxid).toBeLessThan(server.tree.node('/third')!.czxid);
  });

  test('what waited longer than throttled_op_wait_time is answered THROTTLEDOP, not done, in its turn; pings never are', () => {
    const { server, client } = busy({ throttledOpWaitTime: 50 });
    const before = client.link.frames.length;
    client.send(OpCode.create, CreateRequest, create('/late'));
    client.send(OpCode.ping, undefined, undefined, -2);
    server.pass(60);
    server.authority.commit();
    const replies = client.link.frames.slice(before).map((frame) => [frame.readInt32BE(4), frame.readInt32BE(16)]);
    expect(replies.map(([, err]) => err)).toEqual([0, ErrorCode.THROTTLEDOP, 0]);
    expect(replies[2]?.[0]).toBe(-2);
    expect(server.tree.node('/late')).toBeUndefined();
    expect(server.pipeline.metrics.counters.throttled_ops).toBe(1);
  });

  test('what a client that is gone asked for is dropped', () => {
    const { server, other } = busy();
    other.send(OpCode.create, CreateRequest, create('/orphan'));
    server.pipeline.closed(other.link);
    server.authority.commit();
    server.authority.commit();
    expect(server.tree.node('/orphan')).toBeUndefined();
    expect(server.pipeline.metrics.counters.stale_requests_dropped).toBe(1);
  });

  test('credentials do not wait', () => {
    const { client } = busy();
    const before = client.link.frames.length;
    client.send(OpCode.auth, AuthPacket, { type: 0, scheme: 'digest', auth: Buffer.from('bob:pw') });
    expect(client.link.frames).toHaveLength(before + 1);
  });
});

test('what is not touched expires in the bucket after its timeout, what is touched does not', () => {
  const queue = new ExpiryQueue<Expiring>(1000);
  const [kept, lost] = [{ deadline: -1 }, { deadline: -1 }];
  queue.touch(kept, 2500, 0);
  queue.touch(lost, 2500, 0);
  queue.touch(kept, 2500, 2000);
  expect(queue.poll(2999)).toEqual([]);
  expect(queue.poll(queue.nextDeadline)).toEqual([lost]);
  expect(queue.nextDeadline).toBe(5000);
  queue.remove(kept);
  expect(queue.poll(9000)).toEqual([]);
  expect(queue.nextDeadline).toBe(Infinity);
});

test('many that are due together come out some at a time, and a touch in between saves those that are left', () => {
  const queue = new ExpiryQueue<Expiring>(1000);
  const items = Array.from({ length: 5 }, () => ({ deadline: -1 }));
  for (const item of items) queue.touch(item, 500, 0);
  expect(queue.poll(1000, 2)).toEqual(items.slice(0, 2));
  expect(queue.nextDeadline).toBe(1000);
  queue.touch(items[2]!, 500, 1000);
  expect(queue.poll(1000, 2)).toEqual(items.slice(3));
  expect(queue.poll(1000, 2)).toEqual([]);
  expect(queue.nextDeadline).toBe(2000);
  expect(queue.poll(2000, 2)).toEqual([items[2]]);
});

test('percentiles are those of the last values', () => {
  const distribution = new Distribution();
  expect(distribution.percentile(0.5)).toBe(0);
  for (let value = 1; value <= 100; value += 1) distribution.add(value);
  expect([distribution.percentile(0.5), distribution.percentile(0.99), distribution.average]).toEqual([51, 100, 50.5]);
});
