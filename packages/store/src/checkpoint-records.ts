import { fileURLToPath } from 'node:url';
import { asSessionId, asZxid, type ACL, type Image, type ImageNode, type SessionId, type Zxid } from '@zk/protocol';
import protobuf from 'protobufjs';

/** The schema that is written here. */
export const REVISION = 1;

export interface CheckpointMeta {
  /** Of the schema it was written by. */
  revision: number;
  zxid: Zxid;
  nodeCount: number;
  digest: Image['digest'];
}

const schema = protobuf.loadSync(fileURLToPath(new URL('../proto/checkpoint.proto', import.meta.url)));
const Meta = schema.lookupType('zk.checkpoint.Meta');
const Session = schema.lookupType('zk.checkpoint.Session');
const AclList = schema.lookupType('zk.checkpoint.AclList');

type Fields = Record<string, unknown>;

export function encodeMeta({ zxid, nodeCount, digest }: Omit<CheckpointMeta, 'revision'>): Uint8Array {
  const fields: Fields = { revision: REVISION, zxid: long(zxid), znodes: nodeCount };
  if (digest) Object.assign(fields, { digest: long(BigInt.asUintN(64, digest.value)), digestVersion: digest.version });
  return Meta.encode(Meta.fromObject(fields)).finish();
}

export function decodeMeta(record: Uint8Array): CheckpointMeta {
  const fields = Meta.toObject(Meta.decode(record), { longs: String, defaults: false }) as Fields;
  const zxid = asZxid(BigInt(String(fields['zxid'] ?? 0)));
  const value = fields['digest'];
  const digest = value === undefined ? undefined : { zxid, version: Number(fields['digestVersion'] ?? 0), value: BigInt(String(value)) };
  return { revision: Number(fields['revision'] ?? 0), zxid, nodeCount: Number(fields['znodes'] ?? 0), digest };
}

export function encodeSession(timeOut: number): Uint8Array {
  return Session.encode({ timeOut }).finish();
}

export function decodeSession(id: bigint, record: Uint8Array): { id: SessionId; timeOut: number } {
  return { id: asSessionId(id), timeOut: Number((Session.decode(record) as unknown as Fields)['timeOut']) };
}

export function encodeAcl(acl: readonly ACL[]): Uint8Array {
  return AclList.encode({ entries: acl.map(({ perms, id }) => ({ perms, scheme: id.scheme, id: id.id })) }).finish();
}

export function decodeAcl(record: Uint8Array): ACL[] {
  const { entries } = AclList.decode(record) as unknown as { entries: { perms: number; scheme: string; id: string }[] };
  return entries.map(({ perms, scheme, id }) => ({ perms, id: { scheme, id } }));
}

/** Protobuf's wire types. */
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

const DATA = tag(11, BYTES);
const PATH = tag(12, BYTES);
/** All fixed fields, each behind its tag of one byte: seven of 8 bytes, three of 4. */
const FIXED_BYTES = 7 * 9 + 3 * 5;
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
export function writeZnode(to: Buffer, start: number, { path, data, aclId, stat }: ImageNode, spellPath: boolean): number {
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
  return at;
}

/** @param path what the key says; null when the record has to @throws Error for what is no Znode */
export function readZnode(record: Buffer, path: string | null): ImageNode {
  const stat = { czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, pzxid: 0n };
  const node: ImageNode = { path: path ?? '', data: null, aclId: 0n, stat };
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
      default: cursor.skipType(next & 7);
    }
  }
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

/** protobufjs takes decimal strings for 64 bits. */
const long = (value: bigint): string => value.toString();
