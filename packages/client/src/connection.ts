import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { FrameReader } from '@zk/jute';
import type { HostPort } from './connect-string.ts';

/** The longest frame a client takes; the server side limits what it reads, not what it answers. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export interface ConnectionEvents {
  opened(): void;
  /** A whole frame without its length; a view that is valid during the call only. */
  frame(frame: Buffer): void;
  /** Once, unless `destroy()` was called; also when it never opened. */
  closed(reason: string): void;
}

/** One connection to one server, plain or TLS: frames in, frames out. After it is closed nothing is told any more. */
export class Connection {
  readonly server: HostPort;
  readonly #socket: Socket;
  readonly #frames: FrameReader;
  readonly #events: ConnectionEvents;
  #closed = false;

  constructor(server: HostPort, tls: ConnectionOptions | undefined, events: ConnectionEvents) {
    this.server = server;
    this.#events = events;
    this.#frames = new FrameReader(MAX_FRAME_BYTES, (frame) => events.frame(frame));
    const { host, port } = server;
    this.#socket = tls ? connectTls({ host, port, servername: isAddress(host) ? undefined : host, ...tls }) : connect({ host, port });
    this.#socket.setNoDelay(true);
    this.#socket.once(tls ? 'secureConnect' : 'connect', () => {
      if (!this.#closed) events.opened();
    });
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#close(error.message));
    this.#socket.on('close', () => this.#close('closed by the server'));
  }

  /** A whole frame. Everything sent in one turn of the event loop leaves as one packet. */
  send(frame: Buffer): void {
    if (this.#closed) return;
    const socket = this.#socket;
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(frame);
  }

  /** Closes without calling `closed`: whoever calls this knows already. */
  destroy(): void {
    this.#closed = true;
    this.#frames.close();
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      this.#frames.push(chunk);
    } catch (error) {
      this.#close(`cannot understand the server: ${String(error)}`);
    }
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.destroy();
    this.#events.closed(reason);
  }
}

/** TLS wants a name to ask for (SNI); an address is none. */
function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}
