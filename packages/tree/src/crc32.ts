import { crc32 as nativeCrc32 } from 'node:zlib';

/** Up to here the call into zlib costs more than the sum. */
const SHORT_BYTES = 512;
const POLYNOMIAL = 0xedb88320;

/** TABLES[k][byte]: what a byte contributes with k more bytes behind it. */
const TABLES = makeTables();
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

/**
 * CRC-32 of `bytes[from, to)`, unsigned, as zlib computes it; for the few bytes of a znode without leaving JavaScript.
 * @param sum the checksum of what came before, 0 at the beginning
 */
export function crc32(bytes: Uint8Array, from: number, to: number, sum = 0): number {
  if (from === to) return sum; // zlib begins anew, instead of going on, when it gets no bytes
  return to - from > SHORT_BYTES ? nativeCrc32(bytes.subarray(from, to), sum) : shortCrc32(bytes, from, to, sum);
}

/** Eight bytes at a time. */
function shortCrc32(bytes: Uint8Array, from: number, to: number, sum: number): number {
  let crc = ~sum;
  let at = from;
  for (const eights = to - 7; at < eights; at += 8) {
    const four = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc = T7[four & 0xff]! ^ T6[(four >>> 8) & 0xff]! ^ T5[(four >>> 16) & 0xff]! ^ T4[four >>> 24]!
      ^ T3[bytes[at + 4]!]! ^ T2[bytes[at + 5]!]! ^ T1[bytes[at + 6]!]! ^ T0[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  const first = tables[0]!;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc;
  }
  for (let k = 1; k < 8; k++) {
    const shorter = tables[k - 1]!;
    for (let byte = 0; byte < 256; byte++) tables[k]![byte] = (shorter[byte]! >>> 8) ^ first[shorter[byte]! & 0xff]!;
  }
  return tables;
}
