import { invariant } from '@zk/protocol';

/** A block's address: chunk number × 65536 + offset in units of 16 bytes. 0 is no block. */
export type BlockRef = number;

const NO_BLOCK: BlockRef = 0;

const GRAIN = 16;
const CHUNK_LENGTH = 1 << 20;
const MAX_CHUNKS = 1 << 16;
/** From here on a block gets a chunk of its own, which goes back to the system when it is freed. */
const LARGE = CHUNK_LENGTH >> 2;
const SMALL_LIMIT = 1024;
const SMALL_CLASSES = SMALL_LIMIT / GRAIN;
const CLASSES_PER_DOUBLING = 8;
const SMALL_LIMIT_LOG2 = 10;
const DOUBLINGS = 8; // 1 KiB … 256 KiB

/**
 * Byte blocks of any length, packed into a few large buffers outside the garbage-collected heap.
 *
 * Lengths are rounded up to 16 bytes, above 1 KiB to an eighth of a power of two (at most 1/8 is lost). A freed block
 * joins the free list of its length class, whose links lie in the free blocks themselves; blocks are not merged again.
 */
export class Slab {
  readonly #chunks: (Buffer | null)[] = [null]; // there is no chunk 0, so no block has the address 0
  readonly #vacantNumbers: number[] = [];
  readonly #freeHeads = new Uint32Array(1 + SMALL_CLASSES + DOUBLINGS * CLASSES_PER_DOUBLING);
  #current = -1;
  #used = 0;
  #allocated = 0;

  /** Bytes of the blocks that are allocated, as they were rounded up. */
  get allocatedBytes(): number {
    return this.#allocated;
  }

  /** @returns a block of at least `length` bytes with undefined content; {@link NO_BLOCK} for length 0 */
  allocate(length: number): BlockRef {
    if (length === 0) return NO_BLOCK;
    if (length >= LARGE) {
      this.#allocated += length;
      return refOf(this.#addChunk(length), 0);
    }
    const sizeClass = classOf(length);
    this.#allocated += lengthOfClass(sizeClass);
    const head = this.#freeHeads[sizeClass]!;
    if (head === NO_BLOCK) return this.#carve(lengthOfClass(sizeClass));
    this.#freeHeads[sizeClass] = this.chunkOf(head).readUInt32LE(offsetOf(head));
    return head;
  }

  /** Gives a block back. `length` is what it was allocated with. */
  free(block: BlockRef, length: number): void {
    if (block === NO_BLOCK) return;
    if (length >= LARGE) {
      this.#allocated -= length;
      this.#chunks[block >>> 16] = null;
      this.#vacantNumbers.push(block >>> 16);
    } else {
      const sizeClass = classOf(length);
      this.#allocated -= lengthOfClass(sizeClass);
      this.#release(block, sizeClass);
    }
  }

  /** Whether a block of `before` bytes can go on holding `after` bytes where it is. */
  fits(before: number, after: number): boolean {
    if (before === 0 || after === 0 || before >= LARGE || after >= LARGE) return before === after;
    return classOf(before) === classOf(after);
  }

  /** A view on bytes `[from, from + length)` of a block. */
  viewOf(block: BlockRef, from: number, length: number): Buffer {
    if (length === 0) return Buffer.alloc(0);
    const start = offsetOf(block) + from;
    return this.chunkOf(block).subarray(start, start + length);
  }

  /** The buffer in which the block lies, from {@link offsetOf} on. */
  chunkOf(block: BlockRef): Buffer {
    return this.#chunks[block >>> 16]!;
  }

  #release(block: BlockRef, sizeClass: number): void {
    this.chunkOf(block).writeUInt32LE(this.#freeHeads[sizeClass]!, offsetOf(block));
    this.#freeHeads[sizeClass] = block;
  }

  #carve(length: number): BlockRef {
    if (this.#current < 0 || this.#used + length > CHUNK_LENGTH) {
      this.#recycleTail();
      this.#current = this.#addChunk(CHUNK_LENGTH);
      this.#used = 0;
    }
    const block = refOf(this.#current, this.#used);
    this.#used += length;
    return block;
  }

  /** What is left of the current chunk becomes free blocks of at most 1 KiB. */
  #recycleTail(): void {
    while (this.#current >= 0 && this.#used < CHUNK_LENGTH) {
      const length = Math.min(SMALL_LIMIT, CHUNK_LENGTH - this.#used);
      this.#release(refOf(this.#current, this.#used), classOf(length));
      this.#used += length;
    }
  }

  #addChunk(length: number): number {
    const number = this.#vacantNumbers.pop() ?? this.#chunks.length;
    invariant(number < MAX_CHUNKS, 'znode data fit into 65536 chunks', { chunks: number });
    this.#chunks[number] = Buffer.allocUnsafeSlow(length);
    return number;
  }
}

/** @returns where the block begins in its chunk */
export const offsetOf = (block: BlockRef): number => (block & 0xffff) * GRAIN;

function refOf(chunk: number, offset: number): BlockRef {
  return chunk * 0x10000 + offset / GRAIN;
}

function classOf(length: number): number {
  if (length <= SMALL_LIMIT) return Math.ceil(length / GRAIN);
  const log2 = 31 - Math.clz32(length - 1);
  const eighths = Math.ceil(length / (1 << (log2 - 3))) - CLASSES_PER_DOUBLING;
  return SMALL_CLASSES + (log2 - SMALL_LIMIT_LOG2) * CLASSES_PER_DOUBLING + eighths;
}

function lengthOfClass(sizeClass: number): number {
  if (sizeClass <= SMALL_CLASSES) return sizeClass * GRAIN;
  const above = sizeClass - SMALL_CLASSES - 1;
  const log2 = SMALL_LIMIT_LOG2 + Math.floor(above / CLASSES_PER_DOUBLING);
  return (1 << (log2 - 3)) * (CLASSES_PER_DOUBLING + 1 + (above % CLASSES_PER_DOUBLING));
}
