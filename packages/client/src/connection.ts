import { connect, type Socket } from 'node:net';
import { FrameReader } from '@zk/jute';
import type { HostPort } from './connect-string.ts';

/** The longest frame a client takes; the server side limits what it reads, not what it answers. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export interface ConnectionEvents {
  opened(): void;
  /** A whole frame without its length; a view that is valid during the call only. */
  frame(frame: Buffer): void;
  /** Once, whoever closed it, also when it never opened. */
  closed(reason: string): void;
}

/** One TCP connection to one server: frames in, frames out. */
export class Connection {
  readonly server: HostPort;
  readonly #socket: Socket;
  #closed = false;

  constructor(server: HostPort, timeoutMs: number, events: ConnectionEvents) {
    this.server = server;
    const frames = new FrameReader(MAX_FRAME_BYTES, (frame) => events.frame(frame));
    const socket = connect({ host: server.host, port: server.port, noDelay: true });
    this.#socket = socket;
    const close = (reason: string): void => {
      if (this.#closed) return;
      this.#closed = true;
      socket.destroy();
      events.closed(reason);
    };
    const late = setTimeout(() => close(`no connection within ${timeoutMs} ms`), timeoutMs);
    socket.once('connect', () => {
      clearTimeout(late);
      events.opened();
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        if (!this.#closed) frames.push(chunk);
      } catch (error) {
        close(`cannot understand the server: ${String(error)}`);
      }
    });
    socket.on('error', (error) => close(error.message));
    socket.on('close', () => {
      clearTimeout(late);
      close('closed by the server');
    });
  }

  /** `payload` without the length. */
  send(payload: Buffer): void {
    if (this.#closed) return;
    const frame = Buffer.allocUnsafe(4 + payload.length);
    frame.writeInt32BE(payload.length, 0);
    payload.copy(frame, 4);
    // Everything written in one turn of the event loop leaves as one packet.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      queueMicrotask(() => this.#socket.uncork());
    }
    this.#socket.write(frame);
  }

  /** Closes without calling `closed`: whoever calls this knows already. */
  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
  }
}
