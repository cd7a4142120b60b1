import type { Socket } from 'node:net';
import type { Turn } from './turn.ts';

/** Up to here the chunks of a turn are copied into one; beyond, they are handed over as they are. */
const JOIN_BYTES = 64 * 1024;

/**
 * Gathers what is sent on one socket during a turn and writes it in one go. Chunks that lie behind each other in memory,
 * as replies made one after the other do, are written from where they are.
 */
export class BatchedWriter {
  readonly #socket: Socket;
  readonly #turn: Turn;
  /** What is to be written, but for the run. */
  #chunks: Buffer[] = [];
  /** The youngest chunk; the run goes on behind it until `#runEnd`. */
  #run: Buffer | null = null;
  #runEnd = 0;
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
    this.#bytes += chunk.length;
    const run = this.#run;
    if (run === null) this.#turn.add(this);
    else if (chunk.byteOffset === this.#runEnd && chunk.buffer === run.buffer) {
      this.#runEnd += chunk.length;
      return;
    } else this.#chunks.push(this.#wholeRun(run));
    this.#run = chunk;
    this.#runEnd = chunk.byteOffset + chunk.length;
  }

  flush(): void {
    const run = this.#run;
    if (run === null) return;
    const chunks = this.#chunks;
    const bytes = this.#bytes;
    const last = this.#wholeRun(run);
    this.#run = null;
    this.#bytes = 0;
    if (chunks.length > 0) this.#chunks = [];
    if (this.#socket.destroyed) return;
    if (chunks.length === 0) this.#socket.write(last);
    else if (bytes <= JOIN_BYTES) this.#socket.write(Buffer.concat([...chunks, last], bytes));
    else this.#writeAll([...chunks, last]);
  }

  /** Closes the sending side once everything sent so far is on its way. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    if (!this.#socket.destroyed) this.#socket.end();
  }

  #wholeRun(first: Buffer): Buffer {
    const length = this.#runEnd - first.byteOffset;
    return length === first.length ? first : Buffer.from(first.buffer, first.byteOffset, length);
  }

  #writeAll(chunks: readonly Buffer[]): void {
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }
}
