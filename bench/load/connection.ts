import { connect, type Socket } from 'node:net';
import { closeSessionFrame, connectFrame, XID_OFFSET } from './frames.ts';
import type { Histogram } from './histogram.ts';
import { Once, type RequestSource } from './request-source.ts';

/** Length, xid, zxid, err: as much of a reply as is looked at. */
const HEAD_BYTES = 20;
const EVENT_XID = -1;
/** The longest that a server with a tickTime of 2 s grants: nothing here pings. */
const SESSION_TIMEOUT_MS = 40_000;

/** What became of the requests of all connections. */
export interface Tally {
  readonly latency: Histogram;
  operations: number;
  /** How often each error code other than 0 came back. */
  readonly errors: Map<number, number>;
  events: number;
}

/** Sockets are read one after the other, and nothing of a chunk is kept: one buffer does for all. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/** One client connection that keeps a number of requests in flight, and measures how long each takes. */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #tally: Tally;
  readonly #opened: Promise<void>;
  #open: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  #isOpen = false;
  #isClosing = false;
  #source: RequestSource | null = null;
  #out: Buffer = Buffer.alloc(0);
  #xid = 0;
  /** When each request in flight was sent, as a ring from the oldest. */
  #sentAt = new Float64Array(1);
  #oldest = 0;
  #inFlight = 0;
  /** Bytes of the current reply's body that are still to come, and are of no interest. */
  #skip = 0;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headLength = 0;
  #idle: () => void = () => {};
  /** Told of every watch event. */
  onEvent: () => void = () => {};

  constructor(port: number, tally: Tally) {
    this.#tally = tally;
    this.#opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length, buffer) => this.#received(buffer as Buffer, length) },
    });
    this.#socket.on('connect', () => this.#socket.write(connectFrame(SESSION_TIMEOUT_MS)));
    this.#socket.on('error', (error) => this.#lost(error));
    this.#socket.on('close', () => this.#lost(new Error('the server closed the connection')));
  }

  /** Resolves when there is a session. */
  opened(): Promise<void> {
    return this.#opened;
  }

  /** Keeps `inFlight` requests of the source under way from now on. Resolves when the source is exhausted or stopped. */
  run(source: RequestSource, inFlight: number): Promise<void> {
    this.#source = source;
    this.#sentAt = new Float64Array(inFlight);
    this.#oldest = 0;
    const length = source.maxFrameBytes * inFlight;
    if (this.#out.length < length) this.#out = Buffer.allocUnsafeSlow(length);
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    this.#send(inFlight, performance.now());
    return idle;
  }

  /** No new requests; what is in flight is still answered. */
  stop(): void {
    this.#source = null;
    if (this.#inFlight === 0) this.#idle();
  }

  /** Ends the session, with a goodbye: a server is not left with sessions that expire in the middle of a measurement. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.run(new Once([closeSessionFrame()]), 1);
    this.#socket.destroy();
  }

  #send(count: number, now: number): void {
    const source = this.#source;
    if (source === null) return;
    const out = this.#out;
    let end = 0;
    for (let i = 0; i < count; i++) {
      const begin = end;
      end = source.put(out, begin);
      if (end === begin) {
        this.#source = null;
        break;
      }
      out.writeInt32BE(++this.#xid, begin + XID_OFFSET);
      this.#sentAt[(this.#oldest + this.#inFlight++) % this.#sentAt.length] = now;
    }
    if (end > 0) this.#write(out.subarray(0, end));
  }

  #write(bytes: Buffer): void {
    this.#socket.write(bytes);
    // What the kernel did not take at once is still read from this buffer.
    if (this.#socket.writableLength > 0) this.#out = Buffer.allocUnsafeSlow(this.#out.length);
  }

  #received(buffer: Buffer, length: number): boolean {
    const now = performance.now();
    let answered = 0;
    let at = 0;
    while (at < length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#headLength === 0 && length - at >= HEAD_BYTES) {
        answered += this.#reply(buffer, at, now);
        at += HEAD_BYTES;
      } else {
        const taken = Math.min(HEAD_BYTES - this.#headLength, length - at);
        buffer.copy(this.#head, this.#headLength, at, at + taken);
        this.#headLength += taken;
        at += taken;
        if (this.#headLength < HEAD_BYTES) break;
        this.#headLength = 0;
        answered += this.#reply(this.#head, 0, now);
      }
    }
    if (answered > 0) this.#send(answered, now);
    if (this.#inFlight === 0 && this.#source === null && this.#isOpen) this.#idle();
    return true;
  }

  /** @returns how many requests it answers: 1, or 0 for an event */
  #reply(bytes: Buffer, at: number, now: number): number {
    this.#skip = bytes.readInt32BE(at) + 4 - HEAD_BYTES;
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#open();
      return 0;
    }
    if (bytes.readInt32BE(at + 4) === EVENT_XID) {
      this.#tally.events += 1;
      this.onEvent();
      return 0;
    }
    const err = bytes.readInt32BE(at + 16);
    if (err !== 0) this.#tally.errors.set(err, (this.#tally.errors.get(err) ?? 0) + 1);
    this.#tally.latency.add((now - this.#sentAt[this.#oldest]!) * 1000);
    this.#oldest = (this.#oldest + 1) % this.#sentAt.length;
    this.#inFlight -= 1;
    this.#tally.operations += 1;
    return 1;
  }

  #lost(error: Error): void {
    if (this.#isClosing) return this.#idle();
    this.#fail(error);
    if (this.#isOpen) throw error;
  }
}
