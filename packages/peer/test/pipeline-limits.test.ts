import { CreateRequest, OPEN_ACL, OpCode } from '@zk/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExpiryQueue, type Expiring } from '../src/expiry-queue.ts';
import { Fifo } from '../src/fifo.ts';
import { Distribution } from '../src/metrics.ts';
import { Server } from './pipeline-harness.ts';

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

test('a Fifo gives back what it was given, in order, however long it lives', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(), { nil: null }), { maxLength: 5000 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const step of steps) {
        if (step === null) expect(fifo.shift()).toBe(model.shift());
        else {
          fifo.push(step);
          model.push(step);
        }
        expect([fifo.length, fifo.first]).toEqual([model.length, model[0]]);
      }
      expect([...fifo]).toEqual(model);
    }),
  );
});

test('percentiles are those of the last values', () => {
  const distribution = new Distribution();
  expect(distribution.percentile(0.5)).toBe(0);
  for (let value = 1; value <= 100; value += 1) distribution.add(value);
  expect([distribution.percentile(0.5), distribution.percentile(0.99), distribution.average]).toEqual([51, 100, 50.5]);
});
