import { Writer } from '@zk/jute';
import { OpCode } from '@zk/protocol';

/** A request as data that can be drawn, shrunk and printed. In paths `~` stands for the root of the sequence. */
export type Request =
  | { op: 'create' | 'create2' | 'createContainer'; path: string | null; data: string | null; acl: AclEntry[] | null; flags: number }
  | { op: 'createTTL'; path: string | null; data: string | null; acl: AclEntry[] | null; flags: number; ttl: bigint }
  | { op: 'delete' | 'check'; path: string | null; version: number }
  | { op: 'deleteContainer'; path: string | null }
  | { op: 'exists' | 'getData' | 'getChildren' | 'getChildren2'; path: string | null; watch: boolean }
  | { op: 'setData'; path: string | null; data: string | null; version: number }
  | { op: 'getACL' | 'sync' | 'getAllChildrenNumber' | 'getEphemerals'; path: string | null }
  | { op: 'setACL'; path: string | null; acl: AclEntry[] | null; version: number }
  | { op: 'multi' | 'multiRead'; requests: Request[] }
  | { op: 'reconfig'; joining: string | null; leaving: string | null; newMembers: string | null; configId: bigint }
  | { op: 'checkWatches' | 'removeWatches'; path: string | null; type: number }
  | { op: 'addWatch'; path: string | null; mode: number }
  | { op: 'setWatches' | 'setWatches2'; since: number; lists: (string[] | null)[] }
  | { op: 'auth'; scheme: string | null; auth: string | null }
  | { op: 'sasl'; token: string | null }
  | { op: 'whoAmI' | 'ping' | 'closeSession' | 'createSession' }
  | { op: 'opcode'; code: number; body: string };

export interface AclEntry {
  readonly perms: number;
  readonly scheme: string | null;
  readonly id: string | null;
}

/** Damage done to the body of a request after it was encoded. */
export interface Damage {
  /** So many bytes are missing at the end. */
  readonly cut?: number;
  /** So many zeros follow. */
  readonly extra?: number;
}

/** What the placeholders of a request stand for on one server. */
export interface Place {
  /** The znode below which the sequence plays. */
  readonly root: string;
  /** The zxid that created it. */
  readonly base: bigint;
}

/** The opcode of the header. */
function codeOf(request: Request): number {
  return request.op === 'opcode' ? request.code : OpCode[request.op];
}

/** The frame without its length: header and body. */
export function encodeRequest(request: Request, xid: number, place: Place, damage: Damage = {}): Buffer {
  const writer = new Writer();
  writeBody(writer, request, place);
  const body = writer.finish();
  const damaged = Buffer.concat([body.subarray(0, Math.max(0, body.length - (damage.cut ?? 0))), Buffer.alloc(damage.extra ?? 0)]);
  const header = Buffer.allocUnsafe(8);
  header.writeInt32BE(xid, 0);
  header.writeInt32BE(codeOf(request), 4);
  return Buffer.concat([header, damaged]);
}

/** One line: `create2 path=~/a data="x" flags=0`. */
export function describeRequest(request: Request, damage: Damage = {}): string {
  const { op, ...fields } = request;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${describeValue(value)}`);
  const harm = Object.entries(damage).map(([name, bytes]) => `(${name} ${bytes} bytes)`);
  return [op, ...shown, ...harm].join(' ');
}

function describeValue(value: unknown): string {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object' && item !== null && 'op' in item)) {
    return `[${(value as Request[]).map((each) => describeRequest(each)).join('; ')}]`;
  }
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? String(each) : each));
}

function writeBody(writer: Writer, request: Request, place: Place): void {
  // As most clients send text, in UTF-8. (Java's sends surrogates one by one, see the table of differences.)
  const path = (text: string | null): void => writer.buffer(bytesOf(text?.replaceAll('~', place.root) ?? null));
  switch (request.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      path(request.path);
      writer.buffer(bytesOf(request.data));
      writeAcl(writer, request.acl);
      writer.int(request.flags);
      if (request.op === 'createTTL') writer.long(request.ttl);
      return;
    case 'delete':
    case 'check':
      path(request.path);
      return writer.int(request.version);
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      path(request.path);
      return writer.bool(request.watch);
    case 'setData':
      path(request.path);
      writer.buffer(bytesOf(request.data));
      return writer.int(request.version);
    case 'deleteContainer':
    case 'getACL':
    case 'sync':
    case 'getAllChildrenNumber':
    case 'getEphemerals':
      return path(request.path);
    case 'setACL':
      path(request.path);
      writeAcl(writer, request.acl);
      return writer.int(request.version);
    case 'multi':
    case 'multiRead':
      for (const each of request.requests) {
        writeMultiHeader(writer, codeOf(each), false);
        writeBody(writer, each, place);
      }
      return writeMultiHeader(writer, -1, true);
    case 'reconfig':
      for (const text of [request.joining, request.leaving, request.newMembers]) writer.ustring(text);
      return writer.long(request.configId);
    case 'checkWatches':
    case 'removeWatches':
      path(request.path);
      return writer.int(request.type);
    case 'addWatch':
      path(request.path);
      return writer.int(request.mode);
    case 'setWatches':
    case 'setWatches2':
      writer.long(place.base + BigInt(request.since));
      for (const list of request.lists) {
        writer.int(list === null ? -1 : list.length);
        for (const each of list ?? []) path(each);
      }
      return;
    case 'auth':
      writer.int(0);
      writer.ustring(request.scheme);
      return writer.buffer(bytesOf(request.auth));
    case 'sasl':
      return writer.buffer(bytesOf(request.token));
    case 'opcode':
      return writer.raw(Buffer.from(request.body, 'hex'));
    case 'createSession':
      return writer.int(30_000);
    case 'whoAmI':
    case 'ping':
    case 'closeSession':
      return;
  }
}

const bytesOf = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text));

function writeAcl(writer: Writer, acl: readonly AclEntry[] | null): void {
  writer.int(acl === null ? -1 : acl.length);
  for (const { perms, scheme, id } of acl ?? []) {
    writer.int(perms);
    writer.ustring(scheme);
    writer.ustring(id);
  }
}

function writeMultiHeader(writer: Writer, type: number, done: boolean): void {
  writer.int(type);
  writer.bool(done);
  writer.int(-1);
}
