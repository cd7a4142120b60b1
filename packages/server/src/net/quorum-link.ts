import type { Socket } from 'node:net';
import type { Input, Link } from '@zk/peer';
import { BatchedWriter } from './batched-writer.ts';
import { javaAddress } from './java-address.ts';
import { seeOff } from './linger.ts';
import type { Turn } from './turn.ts';
import { describeBytes, recogniseVisitor } from './visitor.ts';

let lastId = 0;

/** What a link needs from the side that made it. */
export interface LinkHost {
  readonly turn: Turn;
  feed(input: Input): void;
  /** The first bytes are another protocol's: the connection is closed. */
  stranger(link: Link, received: string): void;
}

/** One quorum-port connection: bytes both ways, whoever dialed. */
export class QuorumSocket implements Link {
  readonly id: number = ++lastId;
  readonly remote: string;
  readonly #socket: Socket;
  readonly #writer: BatchedWriter;
  readonly #host: LinkHost;
  #isKnown = false;
  #isOpen = true;

  constructor(socket: Socket, host: LinkHost) {
    this.remote = `${javaAddress(socket.remoteAddress ?? '')}:${socket.remotePort}`;
    this.#socket = socket;
    this.#writer = new BatchedWriter(socket, host.turn);
    this.#host = host;
  }

  /** Begins to deliver. Separate from the constructor so that the peer hears of the link before its first bytes. */
  start(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('drain', () => {
      if (this.#isOpen) this.#host.feed({ kind: 'linkDrained', link: this });
    });
    this.#socket.on('end', () => this.#lost('closed by the other end'));
    this.#socket.on('error', (error) => this.#lost(error.message));
    this.#socket.on('close', () => this.#lost('closed'));
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  send(bytes: Buffer): void {
    if (this.#isOpen) this.#writer.send(bytes);
  }

  sendPart(bytes: Buffer, start: number, end: number): void {
    if (this.#isOpen) this.#writer.sendPart(bytes, start, end);
  }

  close(_reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writer.end();
    seeOff(this.#socket);
  }

  #receive(chunk: Buffer): void {
    if (!this.#isOpen) return;
    if (!this.#isKnown) {
      // A packet begins with its type, a small number, which no well-known protocol does.
      const visitor = chunk.length < 4 ? null : recogniseVisitor(chunk);
      if (visitor !== null) return this.#turnAway(visitor, chunk);
      this.#isKnown = true;
    }
    this.#host.feed({ kind: 'linkData', link: this, chunk });
  }

  #turnAway(visitor: string, chunk: Buffer): void {
    this.#host.stranger(this, `${visitor} (${describeBytes(chunk)})`);
    this.#lost(`it was ${visitor}`);
  }

  #lost(reason: string): void {
    this.#socket.destroy();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.feed({ kind: 'linkClosed', link: this, reason });
  }
}
