import type { Socket } from 'node:net';
import type { Turn } from './turn.ts';

/** Up to here the chunks of a turn are copied into one; beyond, they are handed over as they are. */
const JOIN_BYTES = 64 * 1024;

/**
 * Gathers what is sent on one socket during a turn and writes it in one go. What lies behind each other in memory, as
 * replies made one after the other do, is written from where it is.
 */
export class BatchedWriter {
  readonly #socket: Socket;
  readonly #turn: Turn;
  readonly #flushed: () => void;
  /** What is to be written, but for the run. */
  #chunks: Buffer[] = [];
  /** The youngest bytes are `run[runStart, runEnd)`. */
  #run: Buffer | null = null;
  #runStart = 0;
  #runEnd = 0;
  #bytes = 0;
  #ended = false;

  /** `flushed` is called whenever a turn's output has been handed to the socket. */
  constructor(socket: Socket, turn: Turn, flushed: () => void = () => {}) {
    this.#socket = socket;
    this.#turn = turn;
    this.#flushed = flushed;
  }

  /** Bytes not yet taken by the kernel. */
  get bufferedBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** The writer owns `chunk` from here on. */
  send(chunk: Buffer): void {
    this.sendPart(chunk, 0, chunk.length);
  }

  /** The writer owns `bytes[start, end)` from here on. */
  sendPart(bytes: Buffer, start: number, end: number): void {
    if (this.#ended) return;
    this.#bytes += end - start;
    const run = this.#run;
    if (run === null) this.#turn.add(this);
    else if (run === bytes && start === this.#runEnd) {
      this.#runEnd = end;
      return;
    } else this.#chunks.push(run.subarray(this.#runStart, this.#runEnd));
    this.#run = bytes;
    this.#runStart = start;
    this.#runEnd = end;
  }

  flush(): void {
    const run = this.#run;
    if (run === null) return;
    const chunks = this.#chunks;
    const bytes = this.#bytes;
    const last = run.subarray(this.#runStart, this.#runEnd);
    this.#run = null;
    this.#bytes = 0;
    if (chunks.length > 0) this.#chunks = [];
    if (this.#socket.destroyed) return;
    if (chunks.length === 0) this.#socket.write(last);
    else if (bytes <= JOIN_BYTES) this.#socket.write(Buffer.concat([...chunks, last], bytes));
    else this.#writeAll([...chunks, last]);
    if (this.#socket.writableLength > 0) this.#turn.sheets.forget(); // the socket reads from there when it can go on
    this.#flushed();
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
