import { Writer, type Codec } from '@zk/jute';
import type { Zxid } from '@zk/protocol';
import type { Znode } from '@zk/tree';

/** Length prefix (4), xid (4), zxid (8), err (4). */
export const REPLY_HEADER_END = 20;
export const STAT_LENGTH = 68;

const SHEET_BYTES = 64 * 1024;
/** A reply above this has memory of its own. */
const LARGE_BYTES = 8 * 1024;

/**
 * Builds reply frames, length prefix included. The zxid of almost every reply is the last applied one, whose bytes are kept
 * ready: copying eight bytes is cheaper than writing a bigint. Replies made one after the other lie behind each other in
 * memory, so that a connection's can be written together without being joined first.
 */
export class Replies {
  readonly #zxid = Buffer.alloc(8);
  readonly #zxidView = new DataView(this.#zxid.buffer, this.#zxid.byteOffset, 8);
  readonly #body = new Writer(1024);
  #sheet: Buffer = Buffer.alloc(0);
  #used = 0;

  lastApplied(zxid: Zxid): void {
    this.#zxidView.setBigInt64(0, zxid); // several times faster than Buffer's way, and done at every commit
  }

  /** A frame with its header written and `bodyLength` bytes still to be filled in from REPLY_HEADER_END. */
  begin(xid: number, bodyLength: number): Buffer {
    const frame = this.#take(REPLY_HEADER_END + bodyLength);
    frame.writeInt32BE(16 + bodyLength, 0);
    frame.writeInt32BE(xid, 4);
    this.#zxid.copy(frame, 8);
    frame.writeInt32BE(0, 16);
    return frame;
  }

  /** The header alone: a success without a body, or an error. */
  header(xid: number, err = 0): Buffer {
    const frame = this.begin(xid, 0);
    if (err !== 0) frame.writeInt32BE(err, 16);
    return frame;
  }

  /** A header with a zxid of its own: 0 for what never enters the pipeline, −1 for an unknown op (client.md 1.7). */
  headerAt(xid: number, zxid: bigint, err: number): Buffer {
    const frame = this.header(xid, err);
    frame.writeBigInt64BE(zxid, 8);
    return frame;
  }

  stat(xid: number, node: Znode): Buffer {
    const frame = this.begin(xid, STAT_LENGTH);
    node.copyStat(frame, REPLY_HEADER_END);
    return frame;
  }

  record<T>(xid: number, codec: Codec<T>, value: T): Buffer {
    const writer = this.body();
    codec.write(writer, value);
    return this.finish(xid);
  }

  /** A writer for a body of unknown length; finish() wraps what was written. */
  body(): Writer {
    this.#body.reset();
    return this.#body;
  }

  /** `behind`: bytes to leave free for the caller after the body. */
  finish(xid: number, behind = 0): Buffer {
    const body = this.#body.view();
    const frame = this.begin(xid, body.length + behind);
    body.copy(frame, REPLY_HEADER_END);
    return frame;
  }

  #take(length: number): Buffer {
    if (length > LARGE_BYTES) return Buffer.allocUnsafeSlow(length);
    if (this.#used + length > this.#sheet.length) {
      this.#sheet = Buffer.allocUnsafeSlow(SHEET_BYTES);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += length;
    return this.#sheet.subarray(from, from + length);
  }
}

/** A frame that is one record, as the ConnectResponse is. */
export function recordFrame<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer(64);
  writer.int(0);
  codec.write(writer, value);
  const frame = writer.finish();
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}
