import { crc32 } from 'node:zlib';
import type { StatPersisted } from '@zk/protocol';

/** The only digest version that is compared (quorum.md 14). */
export const DIGEST_VERSION = 2;

/** czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner: pzxid comes third here. */
export const DIGEST_STAT_LENGTH = 60;

/** Whether a znode counts: everything does except what lies below /zookeeper. */
export const isDigested = (path: string): boolean => !path.startsWith('/zookeeper/');

/**
 * The digest of one znode: CRC-32 over path, data and stat.
 *
 * @param path '' or '/' for the root
 * @param stat the stored form: cversion counts creations, ephemeralOwner keeps the container and TTL marks
 * @returns an unsigned 32-bit value; 0 for paths that do not count
 */
export function nodeDigest(path: string, data: Buffer | null, stat: StatPersisted): bigint {
  if (!isDigested(path)) return 0n;
  const afterPath = crc32(path === '/' ? '' : path);
  // zlib begins anew, instead of going on, when it gets no bytes.
  const afterData = data === null || data.length === 0 ? afterPath : crc32(data, afterPath);
  return BigInt(crc32(digestStat(stat), afterData));
}

function digestStat(stat: StatPersisted): Buffer {
  const bytes = Buffer.allocUnsafe(DIGEST_STAT_LENGTH);
  let at = 0;
  for (const long of [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime]) at = bytes.writeBigInt64BE(long, at);
  for (const int of [stat.version, stat.cversion, stat.aversion]) at = bytes.writeInt32BE(int, at);
  bytes.writeBigInt64BE(stat.ephemeralOwner, at);
  return bytes;
}

/** The sum of node digests modulo 2^64, kept as two 32-bit halves so that a change costs no bigint. */
export class TreeDigest {
  #high = 0;
  #low = 0;

  get value(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
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
