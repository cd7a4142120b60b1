import { JuteError } from '@zk/jute';

/** Copied beyond what was asked when a record crosses chunks, so that asking for a little more is cheap. */
const SLACK = 4096;

/** Bytes that have arrived and are not understood yet: any chunking in, contiguous views out, little copied. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** A contiguous view of the next `size` bytes or more; null while fewer have arrived. Nothing is consumed. */
  front(size: number): Buffer | null {
    if (size > this.#length) return null;
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    return first.length >= size ? first : this.#merge(Math.min(size + SLACK, this.#length));
  }

  /** Consumes bytes that front() has shown. */
  drop(size: number): void {
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    this.#length -= size;
    if (first.length > size) this.#chunks[0] = first.subarray(size);
    else this.#chunks.shift();
  }

  /** Empties the queue. */
  takeAll(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return all;
  }

  #merge(size: number): Buffer {
    const merged = Buffer.allocUnsafe(size);
    let filled = 0;
    let used = 0; // chunks copied whole
    while (filled < size) {
      const chunk = this.#chunks[used]!;
      const copied = chunk.copy(merged, filled);
      filled += copied;
      if (copied === chunk.length) used++;
      else this.#chunks[used] = chunk.subarray(copied);
    }
    this.#chunks.splice(0, used, merged);
    return merged;
  }
}

/** Walks over the lengths in a record without reading it, to learn whether the whole of it has arrived. */
export class Extent {
  readonly #queue: ByteQueue;
  readonly #record: string;
  readonly #limit: number;
  /** The size of what was walked over so far. */
  size = 0;

  /** @param limit the longest buffer or string, and half of the longest record, in bytes */
  constructor(queue: ByteQueue, record: string, limit: number) {
    this.#queue = queue;
    this.#record = record;
    this.#limit = limit;
  }

  /** Steps over fields of fixed size. False when they have not arrived yet, as with the other steps. */
  fixed(size: number): boolean {
    this.size += size;
    if (this.size > 2 * this.#limit) throw new JuteError(this.#record, `is longer than ${2 * this.#limit} bytes`);
    return this.size <= this.#queue.length;
  }

  /** Steps over a buffer or a string: its length, then as many bytes. */
  counted(field: string): boolean {
    const at = this.size;
    if (!this.fixed(4)) return false;
    const length = this.#intAt(at);
    if (length < -1 || length > this.#limit) {
      throw new JuteError(`${this.#record}.${field}`, `claims ${length} bytes, the limit is ${this.#limit}`);
    }
    return this.fixed(Math.max(length, 0));
  }

  /** Steps over a vector: its count, then every item. A negative count has no items. */
  repeated(item: () => boolean): boolean {
    const at = this.size;
    if (!this.fixed(4)) return false;
    for (let left = this.#intAt(at); left > 0; left--) if (!item()) return false;
    return true;
  }

  #intAt(offset: number): number {
    return this.#queue.front(offset + 4)!.readInt32BE(offset);
  }
}
