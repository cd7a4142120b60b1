/**
 * How LMDB lays out its file: version 2 of the format, as lmdb-js's fork of the library writes it on a little-endian machine
 * of 64 bits. Every page begins with a head of 24 bytes: its number (u64), the transaction that wrote it (u64), padding
 * (u16), flags (u16), and, as they apply, lower and upper (u16 each) or the number of overflow pages (u32).
 *
 * Pages 0 and 1 are the meta pages; transaction n writes page n % 2, and the newer one counts.
 */

/**
 * @typedef {{ padding: number, flags: number, depth: number, branches: number,
 *   leaves: number, overflow: number, entries: number, root: number | null, hasTables: boolean }} LmdbTree
 */
/** @typedef {{ pageSize: number, txn: number, lastPage: number, free: LmdbTree, main: LmdbTree }} LmdbMeta */

export const HEAD_BYTES = 24;
export const META_PAGES = 2;

/** Flags of pages. */
export const BRANCH = 1;
export const LEAF = 2;
export const OVERFLOW = 4;
const META = 8;

/** Of a node: the value is in overflow pages; the value is the record of another tree. */
export const BIG = 1;
export const SUBTREE = 2;

/** Of a tree: its keys are numbers (u64). */
export const INTEGER_KEYS = 8;

/** A node: size of the value (u32) and flags (u16), or the child's number (u48); size of the key (u16); the key; the value. */
export const NODE_BYTES = 8;
/** In place of a value that is elsewhere: its first page, the transaction that wrote it, the number of pages, u64 each. */
export const BIG_BYTES = 24;
/** The record of a tree. */
export const TREE_BYTES = 48;
/** LMDB's own stack of pages is no deeper. */
export const MAX_DEPTH = 32;

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const MIN_PAGE_BYTES = 512;
const MAX_PAGE_BYTES = 0x10000;
const MAGIC_AT = HEAD_BYTES;
const TREES_AT = HEAD_BYTES + 24;
const LAST_PAGE_AT = TREES_AT + 2 * TREE_BYTES;
/** No page size is known yet when this much is read of a meta page. */
export const META_BYTES = LAST_PAGE_AT + 16;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;

/** Bytes of key and value that a node may have within its page: two must fit. */
export const maxNodeBytes = (/** @type {number} */ pageSize) => (((pageSize - HEAD_BYTES) / 2) & ~1) - 2;

/** The longest key: the record of a tree must fit beside it. */
export const maxKeyBytes = (/** @type {number} */ pageSize) => maxNodeBytes(pageSize) - NODE_BYTES - TREE_BYTES;

/** Pages that a value of so many bytes takes. */
export const overflowPages = (/** @type {number} */ length, /** @type {number} */ pageSize) => Math.floor((HEAD_BYTES - 1 + length) / pageSize) + 1;

/**
 * @param {Buffer} bytes at least {@link META_BYTES} of the page
 * @param {number} number 0 or 1
 * @returns {LmdbMeta}
 * @throws {Error} naming the page
 */
export function readMeta(bytes, number) {
  const fail = (/** @type {string} */ what) => {
    throw new Error(`meta page ${number}: ${what}`);
  };
  if (bytes.length < META_BYTES) fail('the file ends in it');
  if (u64(bytes, 0) !== number || bytes.readUInt16LE(18) !== META) fail('its head is wrong');
  if (bytes.readUInt32LE(MAGIC_AT) !== MAGIC) fail('this is no LMDB file');
  if (bytes.readUInt32LE(MAGIC_AT + 4) !== VERSION) fail('another version of the format');
  const free = readTree(bytes, TREES_AT);
  const main = { ...readTree(bytes, TREES_AT + TREE_BYTES), hasTables: true };
  const pageSize = bytes.readUInt32LE(TREES_AT); // where a tree has padding
  const txn = u64(bytes, LAST_PAGE_AT + 8);
  const lastPage = u64(bytes, LAST_PAGE_AT);
  if (pageSize < MIN_PAGE_BYTES || pageSize > MAX_PAGE_BYTES || (pageSize & (pageSize - 1)) !== 0) fail(`pages of ${pageSize} bytes`);
  if (free.flags !== INTEGER_KEYS || main.flags !== 0) fail(`flags ${free.flags}, ${main.flags}`);
  if (lastPage < META_PAGES - 1 || lastPage > 0xffff_ffff) fail(`${lastPage} as the last page`);
  if (txn > 0 && txn % META_PAGES !== number) fail(`written by transaction ${txn}`);
  return { pageSize, txn, lastPage, free, main };
}

/**
 * The one that counts. LMDB would take the one with the higher transaction, whatever else it says.
 * @param {LmdbMeta} zero @param {LmdbMeta} one
 */
export function newerMeta(zero, one) {
  if (zero.pageSize !== one.pageSize) throw new Error(`meta pages of ${zero.pageSize} and ${one.pageSize} bytes`);
  const isNew = zero.txn === 0 && one.txn === 0;
  if (!isNew && Math.abs(zero.txn - one.txn) !== 1) throw new Error(`meta pages of the transactions ${zero.txn} and ${one.txn}`);
  return zero.txn > one.txn ? zero : one;
}

/**
 * @param {Buffer} bytes @param {number} at
 * @returns {LmdbTree}
 */
export function readTree(bytes, at) {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    padding: bytes.readUInt32LE(at),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branches: u64(bytes, at + 8),
    leaves: u64(bytes, at + 16),
    overflow: u64(bytes, at + 24),
    entries: u64(bytes, at + 32),
    root: root === NO_ROOT ? null : Number(root),
    hasTables: false,
  };
}

/** Exact up to 2^53; beyond that it is nothing that a file of ours says. */
export function u64(/** @type {Buffer} */ bytes, /** @type {number} */ at) {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
}
