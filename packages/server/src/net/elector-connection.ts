import type { Socket } from 'node:net';
import { FrameReader } from '@zk/jute';
import type { Sid } from '@zk/protocol';

/** Longest notification, in bytes (quorum.md 2.3). */
const MAX_MESSAGE_BYTES = 512 * 1024;

export interface ElectorEvents {
  message(from: Sid, body: Buffer): void;
  /** What came is not in the protocol; the connection is closed. */
  malformed(connection: ElectorConnection, reason: string): void;
  closed(connection: ElectorConnection): void;
}

/**
 * The connection to one elector, after the hello. What is sent while an earlier message is still on its way waits,
 * and only the newest one does: an old vote is worth nothing beside a newer one.
 */
export class ElectorConnection {
  readonly sid: Sid;
  readonly #socket: Socket;
  readonly #events: ElectorEvents;
  readonly #reader: FrameReader;
  #waiting: Buffer | null = null;
  #isBusy = false;
  #isOpen = true;

  constructor(sid: Sid, socket: Socket, events: ElectorEvents) {
    this.sid = sid;
    this.#socket = socket;
    this.#events = events;
    this.#reader = new FrameReader(MAX_MESSAGE_BYTES, (body) => this.#deliver(body));
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#lost());
  }

  get remote(): string {
    return `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
  }

  send(body: Buffer): void {
    if (this.#isBusy) this.#waiting = body;
    else this.#write(body);
  }

  /** Bytes read off the socket, or left over behind the hello. */
  receive(chunk: Buffer): void {
    if (!this.#isOpen || chunk.length === 0) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#events.malformed(this, error instanceof Error ? error.message : String(error));
      this.#socket.destroy();
    }
  }

  /** Closes without telling: for a connection that another one replaces. */
  drop(): void {
    this.#isOpen = false;
    this.#reader.close();
    this.#socket.destroy();
  }

  #write(body: Buffer): void {
    const frame = Buffer.allocUnsafe(4 + body.length);
    frame.writeInt32BE(body.length, 0);
    body.copy(frame, 4);
    this.#isBusy = true;
    this.#socket.write(frame, (error) => {
      if (error === undefined || error === null) this.#written();
    });
  }

  #written(): void {
    this.#isBusy = false;
    const next = this.#waiting;
    this.#waiting = null;
    if (next !== null && this.#isOpen) this.#write(next);
  }

  #deliver(body: Buffer): void {
    if (body.length === 0) throw new Error('an empty message');
    this.#events.message(this.sid, body);
  }

  #lost(): void {
    if (!this.#isOpen) return;
    this.drop();
    this.#events.closed(this);
  }
}
