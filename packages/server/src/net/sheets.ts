import { SHEET_BYTES } from '@zk/peer';

/** As many as are kept for the next turns: 4 MiB. */
const KEPT = 64;

/**
 * Memory for replies, used again: freshly allocated it would be what most full collections are for, and lie cold. A sheet
 * comes back when it is full and everything in it was taken by the kernel, which copies. One whose bytes somebody still
 * holds never comes back, for it would be overwritten with what is meant for others: the collector has it.
 */
export class Sheets {
  readonly #free: Buffer[] = [];
  /** Handed out and not forgotten since, oldest first: all but the last are full. */
  #lent: Buffer[] = [];

  readonly next = (): Buffer => {
    const sheet = this.#free.pop() ?? Buffer.allocUnsafeSlow(SHEET_BYTES);
    this.#lent.push(sheet);
    return sheet;
  };

  /** Bytes of any sheet handed out so far may be read for longer. */
  forget(): void {
    this.#lent = [];
  }

  /** Nobody reads what was written into sheets so far, but for those that were forgotten. */
  takeBack(): void {
    while (this.#lent.length > 1) {
      const sheet = this.#lent.shift() as Buffer;
      if (this.#free.length < KEPT) this.#free.push(sheet);
    }
  }
}
