import { readSync } from 'node:fs';
import { addFreePages, PageSet } from './lmdb-free-pages.js';
import { HEAD_BYTES, MAX_DEPTH, META_BYTES, META_PAGES, newerMeta, OVERFLOW, overflowPages, readMeta, readTree, u64 } from './lmdb-layout.js';
import { LmdbPage } from './lmdb-page.js';

/** @typedef {import('./lmdb-layout.js').LmdbMeta} LmdbMeta */
/** @typedef {import('./lmdb-layout.js').LmdbTree} LmdbTree */

/** Leaves kept: what is asked for one after the other is often close together. Branches are few, and stay. */
const LEAVES = 64;

/**
 * What one transaction has left in an LMDB file: the pages that its meta page leads to. They stay as they are while it is
 * the newest transaction, and while the next two are under way (see {@link LmdbFile}).
 *
 * Nothing in the file is believed. A page that is read is what LMDB writes, has its keys where those of the pages above
 * say, and is not in the list of free pages, in which every page is that leads nowhere any more: an older page of the same
 * file is damage as well. Everything throws an Error that names the page.
 */
export class LmdbRoot {
  /** @type {number} */
  #fd;
  /** @type {LmdbMeta} */
  meta;
  /** @type {import('./lmdb-page.js').PageFile} */
  #pages;
  /** @type {Map<string, LmdbTree | null>} */
  #tables = new Map();
  /** @type {PageSet | null} */
  #free = null;
  /** By their numbers. @type {Map<number, LmdbPage>} */
  #branches = new Map();
  /** @type {Map<number, LmdbPage>} */
  #leaves = new Map();
  /** The same, in the order in which they are used again. @type {LmdbPage[]} */
  #ring = [];
  #hand = 0;

  /** Of the newest transaction. */
  constructor(/** @type {number} */ fd) {
    this.#fd = fd;
    const zero = readMeta(readAt(fd, 0, META_BYTES), 0);
    this.meta = newerMeta(zero, readMeta(readAt(fd, zero.pageSize, META_BYTES), 1));
    this.#pages = { fd, txn: this.meta.txn };
  }

  /** Pages that are in no tree. */
  get free() {
    this.#free ??= this.#readFreeList();
    return this.#free;
  }

  /** @returns null when there are no tables at all yet */
  table(/** @type {string} */ name) {
    let tree = this.#tables.get(name);
    if (tree === undefined) this.#tables.set(name, (tree = this.#findTable(name)));
    return tree;
  }

  /**
   * The leaf where a key is if it is anywhere; null in an empty tree. The page is the root's own, until the next call.
   * @param {LmdbTree} tree
   * @param {Uint8Array | null} key null: the first leaf
   */
  leafFor(tree, key) {
    this.free;
    let number = tree.root;
    /** @type {LmdbPage | null} */
    let page = null;
    let index = 0;
    for (let level = 1; number !== null; level++) {
      page = this.#take(number, tree, page, index, level);
      if (page.isLeaf) return page;
      index = key === null ? 0 : page.childFor(key);
      number = page.child(index);
    }
    return null;
  }

  /** Within the page, unless it is in overflow pages. @returns {Buffer} */
  value(/** @type {LmdbPage} */ leaf, /** @type {number} */ index) {
    if (leaf.isBig(index)) return this.#readOverflow(leaf, index, leaf.valueLength(index));
    const at = leaf.valueAt(index);
    return leaf.bytes.subarray(at, at + leaf.valueLength(index));
  }

  /** Checks the head of a value's overflow pages. @returns their numbers */
  overflow(/** @type {LmdbPage} */ leaf, /** @type {number} */ index) {
    this.#readOverflow(leaf, index, 0);
    return this.#overflowOf(leaf, index);
  }

  /**
   * All pages of a tree but overflow pages, each before what is below it, and valid only then.
   * @param {LmdbTree} tree
   * @param {(page: LmdbPage) => void} visit
   */
  walk(tree, visit) {
    if (tree.root !== null) this.#walk(tree.root, tree, null, 0, [], visit);
  }

  /** The record of a tree in a leaf of the main tree. */
  treeAt(/** @type {LmdbPage} */ leaf, /** @type {number} */ index) {
    const tree = readTree(leaf.bytes, leaf.valueAt(index));
    if (tree.flags !== 0 || tree.padding !== 0) leaf.fail(`has a table with the flags ${tree.flags}`);
    return requireDepth(tree);
  }

  /** lmdb-js ends the names with NUL. */
  #findTable(/** @type {string} */ name) {
    const key = Buffer.from(`${name}\0`);
    const leaf = this.leafFor(requireDepth(this.meta.main), key);
    if (leaf === null) return null;
    const index = leaf.seek(key);
    if (index === leaf.count || leaf.compare(index, key) !== 0) throw new Error(`there is no table ${name}`);
    return this.treeAt(leaf, index);
  }

  /** @param {number} number @param {LmdbTree} tree @param {LmdbPage | null} parent @param {number} index @param {number} level */
  #take(number, tree, parent, index, level) {
    const known = this.#branches.get(number) ?? this.#leaves.get(number);
    if (known) {
      if (known.tree !== tree || known.parent !== parent || known.index !== index) known.fail('is led to twice');
      return known;
    }
    this.#requireUsed(number);
    const isLeaf = level === tree.depth;
    const page = isLeaf ? this.#oldestLeaf() : new LmdbPage(this.meta.pageSize);
    page.read(this.#pages, number, tree, parent, index, level);
    (isLeaf ? this.#leaves : this.#branches).set(number, page);
    return page;
  }

  #oldestLeaf() {
    const oldest = this.#ring[this.#hand];
    const page = oldest ?? new LmdbPage(this.meta.pageSize);
    if (oldest) this.#leaves.delete(oldest.number);
    this.#ring[this.#hand] = page;
    this.#hand = (this.#hand + 1) % LEAVES;
    return page;
  }

  #requireUsed(/** @type {number} */ number) {
    if (number < META_PAGES || number > this.meta.lastPage) throw new Error(`page ${number} is none of a tree's, up to ${this.meta.lastPage}`);
    if (this.#free?.has(number)) throw new Error(`page ${number} is free, and something leads to it`);
  }

  /** The list is in a tree of its own, by transactions. Its own pages must not be in it. */
  #readFreeList() {
    const free = new PageSet(this.meta.lastPage);
    /** @type {number[]} */
    const own = [];
    this.walk(requireDepth(this.meta.free), (page) => {
      own.push(page.number);
      for (let index = 0; page.isLeaf && index < page.count; index++) {
        if (page.isBig(index)) own.push(...this.#overflowOf(page, index));
        addFreePages(free, this.value(page, index), this.meta.lastPage);
      }
    });
    for (const page of own) if (free.has(page)) throw new Error(`page ${page} is free, and has to do with the list of free pages`);
    return free;
  }

  /**
   * @param {number} number @param {LmdbTree} tree @param {LmdbPage | null} parent @param {number} index
   * @param {LmdbPage[]} pages one for each level @param {(page: LmdbPage) => void} visit
   */
  #walk(number, tree, parent, index, pages, visit) {
    this.#requireUsed(number);
    const level = parent === null ? 1 : parent.level + 1;
    const page = (pages[level] ??= new LmdbPage(this.meta.pageSize));
    page.read(this.#pages, number, tree, parent, index, level);
    visit(page);
    if (page.isLeaf) return;
    for (let child = 0; child < page.count; child++) this.#walk(page.child(child), tree, page, child, pages, visit);
  }

  /** Numbers of pages. A value may have more of them than it needs: it was longer once. */
  #overflowOf(/** @type {LmdbPage} */ leaf, /** @type {number} */ index) {
    const at = leaf.valueAt(index);
    const [first, count] = [u64(leaf.bytes, at), u64(leaf.bytes, at + 16)];
    const needed = overflowPages(leaf.valueLength(index), this.meta.pageSize);
    if (count < needed || first + count - 1 > this.meta.lastPage) leaf.fail(`has a value in ${count} pages from ${first} on, which takes ${needed}`);
    return Array.from({ length: count }, (_, i) => first + i);
  }

  /** @param {number} length of the value, or 0 for the head alone */
  #readOverflow(/** @type {LmdbPage} */ leaf, /** @type {number} */ index, length) {
    const pages = this.#overflowOf(leaf, index);
    for (const number of pages) this.#requireUsed(number);
    const [first = 0] = pages;
    const bytes = readAt(this.#fd, first * this.meta.pageSize, HEAD_BYTES + length);
    const txn = u64(leaf.bytes, leaf.valueAt(index) + 8);
    const isWhole = bytes.length === HEAD_BYTES + length && bytes.readUInt16LE(18) === OVERFLOW && bytes.readUInt32LE(20) === pages.length;
    if (!isWhole || u64(bytes, 0) !== first || u64(bytes, 8) !== txn || txn > leaf.txn) leaf.fail(`has a value in page ${first} by transaction ${txn}, which is not there`);
    return bytes.subarray(HEAD_BYTES);
  }
}

/** @param {LmdbTree} tree */
function requireDepth(tree) {
  const isRight = tree.depth <= MAX_DEPTH && (tree.depth === 0) === (tree.root === null);
  if (!isRight) throw new Error(`a tree of the depth ${tree.depth} with the root ${tree.root}`);
  return tree;
}

/** Fewer bytes at the end of the file. */
function readAt(/** @type {number} */ fd, /** @type {number} */ position, /** @type {number} */ length) {
  const bytes = Buffer.allocUnsafeSlow(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}
