import { createHash } from 'node:crypto';

/** Longest parent path and longest name, in bytes, that a key spells; LMDB's keys end at 1978 bytes. */
const MAX_PARENT = 1000;
const MAX_NAME = 512;

const NUL = 0;
const SLASH = 0x2f;
const LONG_PARENT = 0x7e; // '~', behind every path
const HASH_BYTES = 32;
const ROOT = Buffer.from([NUL]);

/**
 * The key of a znode: its parent's path, NUL, its name. So the children of a znode are one range of keys, and because
 * NUL comes before '/', every znode comes after its parent. The root's is a lone NUL.
 *
 * A parent's path too long for a key is `~`, its depth in 4 bytes, and its SHA-256: behind everything else, and still
 * in the order of depth. A name too long for it is '/' and its SHA-256: no name begins like that.
 */
export function znodeKey(path: string): Buffer {
  if (path === '') return ROOT;
  const key = Buffer.from(path);
  const slash = key.lastIndexOf(SLASH);
  if (slash > MAX_PARENT || key.length - slash - 1 > MAX_NAME) return longKey(key, slash);
  key[slash] = NUL;
  return key;
}

/** @returns null when the key does not spell the path */
export function pathOfKey(key: Buffer): string | null {
  if (key.length === 1) return '';
  const nul = key.indexOf(NUL);
  if (isHashed(key, nul)) return null;
  return `${key.toString('utf8', 0, nul)}/${key.toString('utf8', nul + 1)}`;
}

/** Whether a key says what the path is: one that is too long it does not. */
export function spellsPath(key: Buffer): boolean {
  return !isHashed(key, key.indexOf(NUL));
}

/** The keys of a znode's children are behind `start` and before `end`. */
export function childKeys(path: string): { start: Buffer; end: Buffer } {
  const bytes = Buffer.from(path);
  const parent = bytes.length > MAX_PARENT ? longParent(bytes) : bytes;
  return { start: Buffer.concat([parent, Buffer.from([NUL])]), end: Buffer.concat([parent, Buffer.from([NUL + 1])]) };
}

/** Sessions and ACL lists: 8 bytes. */
export function numberKey(id: bigint): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigInt64BE(id);
  return key;
}

export const idOfKey = (key: Buffer): bigint => key.readBigInt64BE(0);

const isHashed = (key: Buffer, nul: number): boolean => key[0] === LONG_PARENT || key[nul + 1] === SLASH;

function longKey(path: Buffer, slash: number): Buffer {
  const parent = path.subarray(0, slash);
  const name = path.subarray(slash + 1);
  const separator = Buffer.from([NUL]);
  return Buffer.concat([
    parent.length > MAX_PARENT ? longParent(parent) : parent,
    separator,
    name.length > MAX_NAME ? Buffer.concat([Buffer.from([SLASH]), sha256(name)]) : name,
  ]);
}

function longParent(parent: Buffer): Buffer {
  const bytes = Buffer.alloc(5 + HASH_BYTES);
  bytes[0] = LONG_PARENT;
  bytes.writeUInt32BE(parent.reduce((depth, byte) => (byte === SLASH ? depth + 1 : depth), 0), 1);
  sha256(parent).copy(bytes, 5);
  return bytes;
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
