import fc from 'fast-check';
import { decode, Reader } from '@zk/jute';
import { ConnectRequest, CreateRequest, DeleteRequest, GetDataRequest, MultiHeader, OpCode, RequestHeader, SetDataRequest } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { connectFrame, createFrame, deleteFrame, getDataFrame, multiSetFrame, setDataFrame, XID_OFFSET } from '../bench/load/frames.ts';
import { Histogram } from '../bench/load/histogram.ts';
import { fillFrames, keyPath, sourcesOf, type Workload } from '../bench/load/workload.ts';

// The load generator makes its frames by hand: here they are read by the declarations of the protocol.

function requestOf(frame: Buffer): { type: number; body: Reader } {
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  const body = new Reader(frame, 4);
  return { type: RequestHeader.read(body).type, body };
}

describe('the frames that the load generator sends', () => {
  const value = Buffer.from('value');

  test('are read as a ConnectRequest', () => {
    expect(decode(ConnectRequest, connectFrame(30_000).subarray(4))).toMatchObject({ protocolVersion: 0, timeOut: 30_000, sessionId: 0n });
  });

  test('are read as the requests they are', () => {
    const get = requestOf(getDataFrame('/a', true));
    expect(get.type).toBe(OpCode.getData);
    expect(GetDataRequest.read(get.body)).toEqual({ path: '/a', watch: true });
    const set = requestOf(setDataFrame('/a', value));
    expect(set.type).toBe(OpCode.setData);
    expect(SetDataRequest.read(set.body)).toEqual({ path: '/a', data: value, version: -1 });
    const create = requestOf(createFrame('/a', value));
    expect(create.type).toBe(OpCode.create);
    expect(CreateRequest.read(create.body)).toEqual({ path: '/a', data: value, acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }], flags: 0 });
    const remove = requestOf(deleteFrame('/a'));
    expect(remove.type).toBe(OpCode.delete);
    expect(DeleteRequest.read(remove.body)).toEqual({ path: '/a', version: -1 });
  });

  test('are read as a multi of sets', () => {
    const { type, body } = requestOf(multiSetFrame(['/a', '/b'], value));
    expect(type).toBe(OpCode.multi);
    for (const path of ['/a', '/b']) {
      expect(MultiHeader.read(body)).toEqual({ type: OpCode.setData, done: false, err: -1 });
      expect(SetDataRequest.read(body)).toEqual({ path, data: value, version: -1 });
    }
    expect(MultiHeader.read(body)).toEqual({ type: -1, done: true, err: -1 });
    expect(body.remaining).toBe(0);
  });

  test('have paths of 40 bytes', () => {
    expect(keyPath(7)).toHaveLength(40);
  });

  test('a large tree is read and written where it has been filled, 20 of 100 requests writing', () => {
    const made = new Set([0, 1].flatMap((thousand) => fillFrames(thousand, 10)).map((frame) => CreateRequest.read(requestOf(frame).body).path));
    expect(made.size).toBe(2002);
    const source = sourcesOf({ kind: 'scattered', valueBytes: 10, writes: 20, thousands: 2 }, 'run')(0);
    const target = Buffer.alloc(source.maxFrameBytes);
    const asked = Array.from({ length: 1000 }, () => {
      const { type, body } = requestOf(target.subarray(0, source.put(target, 0)));
      return { type, path: type === OpCode.setData ? SetDataRequest.read(body).path : GetDataRequest.read(body).path };
    });
    expect(asked.filter(({ type }) => type === OpCode.setData)).toHaveLength(200);
    expect(asked.filter(({ path }) => !made.has(path))).toEqual([]);
    expect(new Set(asked.map(({ path }) => path)).size).toBeGreaterThan(600); // not the same few
  });

  test('a creator never names the same znode twice, and deletes what it created', () => {
    const source = sourcesOf({ kind: 'createDelete', valueBytes: 10 }, 'run')(3);
    const target = Buffer.alloc(source.maxFrameBytes);
    const paths: string[] = [];
    for (let i = 0; i < 40; i++) {
      const { type, body } = requestOf(target.subarray(0, source.put(target, 0)));
      expect(type).toBe(i % 2 === 0 ? OpCode.create : OpCode.delete);
      paths.push(i % 2 === 0 ? CreateRequest.read(body).path : DeleteRequest.read(body).path);
    }
    expect(new Set(paths).size).toBe(20);
    for (let i = 0; i < 40; i += 2) expect(paths[i + 1]).toBe(paths[i]);
  });

  test.each([
    [{ kind: 'mixed', valueBytes: 10, writes: 20 }, OpCode.setData, 200],
    [{ kind: 'multi', valueBytes: 10, multis: 70 }, OpCode.multi, 700],
  ] as const)('%o: the share of writes is what was asked for', (workload: Workload, write: number, expected: number) => {
    const source = sourcesOf(workload, 'run')(0);
    const target = Buffer.alloc(source.maxFrameBytes);
    let writes = 0;
    for (let i = 0; i < 1000; i++) {
      source.put(target, 0);
      if (target.readInt32BE(XID_OFFSET + 4) === write) writes += 1;
    }
    expect(writes).toBe(expected);
  });
});

test('percentiles are right to within 4 %', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 300 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.ceil(values.length * share) - 1]!;
      const estimate = histogram.percentile(share);
      expect(estimate).toBeGreaterThanOrEqual(exact);
      expect(estimate).toBeLessThanOrEqual(exact * 1.04 + 1);
      expect(histogram.max).toBe(sorted.at(-1));
    }),
  );
});
