import { closeSync, openSync } from 'node:fs';
import { endianness } from 'node:os';
import { LmdbRoot } from './lmdb-root.js';

/** @typedef {{ readonly key: Buffer, readonly value: Buffer }} LmdbEntry the value right behind the key, unless it is a long one */

/**
 * An LMDB file, read without LMDB, which believes what it reads and may take the process with it: docs/adr/0007.
 *
 * It shows what the newest transaction has left at {@link open} and at each {@link refresh}, while others write. LMDB never
 * writes over a page that a committed transaction has; it takes pages that none of the last two has any more. So what
 * transaction n has left can be read until n + 3 begins. Whoever says when transactions begin, and takes a new root
 * between the end of one and the beginning of the next, needs none of LMDB's slots for readers.
 */
export class LmdbFile {
  /** @type {number} */
  #fd;
  /** Null once it is closed. @type {LmdbRoot | null} */
  #root;

  /** @throws {Error} for what is no LMDB file, or none that was written on a machine like this one */
  static open(/** @type {string} */ path) {
    if (endianness() !== 'LE') throw new Error('LMDB files are read on little-endian machines only');
    const fd = openSync(path, 'r');
    try {
      return new LmdbFile(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** @private */
  constructor(/** @type {number} */ fd) {
    this.#fd = fd;
    this.#root = new LmdbRoot(fd);
  }

  get root() {
    if (this.#root === null) throw new Error('the file is closed');
    return this.#root;
  }

  /** Shows the newest transaction from here on. */
  refresh() {
    this.#root = new LmdbRoot(this.#fd);
  }

  /**
   * @param {string} table @param {Buffer} key
   * @returns {LmdbEntry | null} the caller's own
   */
  get(table, key) {
    const { root } = this;
    const tree = root.table(table);
    const leaf = tree && root.leafFor(tree, key);
    if (!leaf) return null;
    const index = leaf.seek(key);
    if (index === leaf.count || leaf.compare(index, key) !== 0) return null;
    if (leaf.isBig(index)) return { key, value: root.value(leaf, index) };
    const both = Buffer.from(leaf.keyAndValue(index));
    return { key: both.subarray(0, key.length), value: both.subarray(key.length) };
  }

  /**
   * In the order of the keys. May be iterated slowly: after a refresh it goes on with what is there by then.
   * @param {string} table
   * @param {Buffer | null} behind not this key, nor any before it
   * @param {Buffer | null} end not this key, nor any behind it
   * @returns {Generator<LmdbEntry, void, void>} the caller's own
   */
  *entries(table, behind = null, end = null) {
    let last = behind;
    let { root } = this;
    let leaf = leafOf(root, table, behind);
    while (leaf) {
      for (let index = last === null ? 0 : leaf.seekBehind(last); index < leaf.count && root === this.#root; index++) {
        const key = leaf.key(index);
        if (end !== null && Buffer.compare(key, end) >= 0) return;
        last = key;
        yield { key, value: root.value(leaf, index) };
      }
      const from = root === this.#root ? leaf.behind : last;
      if (from === null) return;
      root = this.root;
      leaf = leafOf(root, table, from);
    }
  }

  close() {
    if (this.#root === null) return;
    this.#root = null;
    closeSync(this.#fd);
  }
}

/** @param {LmdbRoot} root @param {string} table @param {Buffer | null} key @returns a copy: the root uses its leaves again */
function leafOf(root, table, key) {
  const tree = root.table(table);
  return (tree && root.leafFor(tree, key)?.copy()) ?? null;
}
