import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { FrameReader, Reader, Writer, decode, encode } from '@zk/jute';
import { ConnectRequest, ConnectResponse, OpCode, ReplyHeader, WatcherEvent, asSessionId, asZxid } from '@zk/protocol';

export interface FakeRequest {
  readonly xid: number;
  readonly type: number;
  readonly body: Reader;
}

export const SESSION = asSessionId(0x1234n);
export const PASSWORD = Buffer.alloc(16, 7);

/** Things that come and people who wait for them, first come first served. */
class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#takers.push(resolve)) : Promise.resolve(item);
  }

  get size(): number {
    return this.#items.length;
  }
}

/** A server that says exactly what the test tells it to, on loopback. */
export class FakeServer {
  /** `host:port` */
  readonly address: string;
  readonly #server: Server;
  readonly #accepted = new Mailbox<FakeConnection>();
  readonly #connections: FakeConnection[] = [];

  private constructor(server: Server, event: 'connection' | 'secureConnection') {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on(event, (socket: Socket) => {
      const connection = new FakeConnection(socket);
      this.#connections.push(connection);
      this.#accepted.put(connection);
    });
  }

  static async listen(tls?: TlsOptions): Promise<FakeServer> {
    const server: Server = (tls ? createTlsServer(tls) : createServer()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeServer(server, tls ? 'secureConnection' : 'connection');
  }

  /** The next connection, as it was accepted. */
  accept(): Promise<FakeConnection> {
    return this.#accepted.take();
  }

  /** The next connection, with its session. */
  async welcome(response: Partial<ConnectResponse> = {}): Promise<FakeConnection> {
    const connection = await this.accept();
    await connection.handshake(response);
    return connection;
  }

  close(): Promise<void> {
    for (const connection of this.#connections) connection.end();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export class FakeConnection {
  readonly #socket: Socket;
  readonly #frames = new Mailbox<Buffer>();
  readonly #words = new Mailbox<string>();
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader(0xfffff, (frame) => this.#frames.put(Buffer.from(frame)));
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (/^[a-z]{4}$/.test(text)) this.#words.put(text);
      else reader.push(chunk);
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Reads the ConnectRequest and answers it. */
  async handshake(response: Partial<ConnectResponse> = {}): Promise<ConnectRequest> {
    const request = decode(ConnectRequest, await this.#frames.take());
    const granted = { protocolVersion: 0, timeOut: 10_000, sessionId: SESSION, passwd: PASSWORD, readOnly: false, ...response };
    this.write([encode(ConnectResponse, granted)]);
    return request;
  }

  /** The next request that is not a ping. */
  async request(): Promise<FakeRequest> {
    for (;;) {
      const body = new Reader(await this.#frames.take());
      const request = { xid: body.int(), type: body.int(), body };
      if (request.type !== OpCode.ping) return request;
    }
  }

  /** The next request, which must be a ping. */
  async ping(): Promise<void> {
    const frame = await this.#frames.take();
    if (frame.readInt32BE(4) !== OpCode.ping) throw new Error('not a ping');
  }

  reply(request: { xid: number }, answer: { zxid?: bigint; err?: number; body?: Buffer } = {}): void {
    this.write([replyFrame(request, answer)]);
  }

  /** Payloads, each with its length, in one packet. */
  write(payloads: readonly Buffer[]): void {
    this.#socket.write(
      Buffer.concat(
        payloads.flatMap((payload) => {
          const length = Buffer.alloc(4);
          length.writeInt32BE(payload.length);
          return [length, payload];
        }),
      ),
    );
  }

  /** Waits for a four-letter word and answers it: text, and the end. */
  async answerWord(word: string, text: string): Promise<void> {
    const asked = await this.#words.take();
    this.#socket.end(asked === word ? text : '');
  }

  get unread(): number {
    return this.#frames.size;
  }

  end(): void {
    this.#socket.destroy();
  }
}

export function replyFrame({ xid }: { xid: number }, { zxid = 1n, err = 0, body = Buffer.alloc(0) }: { zxid?: bigint; err?: number; body?: Buffer } = {}): Buffer {
  return Buffer.concat([encode(ReplyHeader, { xid, zxid: asZxid(zxid), err }), body]);
}

export function eventFrame(type: number, path: string, zxid = -1n): Buffer {
  const writer = new Writer(64);
  ReplyHeader.write(writer, { xid: -1, zxid: asZxid(zxid), err: 0 });
  WatcherEvent.write(writer, { type, state: 3, path });
  return writer.finish();
}
