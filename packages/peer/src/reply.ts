/** Length prefix (4), xid (4), zxid (8), err (4). */
export const REPLY_HEADER_END = 20;

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * The reply being made, and where it lies: `bytes[start, end)`, length prefix included. One object serves all replies of a
 * server, because a Buffer for each would cost more than what is written into it; it is good until the next is begun.
 */
export class Reply {
  bytes: Buffer = NOTHING;
  /** The same memory, for numbers. */
  view: DataView = new DataView(NOTHING.buffer, 0, 0);
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Where the body begins. */
  get body(): number {
    return this.start + REPLY_HEADER_END;
  }

  /** A copy, for what is kept after the next one was begun: the memory may come to serve others. */
  frame(): Buffer {
    return Buffer.from(this.bytes.subarray(this.start, this.end));
  }
}
