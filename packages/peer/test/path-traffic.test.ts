import fc from 'fast-check';
import { CreateRequest, ExistsRequest, GetChildrenRequest, GetDataRequest, OPEN_ACL, OpCode, SetDataRequest } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { Sampler } from '../src/sampler.ts';
import { TopCounts } from '../src/top-counts.ts';
import { Server } from './pipeline-harness.ts';

const create = (path: string, bytes = 0): CreateRequest => ({ path, data: Buffer.alloc(bytes), acl: [...OPEN_ACL], flags: 0 });
const STAT = 68;

describe('traffic by path', () => {
  function busyServer(): Server {
    const server = new Server();
    const client = server.connect();
    client.send(OpCode.create, CreateRequest, create('/app', 10));
    client.send(OpCode.create, CreateRequest, create('/app/config'));
    client.send(OpCode.create, CreateRequest, create('/app/config/db', 5));
    client.send(OpCode.setData, SetDataRequest, { path: '/app/config/db', data: Buffer.alloc(7), version: -1 });
    client.send(OpCode.getData, GetDataRequest, { path: '/app/config/db', watch: false });
    client.send(OpCode.exists, ExistsRequest, { path: '/app', watch: false });
    client.send(OpCode.getChildren, GetChildrenRequest, { path: '/app', watch: false });
    client.send(OpCode.getChildren2, GetChildrenRequest, { path: '/app', watch: false });
    client.send(OpCode.getData, GetDataRequest, { path: '/nope', watch: false });
    client.send(OpCode.getData, GetDataRequest, { path: '/', watch: false });
    return server;
  }

  test('bytes of reads and writes by top component, counted as DataTree.updateReadStat and updateWriteStat do', () => {
    const { reads, writes } = busyServer().pipeline.metrics.paths;
    const sizes = [14 + 7 + STAT, 4 + STAT, 4 + 'config'.length + STAT, 4 + 'config'.length + STAT];
    expect([...reads.namespaces.keys()]).toEqual(['app']);
    expect(reads.namespaces.get('app')).toMatchObject({ count: 4, sum: sizes.reduce((a, b) => a + b), min: 4 + STAT, max: 14 + 7 + STAT });
    expect([...writes.namespaces.keys()]).toEqual(['app']);
    expect(writes.namespaces.get('app')).toMatchObject({ count: 4, sum: 4 + 10 + 11 + (14 + 5) + (14 + 7) });
  });

  test('requests by subtree, the busiest first; all of it begins again with srst', () => {
    const { metrics } = busyServer().pipeline;
    expect(metrics.paths.reads.subtrees.top(5)).toEqual([{ key: '/app', count: 3 }, { key: '/app/config', count: 1 }]);
    expect(metrics.paths.writes.subtrees.top(1)).toEqual([{ key: '/app/config', count: 3 }]);
    metrics.reset();
    expect([metrics.paths.reads.namespaces.size, metrics.paths.writes.subtrees.top(1)]).toEqual([0, []]);
  });

  test('a session’s reads and writes are told apart, pings are neither', () => {
    const server = busyServer();
    server.pipeline.status().connections.forEach(({ reads, writes }) => expect({ reads, writes }).toEqual({ reads: 6, writes: 4 }));
  });
});

describe('a sampler', () => {
  /** So many events a second for so many seconds. @returns the weights */
  function weights(perSecond: number, seconds: number): number[] {
    let now = 0;
    const sampler = new Sampler({ now: () => now, wallTime: () => 0 });
    return Array.from({ length: perSecond * seconds }, (_, i) => {
      now = (i * 1000) / perSecond;
      return sampler.weigh();
    });
  }

  test('looks at every event while they are rare', () => {
    expect(weights(100, 5).every((weight) => weight === 1)).toBe(true);
  });

  test('looks at some of many, whose weights stand for all', () => {
    const all = weights(100_000, 5);
    const looks = all.slice(200_000).filter((weight) => weight > 0);
    expect(looks.length).toBeLessThan(10_000);
    expect(looks.length).toBeGreaterThan(3_000);
    const sum = all.reduce((total, weight) => total + weight);
    expect(all.length - sum).toBeLessThan(100); // the last ones are not accounted for yet
    expect(sum).toBeLessThanOrEqual(all.length);
  });

  test('does not fall into step with a pattern of events', () => {
    const all = weights(100_000, 10).slice(200_000);
    const even = all.filter((_, i) => i % 2 === 0).reduce((total, weight) => total + weight);
    expect(even / all.length).toBeGreaterThan(0.45);
    expect(even / all.length).toBeLessThan(0.55);
  });
});

test('the top of more keys than are counted: the frequent ones are there, and not undercounted', () => {
  const counts = new TopCounts();
  for (let i = 0; i < 50_000; i++) {
    counts.add(`/rare/${i}`, 1);
    if (i % 10 === 0) counts.add('/often', 1);
    if (i % 20 === 0) counts.add('/sometimes', 2);
  }
  const top = counts.top(2);
  expect(top.map(({ key }) => key).sort()).toEqual(['/often', '/sometimes']);
  for (const { count } of top) {
    expect(count).toBeGreaterThanOrEqual(5_000);
    expect(count).toBeLessThanOrEqual(5_000 + 60_000 / 256);
  }
});

test('when all places are taken, a new key drives out the rarest and inherits its count', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 3 })), { minLength: 300, maxLength: 900 }), (added) => {
      const counts = new TopCounts();
      const model: { key: string; count: number }[] = [];
      for (const [n, times] of added) {
        const key = `/${n}`;
        counts.add(key, times);
        const known = model.find((each) => each.key === key);
        const rarest = model.reduce((least, each) => (each.count < least.count ? each : least), model[0]!);
        if (known) known.count += times;
        else if (model.length < 256) model.push({ key, count: times });
        else Object.assign(rarest, { key, count: rarest.count + times });
      }
      expect(counts.top(256)).toEqual([...model].sort((a, b) => b.count - a.count));
      counts.clear();
      expect(counts.top(256)).toEqual([]);
    }),
    { numRuns: 20 },
  );
});
