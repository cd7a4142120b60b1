/**
 * A stat as files have it, in 60 bytes: the fields in the order in which a digest takes them (quorum.md 14), big-endian.
 * Whoever changes a stat per write changes it in this form, where no field is a bigint. An array of so few bytes lies in
 * the heap itself, which makes it three times cheaper than a Buffer.
 */
export type PackedStat = Uint8Array;

/** Where the fields lie. CREATIONS is the stored cversion, OWNER the stored ephemeralOwner. */
export const Packed = { CZXID: 0, MZXID: 8, PZXID: 16, CTIME: 24, MTIME: 32, VERSION: 40, CREATIONS: 44, AVERSION: 48, OWNER: 52 } as const;

export const PACKED_STAT_LENGTH = 60;

/** A big-endian 32-bit word, for a fifth of what Buffer.writeInt32BE takes. */
export function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}
