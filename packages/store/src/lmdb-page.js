import { readSync } from 'node:fs';
import { BIG, BIG_BYTES, BRANCH, HEAD_BYTES, INTEGER_KEYS, LEAF, maxKeyBytes, maxNodeBytes, NODE_BYTES, SUBTREE, TREE_BYTES } from './lmdb-layout.js';
import { compareKeys, FIRST_POINTER, LmdbNodes } from './lmdb-nodes.js';

/** @typedef {import('./lmdb-layout.js').LmdbTree} LmdbTree */
/** @typedef {{ fd: number, txn: number }} PageFile the newest transaction in it */

/** In words of 2 bytes. */
const FLAGS = 9;
const LOWER = 10;
const UPPER = 11;

/**
 * A branch or a leaf of a tree, believed only as far as it has been checked: {@link read} leaves nothing in it that could
 * lead outside of the page, and its keys rise and lie between the keys that its parent puts around it.
 *
 * The memory is used again for the next page.
 */
export class LmdbPage extends LmdbNodes {
  isLeaf = false;
  /** @type {LmdbTree | null} */
  tree = null;
  /** @type {LmdbPage | null} */
  parent = null;
  index = 0;
  level = 0;
  /** The nodes of branches above whose keys are the first that may be in here, and the first behind. @type {LmdbPage | null} */
  #low = null;
  #lowIndex = 0;
  /** @type {LmdbPage | null} */
  #high = null;
  #highIndex = 0;

  /**
   * @param {PageFile} file @param {number} number
   * @param {LmdbTree} tree @param {LmdbPage | null} parent @param {number} index below the index-th node of the parent
   * @param {number} level 1 for the root, which has no parent
   * @throws {Error} naming the page, for anything that LMDB would not have written there
   */
  read(file, number, tree, parent, index, level) {
    this.number = number;
    const { bytes } = this;
    if (readSync(file.fd, bytes, 0, bytes.length, number * bytes.length) !== bytes.length) this.fail('is behind the end of the file');
    this.tree = tree;
    this.parent = parent;
    this.index = index;
    this.level = level;
    this.#takeBounds();
    this.#checkHead(parent === null ? file.txn : parent.txn);
    this.#checkNodes();
    if (tree.flags === INTEGER_KEYS) this.#checkNumbers();
    else this.#checkRange();
  }

  /** As it is now, in memory of its own. */
  copy() {
    const copy = new LmdbPage(this.bytes.length);
    this.bytes.copy(copy.bytes);
    copy.number = this.number;
    copy.count = this.count;
    copy.isLeaf = this.isLeaf;
    copy.tree = this.tree;
    copy.#high = this.#high;
    copy.#highIndex = this.#highIndex;
    return copy;
  }

  /** The first key of the leaf behind this one, or less; null: there is none. */
  get behind() {
    return this.#high?.key(this.#highIndex) ?? null;
  }

  /** The first key that may be in here, and the first behind, are those of the nearest nodes above on either side. */
  #takeBounds() {
    const { parent, index } = this;
    this.#low = parent;
    this.#lowIndex = index;
    this.#high = parent;
    this.#highIndex = index + 1;
    if (parent === null) return;
    if (index === 0) {
      this.#low = parent.#low;
      this.#lowIndex = parent.#lowIndex;
    }
    if (index + 1 === parent.count) {
      this.#high = parent.#high;
      this.#highIndex = parent.#highIndex;
    }
  }

  #checkHead(/** @type {number} */ newestTxn) {
    const { bytes, number, level } = this;
    if (bytes.readUInt32LE(0) !== number || bytes.readUInt32LE(4) !== 0) this.fail('says it is another');
    if (this.txn > newestTxn) this.fail(`was written by transaction ${this.txn}, and what leads to it by ${newestTxn}`);
    this.isLeaf = this.tree?.depth === level;
    if (this.word(FLAGS) !== (this.isLeaf ? LEAF : BRANCH)) this.fail(`has the flags ${this.word(FLAGS)}`);
    const [lower, upper] = [this.word(LOWER), this.word(UPPER)];
    if ((lower & 1) !== 0 || lower > upper || upper > bytes.length - HEAD_BYTES || (upper & 1) !== 0) {
      this.fail(`has its nodes between ${lower} and ${upper}`);
    }
    this.count = lower >> 1;
    // While LMDB saves its list of free pages, that one may shrink to a branch with a single child.
    if (this.count < (this.isLeaf || this.tree?.flags === INTEGER_KEYS ? 1 : 2)) this.fail(`has ${this.count} nodes`);
  }

  /**
   * They lie within the page, and fill what it says is full; each key is behind the one before. Without a call for each
   * field: a start does this thousands of times before V8 has optimized it.
   */
  #checkNodes() {
    const { bytes, words, isLeaf, count } = this;
    const [longest, largest] = [maxKeyBytes(bytes.length), maxNodeBytes(bytes.length)];
    const hasOrder = this.tree?.flags !== INTEGER_KEYS;
    const top = HEAD_BYTES + this.word(UPPER);
    const firstKey = isLeaf ? 0 : 1;
    let used = 0;
    let [keyBefore, lengthBefore] = [0, 0];
    for (let index = 0; index < count; index++) {
      const at = HEAD_BYTES + /** @type {number} */ (words[FIRST_POINTER + index]);
      if ((at & 1) !== 0 || at < top || at + NODE_BYTES > bytes.length) this.fail(`has its node ${index} at ${at}`);
      const keyLength = /** @type {number} */ (words[(at >> 1) + 3]);
      if (keyLength > longest || (keyLength === 0 && index >= firstKey)) this.fail(`has a key of ${keyLength} bytes`);
      const length = NODE_BYTES + keyLength + (isLeaf ? this.#inlineLength(at >> 1) : 0);
      if (length > largest || at + length > bytes.length) this.fail(`has a node of ${length} bytes at ${at}`);
      const key = at + NODE_BYTES;
      if (index > firstKey && hasOrder && compareKeys(this, keyBefore, lengthBefore, this, key, keyLength) >= 0) {
        this.fail(`has its key ${index} out of order`);
      }
      used += (length + 1) & ~1;
      keyBefore = key;
      lengthBefore = keyLength;
    }
    if (used !== bytes.length - top) this.fail(`has nodes of ${used} bytes where there are ${bytes.length - top}`);
  }

  /** @param {number} at of the node, in words */
  #inlineLength(at) {
    const { words } = this;
    const flags = /** @type {number} */ (words[at + 2]);
    const length = /** @type {number} */ (words[at]) + /** @type {number} */ (words[at + 1]) * 0x1_0000;
    const isRight = this.tree?.hasTables ? flags === SUBTREE && length === TREE_BYTES : flags === 0 || flags === BIG;
    if (!isRight) this.fail(`has a node with the flags ${flags}`);
    return flags === BIG ? BIG_BYTES : length;
  }

  /** None before what the branches above have to its left, all before what they have to its right. */
  #checkRange() {
    if (this.#low && this.compareNodes(this.isLeaf ? 0 : 1, this.#low, this.#lowIndex) < 0) this.fail('has a key before its range');
    if (this.#high && this.compareNodes(this.count - 1, this.#high, this.#highIndex) >= 0) this.fail('has a key behind its range');
  }

  /** The same where the keys are numbers of transactions. */
  #checkNumbers() {
    let before = this.#low ? this.#low.numberAt(this.#lowIndex) - 1 : -1;
    const end = this.#high ? this.#high.numberAt(this.#highIndex) : Infinity;
    for (let index = this.isLeaf ? 0 : 1; index < this.count; index++) {
      const number = this.numberAt(index);
      if (number <= before || number >= end) this.fail(`has its key ${index} out of order`);
      before = number;
    }
  }
}
