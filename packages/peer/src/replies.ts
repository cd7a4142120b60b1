import { Writer, type Codec } from '@zk/jute';
import type { Zxid } from '@zk/protocol';
import type { Znode } from '@zk/tree';
import { Reply, REPLY_HEADER_END } from './reply.ts';
import { LARGE_BYTES, Sheet, viewOf } from './sheet.ts';

export const STAT_LENGTH = 68;

const scratch = new DataView(new ArrayBuffer(8));

/** Builds reply frames, length prefix included, one behind the other in memory. */
export class Replies {
  readonly #reply = new Reply();
  readonly #body = new Writer(1024);
  /** The zxid of almost every reply is the last applied one: kept as its two halves. */
  #zxidHigh = 0;
  #zxidLow = 0;
  readonly #sheet: Sheet;

  /** `nextSheet`: see World. */
  constructor(nextSheet?: () => Buffer) {
    this.#sheet = new Sheet(nextSheet);
  }

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
      const sheet = this.#sheet;
      reply.start = sheet.take(length);
      reply.bytes = sheet.bytes;
      reply.view = sheet.view;
    }
    reply.end = reply.start + length;
    return reply;
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
