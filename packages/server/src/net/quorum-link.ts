import type { Socket } from 'node:net';
import type { Input, Link } from '@zk/peer';
import { BatchedWriter } from './batched-writer.ts';
import { javaAddress } from './java-address.ts';
import { seeOff } from './linger.ts';
import type { Turn } from './turn.ts';

let lastId = 0;

/** One quorum-port connection: bytes both ways, whoever dialed. */
export class QuorumSocket implements Link {
  readonly id: number = ++lastId;
  readonly remote: string;
  readonly #socket: Socket;
  readonly #writer: BatchedWriter;
  readonly #feed: (input: Input) => void;
  #isOpen = true;

  constructor(socket: Socket, turn: Turn, feed: (input: Input) => void) {
    this.remote = `${javaAddress(socket.remoteAddress ?? '')}:${socket.remotePort}`;
    this.#socket = socket;
    this.#writer = new BatchedWriter(socket, turn);
    this.#feed = feed;
  }

  /** Begins to deliver. Separate from the constructor so that the peer hears of the link before its first bytes. */
  start(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#isOpen) this.#feed({ kind: 'linkData', link: this, chunk });
    });
    this.#socket.on('drain', () => {
      if (this.#isOpen) this.#feed({ kind: 'linkDrained', link: this });
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

  close(_reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writer.end();
    seeOff(this.#socket);
  }

  #lost(reason: string): void {
    this.#socket.destroy();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#feed({ kind: 'linkClosed', link: this, reason });
  }
}
