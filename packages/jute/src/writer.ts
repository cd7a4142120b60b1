import { JuteError } from './errors.ts';
import { encodeText } from './text.ts';

const scratch = new DataView(new ArrayBuffer(8));

/** A writer that grew beyond this lets the memory go at the next reset(). */
const KEPT_BYTES = 1 << 20;

/**
 * Writes jute bytes into one buffer that doubles when it is full. Made to be reused: `reset()` keeps the buffer.
 * A number that does not fit its type is a {@link JuteError}: it would be another number on the other side.
 */
export class Writer {
  #bytes: Buffer;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(Math.max(initialBytes, 16));
  }

  /** How many bytes have been written since the last reset. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    if (value < -0x80 || value > 0xff) throw new JuteError('byte', `${value} does not fit in 8 bits`);
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  bool(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value ? 1 : 0;
  }

  int(value: number): void {
    if ((value | 0) !== value) throw new JuteError('int', `${value} does not fit in 32 bits`);
    this.#reserve(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
  }

  long(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new JuteError('long', `${value} does not fit in 64 bits`);
    scratch.setBigInt64(0, value);
    this.#reserve(8);
    this.#bytes.writeInt32BE(scratch.getInt32(0), this.#length);
    this.#bytes.writeInt32BE(scratch.getInt32(4), this.#length + 4);
    this.#length += 8;
  }

  /** Length and bytes; null is length −1. */
  buffer(value: Buffer | null): void {
    if (value === null) return this.int(-1);
    this.int(value.length);
    this.raw(value);
  }

  /** Length and text; null is length −1. One UTF-16 unit at a time, see text.ts. */
  ustring(value: string | null): void {
    if (value === null) return this.int(-1);
    this.#reserve(4 + 3 * value.length);
    const from = this.#length + 4;
    const to = encodeText(value, this.#bytes, from);
    this.#bytes.writeInt32BE(to - from, this.#length);
    this.#length = to;
  }

  /** Bytes as they are, without a length. */
  raw(value: Buffer): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Leaves room for the length of what follows, a frame or a buffer; hand the result to `endLength`. */
  beginLength(): number {
    this.int(0);
    return this.#length;
  }

  /** Fills in the length of everything written since `beginLength()` returned `from`. */
  endLength(from: number): void {
    this.#bytes.writeInt32BE(this.#length - from, from - 4);
  }

  /** A copy of exactly what was written. */
  finish(): Buffer {
    const copy = Buffer.allocUnsafe(this.#length);
    this.#bytes.copy(copy, 0, 0, this.#length);
    return copy;
  }

  /** What was written, without a copy; valid until the next write or reset. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(256);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.view());
    this.#bytes = grown;
  }
}
