import { readFileSync } from 'node:fs';
import { Reader } from '@zk/jute';
import { ACL, asSessionId, decodeTxn, StatPersisted, type Image, type ImageNode, type Txn, type Zxid } from '@zk/protocol';

/** Files that a Java server wrote, read with just enough code to test the tree (storage.md 2 and 3). */
export const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));

const LOG_HEADER_BYTES = 16;
const SNAPSHOT_HEADER_BYTES = 16;
const SEAL_BYTES = 13;
const DIGEST_SECTION_BYTES = 20 + SEAL_BYTES;

export function readLog(bytes: Buffer): Txn[] {
  const reader = new Reader(bytes, LOG_HEADER_BYTES);
  const txns: Txn[] = [];
  while (reader.remaining > 8) {
    reader.skip(8); // checksum
    const entry = reader.buffer();
    if (entry === null || entry.length === 0) break; // preallocated space
    txns.push(decodeTxn(entry));
    reader.skip(1); // end of record
  }
  return txns;
}

export function readSnapshot(bytes: Buffer, zxid: bigint): Image {
  const reader = new Reader(bytes, SNAPSHOT_HEADER_BYTES);
  const sessions = list(reader, () => ({ id: asSessionId(reader.long()), timeOut: reader.int() }));
  const acls = list(reader, () => ({ id: reader.long(), acl: list(reader, () => ACL.read(reader)) }));
  const nodes: ImageNode[] = [];
  for (let path = reader.ustring(); path !== '/'; path = reader.ustring()) {
    nodes.push({ path: path ?? '', data: reader.buffer(), aclId: reader.long(), stat: StatPersisted.read(reader) });
  }
  reader.skip(SEAL_BYTES);
  const image: Image = { zxid: zxid as Zxid, sessions, acls, nodes };
  if (reader.remaining < DIGEST_SECTION_BYTES) return image;
  return { ...image, digest: { zxid: reader.long() as Zxid, version: reader.int(), value: reader.long() } };
}

function list<T>(reader: Reader, item: () => T): T[] {
  return Array.from({ length: reader.int() }, item);
}
