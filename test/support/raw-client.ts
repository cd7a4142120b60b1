import { connect, type Socket } from 'node:net';
import { FrameReader } from '@zk/jute';

/** How long silence is taken for an answer that will never come. */
const SILENCE_MS = 5_000;
/** Replies may be longer than what a server reads. */
const LONGEST_FRAME = 64 << 20;

/** What a connection had to say next: a frame, its end, or nothing for a long time. */
export type Received = Buffer | 'closed' | 'silence';

/** A client port spoken to in frames: what is sent and what comes back stays bytes. */
export class RawClient {
  readonly #socket: Socket;
  readonly #frames: Buffer[] = [];
  #isClosed = false;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader(LONGEST_FRAME, (frame) => this.#frames.push(Buffer.from(frame)));
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      this.#wake?.();
    });
    socket.on('error', () => {}); // a reset is as good as a close
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  static dial(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Sends each payload behind its length, all in one write. */
  send(...payloads: readonly Buffer[]): void {
    if (!this.#isClosed) this.#socket.write(Buffer.concat(payloads.flatMap((payload) => [lengthOf(payload), payload])));
  }

  /** The next frame, without its length. */
  async receive(timeoutMs = SILENCE_MS): Promise<Received> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#isClosed) return 'closed';
      if (performance.now() >= deadline) return 'silence';
      await this.#news(deadline - performance.now());
    }
  }

  /** Hangs up without a word to the server. */
  hangUp(): void {
    this.#socket.destroy();
  }

  #news(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const awake = (): void => {
        clearTimeout(alarm);
        this.#wake = null;
        resolve();
      };
      const alarm = setTimeout(awake, timeoutMs);
      this.#wake = awake;
    });
  }
}

function lengthOf(payload: Buffer): Buffer {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeInt32BE(payload.length);
  return prefix;
}
