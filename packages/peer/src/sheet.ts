/** Length of a sheet. */
export const SHEET_BYTES = 64 * 1024;
/** What is longer should have memory of its own: the rest of a sheet that it does not fit in is not used. */
export const LARGE_BYTES = 8 * 1024;

/**
 * Memory for frames made one after the other: they lie behind each other, so that those of one connection can be written
 * together without being joined first.
 */
export class Sheet {
  bytes: Buffer = Buffer.alloc(0);
  /** The same memory, for numbers. */
  view: DataView = new DataView(new ArrayBuffer(0));
  readonly #next: () => Buffer;
  #used = 0;

  /** `next`: where each further sheet comes from, SHEET_BYTES long. */
  constructor(next: () => Buffer = () => Buffer.allocUnsafeSlow(SHEET_BYTES)) {
    this.#next = next;
  }

  /** @param length at most LARGE_BYTES @returns where so many free bytes begin in `bytes`: the same as before, or new ones */
  take(length: number): number {
    if (this.#used + length > this.bytes.length) this.#begin();
    const start = this.#used;
    this.#used = start + length;
    return start;
  }

  #begin(): void {
    this.bytes = this.#next();
    this.view = viewOf(this.bytes);
    this.#used = 0;
  }
}

export const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView => new DataView(buffer, byteOffset, length);
