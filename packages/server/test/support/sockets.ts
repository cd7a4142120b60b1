import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { createLog, type Log } from '../../src/log.ts';

/** A client's end of a connection: what came in is kept until somebody asks for it. */
export class Wire {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    for (const event of ['end', 'close', 'error'] as const) {
      socket.on(event, () => {
        this.#hasEnded = true;
        this.#wake();
      });
    }
  }

  write(bytes: Buffer | string): this {
    this.socket.write(bytes);
    return this;
  }

  /** The next `length` bytes, or fewer when the connection ends before. */
  async read(length: number): Promise<Buffer> {
    while (this.#length < length && !this.#hasEnded) await this.#more();
    const received = Buffer.concat(this.#chunks);
    const bytes = received.subarray(0, length);
    this.#chunks = [received.subarray(bytes.length)];
    this.#length -= bytes.length;
    return bytes;
  }

  /** The next message with an i32 length in front. */
  async readFrame(): Promise<Buffer> {
    return this.read((await this.read(4)).readInt32BE(0));
  }

  /** Everything until the other side ends the connection. */
  async readAll(): Promise<Buffer> {
    return this.read(Infinity);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export async function dialTo(port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return new Wire(socket);
}

/** A server that hands out its connections one by one. */
export class Door {
  readonly port: number;
  readonly #server: Server;
  readonly #arrived: Socket[] = [];
  #wake: () => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.#arrived.push(socket);
      this.#wake();
    });
  }

  static async open(): Promise<Door> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Door(server);
  }

  async next(): Promise<Wire> {
    for (;;) {
      const socket = this.#arrived.shift();
      if (socket !== undefined) return new Wire(socket);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#server.close();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const door = await Door.open();
  door.close();
  return door.port;
}

/** A log and the lines written to it. */
export function recordingLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { log: createLog({ stream, level: 'debug' }), lines };
}

/** Values that arrive one by one, for a test that waits for the next. */
export class Queue<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => {};

  readonly push = (item: T): void => {
    this.#items.push(item);
    this.#wake();
  };

  /** The next item that fits; those before it are dropped. */
  async next<S extends T>(fits: (item: T) => item is S): Promise<S> {
    for (;;) {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) if (fits(item)) return item;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  get waiting(): readonly T[] {
    return this.#items;
  }
}
