import { JuteError } from './errors.ts';

/** A length prefix that is negative or over the limit: the stream cannot be read on. */
export class FrameError extends JuteError {
  override readonly name: string = 'FrameError';
}

const PREFIX_BYTES = 4;
const FIRST_ALLOCATION = 4096;

/**
 * Chunks in, whole length-prefixed frames out: i32 length, which does not count itself, then that many bytes.
 *
 * A frame that lies whole in one chunk is handed out as a view of it; one that does not is put together in memory
 * that grows with the bytes that have come, not with the length that was claimed. Nothing of a chunk is held after
 * push() returns, and a frame is only valid during the call of `onFrame`.
 */
export class FrameReader {
  readonly #maxLength: number;
  readonly #onFrame: (frame: Buffer) => void;
  /** The beginning of an unfinished frame with its prefix, in the first `#held` bytes. */
  #partial: Buffer = Buffer.alloc(0);
  #held = 0;
  #closed = false;

  /** @param maxLength longest frame accepted, in bytes without the prefix; the limit itself is accepted */
  constructor(maxLength: number, onFrame: (frame: Buffer) => void) {
    this.#maxLength = maxLength;
    this.#onFrame = onFrame;
  }

  /** Throws {@link FrameError} for an impossible length; that and whatever `onFrame` throws close the reader. */
  push(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#handOut(chunk, this.#completePartial(chunk));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** No frame is handed out from now on, not even those left in the chunk that is being read. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** Feeds the unfinished frame, hands it out when that completes it; returns how much of the chunk was used. */
  #completePartial(chunk: Buffer): number {
    if (this.#held === 0) return 0;
    let used = this.#hold(chunk, 0, PREFIX_BYTES);
    if (this.#held < PREFIX_BYTES) return used;
    const whole = PREFIX_BYTES + this.#checkLength(this.#partial.readInt32BE(0));
    used += this.#hold(chunk, used, whole);
    if (this.#held < whole) return used;
    const frame = this.#partial.subarray(PREFIX_BYTES, whole);
    this.#drop();
    this.#onFrame(frame);
    return used;
  }

  /** Hands out every frame that lies whole in the chunk and holds what is left after the last. */
  #handOut(chunk: Buffer, from: number): void {
    let at = from;
    while (!this.#closed && chunk.length - at >= PREFIX_BYTES) {
      const begin = at + PREFIX_BYTES;
      const end = begin + this.#checkLength(chunk.readInt32BE(at));
      if (end > chunk.length) break;
      at = end;
      this.#onFrame(chunk.subarray(begin, end));
    }
    if (!this.#closed && at < chunk.length) this.#hold(chunk, at, this.#held + chunk.length - at);
  }

  /** Moves bytes of the chunk into the unfinished frame until it has `target`; returns how many there were. */
  #hold(chunk: Buffer, from: number, target: number): number {
    const taken = Math.max(0, Math.min(target - this.#held, chunk.length - from));
    const needed = this.#held + taken;
    if (needed > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#partial.length, FIRST_ALLOCATION));
      grown.set(this.#partial.subarray(0, this.#held));
      this.#partial = grown;
    }
    this.#partial.set(chunk.subarray(from, from + taken), this.#held);
    this.#held = needed;
    return taken;
  }

  #checkLength(length: number): number {
    if (length < 0 || length > this.#maxLength) {
      throw new FrameError('frame', `claims ${length} bytes, the limit is ${this.#maxLength}`);
    }
    return length;
  }

  #drop(): void {
    this.#partial = Buffer.alloc(0);
    this.#held = 0;
  }
}
