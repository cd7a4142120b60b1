import { createServer, type Server, type Socket } from 'node:net';
import type { Input } from '@zk/peer';
import type { Log } from '../log.ts';
import { ClientConnection, type ConnectionHost } from './client-connection.ts';
import { Complaints } from './complaints.ts';
import { javaAddress } from './java-address.ts';
import { aMomentFor } from './linger.ts';
import { listen } from './listen.ts';
import type { Turn } from './turn.ts';

export interface ClientListenerOptions {
  /** `null`: every address of this machine. */
  readonly host: string | null;
  readonly port: number;
  /** Length of the queue of connections not yet accepted; −1: Node's. */
  readonly backlog: number;
  /** Connections per remote address; 0: no limit. */
  readonly maxClientCnxns: number;
  /** Connections in total; 0: no limit. */
  readonly maxCnxns: number;
  readonly maxFrameBytes: number;
  readonly keepAlive: boolean;
  readonly turn: Turn;
  readonly log: Log;
  feed(input: Input): void;
  /** See Running.together. */
  together(feedAll: () => void): void;
  /** A connection was refused because there are too many. */
  rejected(): void;
  answerCommand(word: string, argument: Buffer, from: ClientConnection): string;
}

/** The client port. */
export class ClientListener implements ConnectionHost {
  readonly turn: Turn;
  readonly maxFrameBytes: number;
  readonly #options: ClientListenerOptions;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #complaints: Complaints;
  /** Resolves when the port is closed and every connection is gone. */
  readonly #gone: Promise<void>;
  #port = 0;
  #isListening = true;
  #isClosed = false;

  constructor(options: ClientListenerOptions) {
    this.turn = options.turn;
    this.maxFrameBytes = options.maxFrameBytes;
    this.#options = options;
    this.#complaints = new Complaints(options.log);
    // allowHalfOpen: `echo ruok | nc` closes its side before it reads the answer.
    const settings = { allowHalfOpen: true, noDelay: true, keepAlive: options.keepAlive };
    this.#server = createServer(settings, (socket) => this.#accept(socket));
    this.#gone = new Promise((resolve) => this.#server.once('close', resolve));
  }

  /** The port listened on. */
  get port(): number {
    return this.#port;
  }

  /** @throws ListenError */
  async listen(): Promise<void> {
    const { host, port, backlog } = this.#options;
    this.#port = await listen(this.#server, 'client', {
      port,
      ...(host === null ? {} : { host }),
      ...(backlog > 0 ? { backlog } : {}),
    });
    this.#server.on('error', (error) => this.#options.log.error({ err: error }, 'client port'));
  }

  /** Takes no further connections; those there are go on. */
  stopListening(): void {
    if (!this.#isListening) return;
    this.#isListening = false;
    this.#server.close();
  }

  /** Stops listening and ends every connection; resolves when those that are being seen off are gone, too. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.stopListening();
    for (const connection of this.#connections) connection.destroy();
    await aMomentFor(this.#gone);
  }

  feed(input: Input): void {
    if (!this.#isClosed) this.#options.feed(input);
  }

  together(feedAll: () => void): void {
    this.#options.together(feedAll);
  }

  answerCommand(word: string, argument: Buffer, from: ClientConnection): string {
    return this.#options.answerCommand(word, argument, from);
  }

  refused(connection: ClientConnection, reason: string): void {
    this.#complaints.add(connection.remoteAddress, { peer: connection.remote, port: this.#port, received: reason }, 'not a ZooKeeper client, connection closed');
  }

  gone(connection: ClientConnection): void {
    this.#connections.delete(connection);
    const left = (this.#perAddress.get(connection.remoteAddress) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(connection.remoteAddress);
    else this.#perAddress.set(connection.remoteAddress, left);
  }

  #accept(socket: Socket): void {
    const address = javaAddress(socket.remoteAddress ?? '');
    const tooMany = this.#tooMany(address);
    if (tooMany !== null || socket.remoteAddress === undefined || this.#isClosed) {
      if (tooMany !== null) this.#options.rejected();
      if (tooMany !== null) this.#complaints.add(address, { peer: address, port: this.#port, limit: tooMany }, 'too many connections, connection closed');
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return;
    }
    const connection = new ClientConnection(socket, this);
    this.#connections.add(connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.feed({ kind: 'clientOpened', link: connection });
  }

  #tooMany(address: string): string | null {
    const { maxClientCnxns, maxCnxns } = this.#options;
    if (maxCnxns > 0 && this.#connections.size >= maxCnxns) return `maxCnxns=${maxCnxns}`;
    if (maxClientCnxns > 0 && (this.#perAddress.get(address) ?? 0) >= maxClientCnxns) return `maxClientCnxns=${maxClientCnxns}`;
    return null;
  }
}
