import { Writer, type Codec } from '@zk/jute';
import type { Zxid } from '@zk/protocol';
import type { Znode } from '@zk/tree';
import { Reply, REPLY_HEADER_END } from './reply.ts';

export const STAT_LENGTH = 68;

const SHEET_BYTES = 64 * 1024;
/** A reply above this has memory of its own. */
const LARGE_BYTES = 8 * 1024;

const scratch = new DataView(new ArrayBuffer(8));

/**
 * Builds reply frames, length prefix included. Replies made one after the other lie behind each other in memory, so that
 * a connection's can be written together without being joined first.
 */
export class Replies {
  readonly #reply = new Reply();
  readonly #body = new Writer(1024);
  /** The zxid of almost every reply is the last applied one: kept as its two halves. */
  #zxidHigh = 0;
  #zxidLow = 0;
  #sheet: Buffer = Buffer.alloc(0);
  #sheetView: DataView = new DataView(new ArrayBuffer(0));
  #used = 0;

  lastApplied(zxid: Zxid): void {
    scratch.setBigInt64(0, zxid);
    this.#zxidHigh = scratch.getInt32(0);
    this.#zxidLow = scratch.getInt32(4);
  }

  /** A frame with its header written, and room for the body from {@link Reply.body} on. */
  begin(xid: number, bodyLength: number): Reply {
    const reply = this.#take(REPLY_HEADER_END + bodyLength);
    const { view, start } = reply;
    view.setInt32(start, 16 + bodyLength);
    view.setInt32(start + 4, xid);
    view.setInt32(start + 8, this.#zxidHigh);
    view.setInt32(start + 12, this.#zxidLow);
    view.setInt32(start + 16, 0);
    return reply;
  }

  /** The header alone: a success without a body, or an error. */
  header(xid: number, err = 0): Reply {
    const reply = this.begin(xid, 0);
    if (err !== 0) reply.view.setInt32(reply.start + 16, err);
    return reply;
  }

  /** A header with a zxid of its own: 0 for what never enters the pipeline, −1 for an unknown op (client.md 1.7). */
  headerAt(xid: number, zxid: bigint, err: number): Reply {
    const reply = this.header(xid, err);
    reply.view.setBigInt64(reply.start + 8, zxid);
    return reply;
  }

  stat(xid: number, node: Znode): Reply {
    const reply = this.begin(xid, STAT_LENGTH);
    node.copyStat(reply.view, reply.body);
    return reply;
  }

  record<T>(xid: number, codec: Codec<T>, value: T): Reply {
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
  finish(xid: number, behind = 0): Reply {
    const body = this.#body.view();
    const reply = this.begin(xid, body.length + behind);
    body.copy(reply.bytes, reply.body);
    return reply;
  }

  #take(length: number): Reply {
    const reply = this.#reply;
    if (length > LARGE_BYTES) {
      reply.bytes = Buffer.allocUnsafeSlow(length);
      reply.view = viewOf(reply.bytes);
      reply.start = 0;
    } else {
      if (this.#used + length > this.#sheet.length) this.#takeSheet();
      reply.bytes = this.#sheet;
      reply.view = this.#sheetView;
      reply.start = this.#used;
      this.#used += length;
    }
    reply.end = reply.start + length;
    return reply;
  }

  #takeSheet(): void {
    this.#sheet = Buffer.allocUnsafeSlow(SHEET_BYTES);
    this.#sheetView = viewOf(this.#sheet);
    this.#used = 0;
  }
}

const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView => new DataView(buffer, byteOffset, length);

/** A frame that is one record, as the ConnectResponse is. */
export function recordFrame<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer(64);
  writer.int(0);
  codec.write(writer, value);
  const frame = writer.finish();
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}
