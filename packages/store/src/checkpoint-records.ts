import { asSessionId, asZxid, type ACL, type Image, type ImageNode, type ImageTotals, type SessionId, type Zxid } from '@zk/protocol';
import protobuf from 'protobufjs/minimal.js';
import { pathOfKey, znodeKey } from './checkpoint-keys.ts';
import { Message } from './protobuf-message.ts';

/** The schema that is written here. */
export const REVISION = 2;
/** Since this one there are totals, sums of children, and the table `owned`, and whoever writes keeps them up. */
const WITH_TOTALS = 2;

export interface CheckpointMeta {
  /** Of the schema it was written by. */
  revision: number;
  zxid: Zxid;
  nodeCount: number;
  digest: Image['digest'];
  /** Null where a tree cannot read through to it: it was written before there were any, or by something that is no tree. */
  totals: ImageTotals | null;
  /** How many there are; null like `totals`. */
  sessions: number | null;
  acls: number | null;
}

/** The messages of checkpoint.proto, but for Znode. */
export const MESSAGES = {
  Meta: new Message({
    revision: [1, 'uint32'],
    zxid: [2, 'sfixed64'],
    znodes: [3, 'uint64'],
    digest: [4, 'fixed64'],
    digestVersion: [5, 'uint32'],
    dataSize: [6, 'uint64'],
    owned: [7, 'uint64'],
    sessions: [8, 'uint64'],
    acls: [9, 'uint64'],
  }),
  Owned: new Message({ path: [1, 'string'] }),
  Session: new Message({ timeOut: [1, 'int32'] }),
  'AclList.Entry': new Message({ perms: [1, 'int32'], scheme: [2, 'string'], id: [3, 'string'] }),
} as const;
const { Meta, Owned, Session, 'AclList.Entry': AclEntry } = MESSAGES;
/** AclList: one field, its entries. */
const ENTRIES = 1;

export function encodeMeta({ zxid, nodeCount, digest, totals, sessions, acls }: Omit<CheckpointMeta, 'revision'>): Uint8Array {
  const counted = totals ? { dataSize: totals.dataSize, owned: totals.owned, sessions: sessions ?? 0, acls: acls ?? 0 } : {};
  return Meta.encode({ revision: REVISION, zxid, znodes: nodeCount, digest: digest?.value, digestVersion: digest?.version, ...counted });
}

export function decodeMeta(record: Uint8Array): CheckpointMeta {
  const { revision = 0, znodes: nodeCount = 0, digest: value, digestVersion: version = 0, dataSize, owned = 0, sessions = 0, acls = 0, ...rest } = Meta.decode(record);
  const zxid = asZxid(rest.zxid ?? 0n);
  const digest = value === undefined ? undefined : { zxid, version, value };
  const base = { revision, zxid, nodeCount, digest };
  // An older writer keeps the fields it does not know as they were: its revision tells that they are not to be believed.
  if (revision < WITH_TOTALS || dataSize === undefined) return { ...base, totals: null, sessions: null, acls: null };
  return { ...base, totals: { nodes: nodeCount, dataSize, owned }, sessions, acls };
}

export function encodeSession(timeOut: number): Uint8Array {
  return Session.encode({ timeOut });
}

export function decodeSession(id: bigint, record: Uint8Array): { id: SessionId; timeOut: number } {
  return { id: asSessionId(id), timeOut: Session.decode(record).timeOut ?? 0 };
}

export function encodeAcl(acl: readonly ACL[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { perms, id } of acl) writer.uint32(tag(ENTRIES, BYTES)).bytes(AclEntry.encode({ perms, scheme: id.scheme, id: id.id }));
  return writer.finish();
}

export function decodeAcl(record: Uint8Array): ACL[] {
  const reader = protobuf.Reader.create(record);
  const acl: ACL[] = [];
  while (reader.pos < reader.len) {
    const next = reader.uint32();
    if (next !== tag(ENTRIES, BYTES)) {
      reader.skipType(next & 7);
      continue;
    }
    const { perms = 0, scheme = '', id = '' } = AclEntry.decode(reader.bytes());
    acl.push({ perms, id: { scheme, id } });
  }
  return acl;
}

/** Says the path only where the key does not. */
export function encodeOwned(path: string): Uint8Array {
  return Owned.encode(pathOfKey(znodeKey(path)) === null ? { path } : {});
}

export function readOwnedPath(record: Uint8Array): string {
  return Owned.decode(record).path ?? '';
}

/** Protobuf's wire types. */
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

const DATA = tag(11, BYTES);
const PATH = tag(12, BYTES);
/** All fixed fields, each behind its tag of one byte: seven of 8 bytes, five of 4. */
const FIXED_BYTES = 7 * 9 + 5 * 5;
const MAX_LENGTH_BYTES = 5;

/** The most that {@link writeZnode} writes for this znode. */
export function znodeBound({ path, data }: ImageNode): number {
  return FIXED_BYTES + 2 * (1 + MAX_LENGTH_BYTES) + (data?.length ?? 0) + 3 * path.length;
}

/**
 * A Znode record, written by hand: there is one for every znode, and protobufjs would make objects of each 64-bit field.
 * @param spellPath whether the key does not spell the path
 * @returns the offset behind it
 */
export function writeZnode(to: Buffer, start: number, { path, data, aclId, stat, children }: ImageNode, spellPath: boolean): number {
  let at = start;
  at = long64(to, at, 1, stat.czxid);
  at = long64(to, at, 2, stat.mzxid);
  at = long64(to, at, 3, stat.pzxid);
  at = long64(to, at, 4, stat.ctime);
  at = long64(to, at, 5, stat.mtime);
  if (stat.ephemeralOwner !== 0n) at = long64(to, at, 6, stat.ephemeralOwner);
  at = int32(to, at, 7, stat.version);
  at = int32(to, at, 8, stat.cversion);
  at = int32(to, at, 9, stat.aversion);
  at = long64(to, at, 10, aclId);
  if (data) {
    to[at++] = DATA;
    at = varint(to, at, data.length);
    at += data.copy(to, at);
  }
  if (spellPath) {
    to[at++] = PATH;
    at = varint(to, at, Buffer.byteLength(path));
    at += to.write(path, at);
  }
  if (children) {
    at = int32(to, at, 13, children.count);
    at = int32(to, at, 14, children.hash);
  }
  return at;
}

/** @param path what the key says; null when the record has to @throws Error for what is no Znode */
export function readZnode(record: Buffer, path: string | null): ImageNode {
  const stat = { czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, pzxid: 0n };
  const node: ImageNode = { path: path ?? '', data: null, aclId: 0n, stat };
  let count = 0;
  let hash = 0;
  const cursor = new protobuf.Reader(record);
  while (cursor.pos < record.length) {
    const next = cursor.uint32();
    switch (next) {
      case tag(1, FIXED64): stat.czxid = takeLong(cursor, record); break;
      case tag(2, FIXED64): stat.mzxid = takeLong(cursor, record); break;
      case tag(3, FIXED64): stat.pzxid = takeLong(cursor, record); break;
      case tag(4, FIXED64): stat.ctime = takeLong(cursor, record); break;
      case tag(5, FIXED64): stat.mtime = takeLong(cursor, record); break;
      case tag(6, FIXED64): stat.ephemeralOwner = takeLong(cursor, record); break;
      case tag(7, FIXED32): stat.version = cursor.sfixed32(); break;
      case tag(8, FIXED32): stat.cversion = cursor.sfixed32(); break;
      case tag(9, FIXED32): stat.aversion = cursor.sfixed32(); break;
      case tag(10, FIXED64): node.aclId = takeLong(cursor, record); break;
      case DATA: node.data = takeBytes(cursor, record); break;
      case PATH: node.path = takeBytes(cursor, record).toString(); break;
      case tag(13, FIXED32): count = cursor.sfixed32(); break;
      case tag(14, FIXED32): hash = cursor.sfixed32(); break;
      default: cursor.skipType(next & 7);
    }
  }
  if (count !== 0) node.children = { count, hash };
  return node;
}

function takeLong(cursor: protobuf.Reader, record: Buffer): bigint {
  const value = record.readBigInt64LE(cursor.pos);
  cursor.pos += 8;
  return value;
}

function takeBytes(cursor: protobuf.Reader, record: Buffer): Buffer {
  const length = cursor.uint32();
  const start = cursor.pos;
  cursor.skip(length);
  return record.subarray(start, start + length);
}

function long64(to: Buffer, at: number, field: number, value: bigint): number {
  to[at] = tag(field, FIXED64);
  return to.writeBigInt64LE(value, at + 1);
}

function int32(to: Buffer, at: number, field: number, value: number): number {
  to[at] = tag(field, FIXED32);
  return to.writeInt32LE(value, at + 1);
}

function varint(to: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) to[at++] = (rest & 0x7f) | 0x80;
  to[at++] = rest;
  return at;
}
