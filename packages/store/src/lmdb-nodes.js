import { BIG, HEAD_BYTES, NODE_BYTES } from './lmdb-layout.js';

/** In words of 2 bytes: the heads of nodes lie on even addresses. */
export const FIRST_POINTER = HEAD_BYTES / 2;

/** The nodes of a page, by their index: they are to be checked before they are asked for more than their lengths. */
export class LmdbNodes {
  /** @type {Buffer} */
  bytes;
  /** The same memory. @type {Uint16Array} */
  words;
  /** Of the page. */
  number = 0;
  /** How many nodes there are. */
  count = 0;

  constructor(/** @type {number} */ pageSize) {
    this.bytes = Buffer.allocUnsafeSlow(pageSize);
    this.words = new Uint16Array(this.bytes.buffer);
  }

  /** @returns {never} */
  fail(/** @type {string} */ what) {
    throw new Error(`page ${this.number} ${what}`);
  }

  key(/** @type {number} */ index) {
    const at = this.keyAt(index);
    return this.bytes.subarray(at, at + this.keyLength(index));
  }

  /** Of a leaf, where the value is in the page. */
  keyAndValue(/** @type {number} */ index) {
    return this.bytes.subarray(this.keyAt(index), this.valueAt(index) + this.valueLength(index));
  }

  /** The page below a node of a branch. */
  child(/** @type {number} */ index) {
    const at = this.nodeAt(index) >> 1;
    return this.word(at) + this.word(at + 1) * 0x1_0000 + this.word(at + 2) * 0x1_0000_0000;
  }

  isBig(/** @type {number} */ index) {
    return this.nodeFlags(index) === BIG;
  }

  /** Of a leaf. */
  nodeFlags(/** @type {number} */ index) {
    return this.word((this.nodeAt(index) >> 1) + 2);
  }

  /** Bytes of the value, wherever it is. */
  valueLength(/** @type {number} */ index) {
    return this.bytes.readUInt32LE(this.nodeAt(index));
  }

  /** Where the value of a leaf's node begins, or what leads to it. */
  valueAt(/** @type {number} */ index) {
    return this.keyAt(index) + this.keyLength(index);
  }

  /** The child of a branch in whose range the key lies: that of the last node that is not behind it. The first has no key of its own. */
  childFor(/** @type {Uint8Array} */ key) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.compare(middle, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first node of a leaf that is not before the key; `count` when all are. */
  seek(/** @type {Uint8Array} */ key) {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first node of a leaf that is behind the key. */
  seekBehind(/** @type {Uint8Array} */ key) {
    const index = this.seek(key);
    return index < this.count && this.compare(index, key) === 0 ? index + 1 : index;
  }

  /** Below 0: the key of this node comes before the other. */
  compare(/** @type {number} */ index, /** @type {Uint8Array} */ key) {
    const { bytes } = this;
    const at = this.keyAt(index);
    const length = this.keyLength(index);
    const common = length < key.length ? length : key.length;
    for (let i = 0; i < common; i++) {
      const difference = /** @type {number} */ (bytes[at + i]) - /** @type {number} */ (key[i]);
      if (difference !== 0) return difference;
    }
    return length - key.length;
  }

  /** 2 bytes of the page. */
  word(/** @type {number} */ at) {
    return /** @type {number} */ (this.words[at]);
  }

  /** Where its head begins. */
  nodeAt(/** @type {number} */ index) {
    return HEAD_BYTES + this.word(FIRST_POINTER + index);
  }

  keyAt(/** @type {number} */ index) {
    return this.nodeAt(index) + NODE_BYTES;
  }

  keyLength(/** @type {number} */ index) {
    return this.word((this.nodeAt(index) >> 1) + 3);
  }

  /** The transaction that wrote it. */
  get txn() {
    return this.bytes.readUInt32LE(8) + this.bytes.readUInt32LE(12) * 0x1_0000_0000;
  }

  /** Below 0: the key of this node comes before that of the other, here or in another page. */
  compareNodes(/** @type {number} */ index, /** @type {LmdbNodes} */ page, /** @type {number} */ otherIndex) {
    return compareKeys(this, this.keyAt(index), this.keyLength(index), page, page.keyAt(otherIndex), page.keyLength(otherIndex));
  }

  /** A key that is a number. */
  numberAt(/** @type {number} */ index) {
    if (this.keyLength(index) !== 8) this.fail(`has a number of ${this.keyLength(index)} bytes`);
    const at = this.keyAt(index);
    return this.bytes.readUInt32LE(at) + this.bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
  }
}

/**
 * Keys begin at even addresses: 2 bytes are compared at a time as long as they are alike.
 * @param {LmdbNodes} one @param {number} at @param {number} length of its key
 * @param {LmdbNodes} other @param {number} otherAt @param {number} otherLength
 */
export function compareKeys(one, at, length, other, otherAt, otherLength) {
  const [words, otherWords] = [one.words, other.words];
  const common = length < otherLength ? length : otherLength;
  let i = 0;
  while (i + 2 <= common && words[(at + i) >> 1] === otherWords[(otherAt + i) >> 1]) i += 2;
  for (; i < common; i++) {
    const difference = /** @type {number} */ (one.bytes[at + i]) - /** @type {number} */ (other.bytes[otherAt + i]);
    if (difference !== 0) return difference;
  }
  return length - otherLength;
}
