import { JuteError } from './errors.ts';
import { decodeText } from './text.ts';

// 64-bit values pass through here as two 32-bit halves: one bigint is made, and none in between.
const scratch = new DataView(new ArrayBuffer(8));

/**
 * A cursor over jute bytes (big-endian, lengths are signed 32 bits) that cannot run off the end: every method throws
 * {@link JuteError} instead. Nothing is copied.
 */
export class Reader {
  #bytes: Buffer;
  /** The next byte to read, counted from the beginning of `bytes`. */
  offset: number;
  #end: number;
  readonly #maxLength: number;

  /**
   * @param offset where to begin, default 0
   * @param end one past the last byte that may be read, default the whole of `bytes`
   * @param maxLength longest buffer or string that is accepted, in bytes (`jute.maxbuffer` + extrasize)
   */
  constructor(bytes: Buffer, offset = 0, end = bytes.length, maxLength = 0x7fffffff) {
    this.#bytes = bytes;
    this.offset = offset;
    this.#end = end;
    this.#maxLength = maxLength;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Begins anew with other bytes. */
  restart(bytes: Buffer, offset = 0, end = bytes.length): this {
    this.#bytes = bytes;
    this.offset = offset;
    this.#end = end;
    return this;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#end - this.offset;
  }

  /** A signed byte. */
  byte(): number {
    return this.#bytes.readInt8(this.#take('byte', 1));
  }

  /** Any non-zero byte is true. */
  bool(): boolean {
    return this.#bytes[this.#take('boolean', 1)] !== 0;
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take('int', 4));
  }

  long(): bigint {
    const at = this.#take('long', 8);
    scratch.setInt32(0, this.#bytes.readInt32BE(at));
    scratch.setInt32(4, this.#bytes.readInt32BE(at + 4));
    return scratch.getBigInt64(0);
  }

  /** A VIEW of the bytes: whoever keeps it copies it. `null` is length −1, which is not the empty buffer. */
  buffer(): Buffer | null {
    const length = this.#length('buffer');
    if (length < 0) return null;
    const at = this.offset;
    this.offset = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  /** A string or null (length −1). Malformed UTF-8 becomes U+FFFD; surrogates written one by one are put together. */
  ustring(): string | null {
    const length = this.#length('ustring');
    if (length < 0) return null;
    const at = this.offset;
    this.offset = at + length;
    return decodeText(this.#bytes, at, at + length);
  }

  /** A string; null is refused. */
  string(): string {
    const at = this.offset;
    const text = this.ustring();
    if (text === null) throw new JuteError('ustring', `is null at ${at}`);
    return text;
  }

  /**
   * The count in front of a vector: −1 (null) or more; other negative counts are read as 0.
   * A count that the bytes left cannot hold is refused here, before anything is allocated for it.
   * @param itemBytes the fewest bytes one item takes, at least 1
   */
  count(itemBytes: number): number {
    const at = this.offset;
    const count = this.int();
    if (count < 0) return count === -1 ? -1 : 0;
    if (count * itemBytes > this.remaining) {
      throw new JuteError('vector', `claims ${count} items at ${at}, ${this.remaining} bytes are left`, true);
    }
    return count;
  }

  skip(bytes: number): void {
    if (bytes < 0) throw new RangeError(`cannot skip ${bytes} bytes`);
    this.#take('skip', bytes);
  }

  #take(kind: string, bytes: number): number {
    const at = this.offset;
    if (at + bytes > this.#end) {
      throw new JuteError(kind, `takes ${bytes} bytes at ${at}, ${this.remaining} are left`, true);
    }
    this.offset = at + bytes;
    return at;
  }

  #length(kind: string): number {
    const at = this.offset;
    const length = this.int();
    if (length < -1) throw new JuteError(kind, `claims ${length} bytes at ${at}`);
    if (length > this.#maxLength) {
      throw new JuteError(kind, `claims ${length} bytes at ${at}, the limit is ${this.#maxLength}`);
    }
    if (length > this.remaining) {
      throw new JuteError(kind, `claims ${length} bytes at ${at}, ${this.remaining} are left`, true);
    }
    return length;
  }
}
