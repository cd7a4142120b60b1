import type { StatPersisted } from '@zk/protocol';
import { crc32 } from './crc32.ts';
import { PACKED_STAT_LENGTH, type PackedStat } from './packed-stat.ts';

/** The only digest version that is compared (quorum.md 14). */
export const DIGEST_VERSION = 2;

/** Whether a znode counts: everything does except what lies below /zookeeper. */
export const isDigested = (path: string): boolean => !path.startsWith('/zookeeper/');

/** Paths are looked at as UTF-8; a longer one than this gets memory of its own. */
const pathBytes = Buffer.allocUnsafeSlow(3 * 1024);

/**
 * The digest of one znode: CRC-32 over path, data and stat.
 *
 * @param path '' or '/' for the root
 * @returns an unsigned 32-bit value; 0 for paths that do not count
 */
export function packedNodeDigest(path: string, data: Buffer | null, stat: PackedStat): number {
  if (!isDigested(path)) return 0;
  const afterPath = path === '/' ? 0 : crc32OfText(path);
  const afterData = data === null ? afterPath : crc32(data, 0, data.length, afterPath);
  return crc32(stat, 0, PACKED_STAT_LENGTH, afterData);
}

/** The same for a stat as a record: cversion counts creations, ephemeralOwner keeps the container and TTL marks. */
export function nodeDigest(path: string, data: Buffer | null, stat: StatPersisted): bigint {
  return BigInt(packedNodeDigest(path, data, packStat(stat)));
}

export function packStat(stat: StatPersisted): Buffer {
  const bytes = Buffer.allocUnsafe(PACKED_STAT_LENGTH);
  let at = 0;
  for (const long of [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime]) at = bytes.writeBigInt64BE(long, at);
  for (const int of [stat.version, stat.cversion, stat.aversion]) at = bytes.writeInt32BE(int, at);
  bytes.writeBigInt64BE(stat.ephemeralOwner, at);
  return bytes;
}

function crc32OfText(text: string): number {
  const { length } = text;
  if (3 * length > pathBytes.length) return crc32OfBytes(Buffer.from(text));
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return crc32OfBytes(Buffer.from(text));
    pathBytes[i] = unit;
  }
  return crc32(pathBytes, 0, length);
}

const crc32OfBytes = (bytes: Buffer): number => crc32(bytes, 0, bytes.length);

const scratch = new DataView(new ArrayBuffer(8));

/** The sum of node digests modulo 2^64, kept as two 32-bit halves so that a change costs no bigint. */
export class TreeDigest {
  #high = 0;
  #low = 0;

  get value(): bigint {
    scratch.setUint32(0, this.#high);
    scratch.setUint32(4, this.#low);
    return scratch.getBigUint64(0);
  }

  /** @param value signed or unsigned */
  is(value: bigint): boolean {
    scratch.setBigInt64(0, value);
    return scratch.getUint32(0) === this.#high && scratch.getUint32(4) === this.#low;
  }

  /** @param value signed or unsigned */
  setValue(value: bigint): void {
    scratch.setBigInt64(0, value);
    this.#high = scratch.getUint32(0);
    this.#low = scratch.getUint32(4);
  }

  set(other: TreeDigest): void {
    this.#high = other.#high;
    this.#low = other.#low;
  }

  add(digest: number): void {
    const sum = this.#low + digest;
    this.#low = sum >>> 0;
    if (sum > 0xffffffff) this.#high = (this.#high + 1) >>> 0;
  }

  subtract(digest: number): void {
    if (digest > this.#low) this.#high = (this.#high - 1) >>> 0;
    this.#low = (this.#low - digest) >>> 0;
  }
}
