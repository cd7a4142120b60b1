import { JuteError } from './errors.ts';
import { encodeText } from './text.ts';

/** A writer that grew beyond this lets the memory go at the next reset(). */
const KEPT_BYTES = 1 << 20;

/**
 * Writes jute bytes into one buffer that doubles when it is full. Made to be reused: `reset()` keeps the buffer.
 * A number that does not fit its type is a {@link JuteError}: it would be another number on the other side.
 */
export class Writer {
  #bytes: Buffer;
  /** The same memory, for numbers. */
  #view: DataView;
  /** Length of the buffer: asking a Buffer for it is a call, which shows. */
  #capacity: number;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(Math.max(initialBytes, 16));
    this.#view = viewOf(this.#bytes);
    this.#capacity = this.#bytes.length;
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
    this.#view.setInt32(this.#length, value);
    this.#length += 4;
  }

  long(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new JuteError('long', `${value} does not fit in 64 bits`);
    this.#reserve(8);
    this.#view.setBigInt64(this.#length, value);
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
    this.#view.setInt32(this.#length, to - from);
    this.#length = to;
  }

  /** Bytes as they are, without a length. */
  raw(value: Buffer): void {
    const { length } = value;
    this.#reserve(length);
    this.#bytes.set(value, this.#length);
    this.#length += length;
  }

  /** Leaves room for the length of what follows, a frame or a buffer; hand the result to `endLength`. */
  beginLength(): number {
    this.int(0);
    return this.#length;
  }

  /** Fills in the length of everything written since `beginLength()` returned `from`. */
  endLength(from: number): void {
    this.#view.setInt32(from - 4, this.#length - from);
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
    if (this.#capacity > KEPT_BYTES) this.#use(Buffer.allocUnsafe(256));
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#capacity) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#capacity));
    grown.set(this.view());
    this.#use(grown);
  }

  #use(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#capacity = bytes.length;
  }
}

const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView => new DataView(buffer, byteOffset, length);
