import type { Socket } from 'node:net';
import type { Turn } from './turn.ts';

/** Up to here the chunks of a turn are copied into one; beyond, they are handed over as they are. */
const JOIN_BYTES = 64 * 1024;

/** Gathers what is sent on one socket during a turn and writes it in one go. */
export class BatchedWriter {
  readonly #socket: Socket;
  readonly #turn: Turn;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;

  constructor(socket: Socket, turn: Turn) {
    this.#socket = socket;
    this.#turn = turn;
  }

  /** Bytes not yet taken by the kernel. */
  get bufferedBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** The writer owns `chunk` from here on. */
  send(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#chunks.length === 0) this.#turn.add(this);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  flush(): void {
    const chunks = this.#chunks;
    const bytes = this.#bytes;
    this.#chunks = [];
    this.#bytes = 0;
    if (chunks.length === 0 || this.#socket.destroyed) return;
    if (chunks.length === 1) this.#socket.write(chunks[0] as Buffer);
    else if (bytes <= JOIN_BYTES) this.#socket.write(Buffer.concat(chunks, bytes));
    else this.#writeAll(chunks);
  }

  /** Closes the sending side once everything sent so far is on its way. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    if (!this.#socket.destroyed) this.#socket.end();
  }

  #writeAll(chunks: readonly Buffer[]): void {
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }
}
