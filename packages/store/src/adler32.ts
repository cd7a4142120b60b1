/** The largest prime below 2^16. */
const BASE = 65521;
/** As many bytes as can be summed before either half needs its remainder and still stay below 2^31: small integers. */
const RUN = 3840;

/**
 * Adler-32 (RFC 1950) of a range of bytes, as an unsigned number. Node's zlib does not export its own.
 * @param sum the checksum so far: the result for the bytes before these, 1 at the beginning
 */
export function adler32(bytes: Uint8Array, from = 0, to = bytes.length, sum = 1): number {
  let a = sum & 0xffff;
  let b = sum >>> 16;
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + RUN);
    for (const unrolled = end - 7; at < unrolled; at += 8) {
      b += a += bytes[at] as number;
      b += a += bytes[at + 1] as number;
      b += a += bytes[at + 2] as number;
      b += a += bytes[at + 3] as number;
      b += a += bytes[at + 4] as number;
      b += a += bytes[at + 5] as number;
      b += a += bytes[at + 6] as number;
      b += a += bytes[at + 7] as number;
    }
    for (; at < end; at++) b += a += bytes[at] as number;
    a %= BASE;
    b %= BASE;
  }
  return ((b << 16) | a) >>> 0;
}
