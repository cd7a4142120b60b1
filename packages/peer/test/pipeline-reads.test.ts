import { Reader, Writer, decode } from '@zk/jute';
import {
  CreateRequest,
  DeleteRequest,
  ErrorCode,
  ExistsRequest,
  GetAllChildrenNumberRequest,
  GetDataRequest,
  GetDataResponse,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
  MultiHeader,
  OPEN_ACL,
  OpCode,
} from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { Server, type Client } from './pipeline-harness.ts';

const create = (path: string, flags = 0, data: Buffer | null = Buffer.from(path)): CreateRequest => ({ path, data, acl: [...OPEN_ACL], flags });

function populated(): Client {
  const client = new Server().connect();
  for (const path of ['/a', '/a/b', '/a/b/c']) client.ask(OpCode.create, CreateRequest, create(path));
  client.ask(OpCode.create, CreateRequest, create('/a/e', 1, null));
  return client;
}

describe('reads (client.md 2.10)', () => {
  test('null data and empty data are not the same', () => {
    const client = populated();
    const read = (path: string): GetDataResponse => decode(GetDataResponse, client.ask(OpCode.getData, GetDataRequest, { path, watch: false }).body);
    expect(read('/a/e').data).toBeNull();
    expect(read('/a').data).toEqual(Buffer.from('/a'));
    expect(read('').stat.numChildren).toBe(2); // the root
  });

  test.each([
    ['getData', OpCode.getData, 'a', ErrorCode.NONODE],
    ['getChildren', OpCode.getChildren, '/a/', ErrorCode.NONODE],
    ['exists', OpCode.exists, '/a\0', ErrorCode.BADARGUMENTS],
  ])('%s does not validate paths, but for one thing: %i %j', (_name, op, path, err) => {
    expect(populated().ask(op, ExistsRequest, { path, watch: false }).err).toBe(err);
  });

  test('getAllChildrenNumber counts all descendants', () => {
    const client = populated();
    const count = (path: string): number => client.ask(OpCode.getAllChildrenNumber, GetAllChildrenNumberRequest, { path }).body.readInt32BE(0);
    expect([count('/a'), count('/a/b/c'), count('/'), count('')]).toEqual([3, 0, 7, 8]);
  });

  test.each([[null, 1], [' ', 1], ['/', 1], ['/a', 1], ['/b', 0]])('getEphemerals %j: the caller’s own, by prefix', (prefixPath, count) => {
    const reply = populated().ask(OpCode.getEphemerals, GetEphemeralsRequest, { prefixPath });
    expect(decode(GetEphemeralsResponse, reply.body).ephemerals).toHaveLength(count);
  });

  test('a null list in setWatches fails there, the lists before it done (client.md 4.6)', () => {
    const client = populated();
    const body = new Writer();
    body.long(0n);
    body.int(1);
    body.ustring('/gone');
    body.int(-1);
    body.int(0);
    client.sendBytes(OpCode.setWatches, body.finish(), -8);
    expect(client.heard()).toEqual(['event 2 /gone -1', `-8 0x5 ${ErrorCode.MARSHALLINGERROR}`]);
  });
});

describe('multiRead (client.md 2.9)', () => {
  function ask(client: Client, ...reads: [number, string][]): { err: number; body: Buffer } {
    const body = new Writer();
    for (const [type, path] of reads) {
      MultiHeader.write(body, { type, done: false, err: -1 });
      ExistsRequest.write(body, { path, watch: true });
    }
    MultiHeader.write(body, { type: -1, done: true, err: -1 });
    client.sendBytes(OpCode.multiRead, body.finish());
    return client.take();
  }

  test('each read succeeds or fails on its own, and sets no watch (trap 26)', () => {
    const client = populated();
    const reader = new Reader(ask(client, [OpCode.getChildren, '/a/b'], [OpCode.getData, '/none'], [OpCode.getData, '/a/b']).body);
    expect(MultiHeader.read(reader)).toEqual({ type: OpCode.getChildren, done: false, err: 0 });
    expect([reader.int(), reader.string()]).toEqual([1, 'c']);
    expect(MultiHeader.read(reader)).toEqual({ type: -1, done: false, err: ErrorCode.NONODE });
    expect(reader.int()).toBe(ErrorCode.NONODE);
    expect(MultiHeader.read(reader)).toEqual({ type: OpCode.getData, done: false, err: 0 });
    expect(GetDataResponse.read(reader).data).toEqual(Buffer.from('/a/b'));
    expect(MultiHeader.read(reader).done).toBe(true);
    client.send(OpCode.create, CreateRequest, create('/a/b/d'));
    expect(client.heard()).toHaveLength(1);
  });

  test('writes instead of reads: −5, and a body that is the end marker alone', () => {
    const client = populated();
    const body = new Writer();
    MultiHeader.write(body, { type: OpCode.delete, done: false, err: -1 });
    DeleteRequest.write(body, { path: '/a', version: -1 });
    MultiHeader.write(body, { type: -1, done: true, err: -1 });
    client.sendBytes(OpCode.multiRead, body.finish());
    const reply = client.take();
    expect(reply.err).toBe(ErrorCode.MARSHALLINGERROR);
    expect(reply.body.toString('hex')).toBe('ffffffff01ffffffff');
  });

  test('reads and writes, or an op that may be in none: −5 and no body', () => {
    for (const reply of [ask(populated(), [OpCode.getData, '/a'], [OpCode.setACL, '/a']), ask(populated(), [OpCode.exists, '/a'])]) {
      expect(reply).toMatchObject({ err: ErrorCode.MARSHALLINGERROR, body: Buffer.alloc(0) });
    }
  });
});
