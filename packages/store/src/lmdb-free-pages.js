import { META_PAGES } from './lmdb-layout.js';

const ENTRY_BYTES = 8;
/** The upper half of a small negative number. */
const NEGATIVE = 0xffff_ffff;

/** Numbers of pages, one bit each. */
export class PageSet {
  /** @type {Uint8Array} */
  #bits;
  count = 0;

  constructor(/** @type {number} */ lastPage) {
    this.#bits = new Uint8Array((lastPage >> 3) + 1);
  }

  has(/** @type {number} */ page) {
    return (/** @type {number} */ (this.#bits[page >> 3]) & (1 << (page & 7))) !== 0;
  }

  /** @returns whether it was not in it */
  add(/** @type {number} */ page) {
    if (this.has(page)) return false;
    this.#bits[page >> 3] = /** @type {number} */ (this.#bits[page >> 3]) | (1 << (page & 7));
    this.count += 1;
    return true;
  }
}

/**
 * Adds the pages of one record of the free list: how many entries count (u64), then those, each a page, a negative number
 * of pages with the first of them behind it, or 0 for nothing. There may be room behind them.
 * @param {PageSet} pages
 * @param {Buffer} record
 * @param {number} lastPage of the file
 * @throws {Error} for a page that cannot be free, or is so twice
 */
export function addFreePages(pages, record, lastPage) {
  const entries = record.length >= ENTRY_BYTES ? record.readUInt32LE(0) : -1;
  if (entries < 0 || record.readUInt32LE(4) !== 0 || (entries + 1) * ENTRY_BYTES > record.length) {
    throw new Error(`the list of free pages has a record of ${record.length} bytes for ${entries} entries`);
  }
  for (let at = ENTRY_BYTES; at <= entries * ENTRY_BYTES; at += ENTRY_BYTES) {
    const isRun = record.readUInt32LE(at + 4) === NEGATIVE;
    const length = isRun ? -record.readInt32LE(at) : 1;
    if (isRun) at += ENTRY_BYTES;
    const page = at <= entries * ENTRY_BYTES && record.readUInt32LE(at + 4) === 0 ? record.readUInt32LE(at) : -1;
    if (page === 0 && !isRun) continue;
    if (page < META_PAGES || length < 1 || page + length - 1 > lastPage) throw new Error(`the list of free pages has ${length} from page ${page} on`);
    for (let free = page; free < page + length; free++) if (!pages.add(free)) throw new Error(`the list of free pages has page ${free} twice`);
  }
}
