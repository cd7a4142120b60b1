import { createRequire } from 'node:module';

/** In the order of the numbers by which the writer is told of them. */
export const TABLES = /** @type {const} */ (['meta', 'sessions', 'acls', 'znodes', 'owned']);

/** The highest field number of each table's record that this program knows (checkpoint.proto). */
export const KNOWN_FIELDS = [9, 1, 1, 14, 1];

/** What LMDB calls its file in a directory. */
export const FILE = 'data.mdb';

/** Bytes of the checksum behind each record. */
export const CHECKSUM_BYTES = 4;

/**
 * Opens the environment, and makes it if need be. Commits are on disk when they return.
 * @param {string} directory
 */
export function openTables(directory) {
  // Loaded when it is used: the event loop's thread, where this module is loaded too, does without its 30 ms and 10 MB.
  const { open } = /** @type {typeof import('lmdb')} */ (createRequire(import.meta.url)('lmdb'));
  const binary = /** @type {const} */ ({ keyEncoding: 'binary', encoding: 'binary' });
  const root = open({ path: directory, maxDbs: TABLES.length, noSubdir: false, overlappingSync: false, ...binary });
  /** @type {import('lmdb').Database<Buffer, Buffer>[]} */
  const tables = TABLES.map((name) => root.openDB(name, binary));
  return { root, tables };
}
