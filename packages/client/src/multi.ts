import { Writer, type Reader } from '@zk/jute';
import {
  CheckVersionRequest, Create2Response, CreateRequest, CreateResponse, CreateTTLRequest, DeleteRequest, ErrorResponse, GetChildrenRequest,
  GetChildrenResponse, GetDataRequest, GetDataResponse, KeeperError, MultiHeader, OPEN_ACL, OpCode, SetDataRequest, SetDataResponse,
  type ACL, type Stat,
} from '@zk/protocol';
import { CreateFlags, type CreateMode } from './create-modes.ts';
import { bytesOf, type Data } from './data.ts';
import { keeperError } from './errors.ts';

export type MultiOp =
  | { op: 'create'; path: string; data?: Data; mode?: CreateMode; acl?: readonly ACL[]; ttl?: number }
  | { op: 'delete'; path: string; version?: number }
  | { op: 'setData'; path: string; data: Data; version?: number }
  | { op: 'check'; path: string; version: number };

/** One a sub-operation, in order. When one fails all do: `error.code` is OK before it, RUNTIMEINCONSISTENCY after it. */
export type MultiResult =
  | { op: 'create'; path: string; stat: Stat | null /* of containers and TTL nodes only */ }
  | { op: 'delete' }
  | { op: 'setData'; stat: Stat }
  | { op: 'check' }
  | { op: 'error'; error: KeeperError };

export type ReadOp = { op: 'getData'; path: string } | { op: 'getChildren'; path: string };
export type ReadResult =
  | { op: 'getData'; data: Buffer | null; stat: Stat }
  | { op: 'getChildren'; children: string[] }
  | { op: 'error'; error: KeeperError };

const NO_ERROR = -1;

export function encodeMulti(ops: readonly MultiOp[]): Buffer {
  const writer = new Writer(256);
  for (const op of ops) writeOp(writer, op);
  MultiHeader.write(writer, { type: -1, done: true, err: NO_ERROR });
  return writer.finish();
}

function writeOp(writer: Writer, op: MultiOp): void {
  const header = (type: number): void => MultiHeader.write(writer, { type, done: false, err: NO_ERROR });
  const version = (given: number | undefined): number => given ?? -1;
  switch (op.op) {
    case 'create':
      return writeCreate(writer, op, header);
    case 'delete':
      header(OpCode.delete);
      return DeleteRequest.write(writer, { path: op.path, version: version(op.version) });
    case 'setData':
      header(OpCode.setData);
      return SetDataRequest.write(writer, { path: op.path, data: bytesOf(op.data), version: version(op.version) });
    case 'check':
      header(OpCode.check);
      return CheckVersionRequest.write(writer, { path: op.path, version: op.version });
  }
}

function writeCreate(writer: Writer, op: MultiOp & { op: 'create' }, header: (type: number) => void): void {
  const mode = op.mode ?? 'persistent';
  const request = { path: op.path, data: bytesOf(op.data ?? null), acl: [...(op.acl ?? OPEN_ACL)], flags: CreateFlags[mode] };
  if (mode === 'persistent-ttl' || mode === 'persistent-sequential-ttl') {
    header(OpCode.createTTL);
    return CreateTTLRequest.write(writer, { ...request, ttl: BigInt(op.ttl ?? 0) });
  }
  // The old create, because servers before 3.7.2, 3.8.2 and 3.9.0 answer create2 in ways of their own.
  header(mode === 'container' ? OpCode.createContainer : OpCode.create);
  CreateRequest.write(writer, request);
}

/** `ops` as the application asked for them: errors name their paths. */
export function readMulti(body: Reader, ops: readonly MultiOp[], relative: (path: string) => string): MultiResult[] {
  const results: MultiResult[] = [];
  for (let header = MultiHeader.read(body); !header.done; header = MultiHeader.read(body)) {
    results.push(readResult(header.type, body, ops[results.length]?.path, relative));
  }
  return results;
}

function readResult(type: number, body: Reader, path: string | undefined, relative: (path: string) => string): MultiResult {
  switch (type) {
    case OpCode.create:
      return { op: 'create', path: relative(CreateResponse.read(body).path), stat: null };
    case OpCode.create2: {
      const created = Create2Response.read(body);
      return { op: 'create', path: relative(created.path), stat: created.stat };
    }
    case OpCode.delete:
      return { op: 'delete' };
    case OpCode.setData:
      return { op: 'setData', stat: SetDataResponse.read(body).stat };
    case OpCode.check:
      return { op: 'check' };
    case OpCode.error:
      return { op: 'error', error: keeperError(ErrorResponse.read(body).err, path) };
    default:
      throw new Error(`the result of a multi has type ${type}`);
  }
}

export function encodeMultiRead(ops: readonly ReadOp[]): Buffer {
  const writer = new Writer(128);
  for (const { op, path } of ops) {
    const type = op === 'getData' ? OpCode.getData : OpCode.getChildren;
    MultiHeader.write(writer, { type, done: false, err: NO_ERROR });
    (op === 'getData' ? GetDataRequest : GetChildrenRequest).write(writer, { path, watch: false });
  }
  MultiHeader.write(writer, { type: -1, done: true, err: NO_ERROR });
  return writer.finish();
}

export function readMultiRead(body: Reader, ops: readonly ReadOp[]): ReadResult[] {
  const results: ReadResult[] = [];
  for (let header = MultiHeader.read(body); !header.done; header = MultiHeader.read(body)) {
    if (header.type === OpCode.getData) {
      const { data, stat } = GetDataResponse.read(body);
      results.push({ op: 'getData', data: data && Buffer.from(data), stat });
    } else if (header.type === OpCode.getChildren) {
      results.push({ op: 'getChildren', children: GetChildrenResponse.read(body).children });
    } else {
      results.push({ op: 'error', error: keeperError(ErrorResponse.read(body).err, ops[results.length]?.path) });
    }
  }
  return results;
}
