import type { ConnectionOptions } from 'node:tls';
import { Reader, decode } from '@zk/jute';
import { ConnectResponse, KeeperError, OpCode, ReplyHeader, WatcherEvent, asSessionId, asZxid, type SessionId, type Zxid } from '@zk/protocol';
import { isReadWrite } from './ask-mode.ts';
import { Connection } from './connection.ts';
import type { HostPort } from './connect-string.ts';
import { connectionLoss, keeperError } from './errors.ts';
import { eventTypeName, type ClientState, type WatchEvent } from './events.ts';
import { Xid, authFrame, connectFrame, requestFrame, setWatchesFrames, type Auth } from './frames.ts';
import type { WatchRegistry } from './watch-registry.ts';

const PASSWORD_BYTES = 16;
/** A ConnectResponse without a password; what is shorter is the header with which a read-only server refuses a session. */
const SHORTEST_CONNECT_RESPONSE = 20;
const LAST_XID = 0x7fffffff;
const NO_BODY = Buffer.alloc(0);
const NOTHING_TO_READ = new Reader(NO_BODY);
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1_000;
const FIRST_PROBE_MS = 100;
const LAST_PROBE_MS = 60_000;

export interface SessionOptions {
  readonly servers: readonly HostPort[];
  readonly tls: ConnectionOptions | undefined;
  readonly timeoutMs: number;
  /** How long a request may wait for a connection; at least one attempt with every server is made. */
  readonly patienceMs: number;
  readonly readOnly: boolean;
  readonly auths: readonly Auth[];
  /** Takes over the session of another client. */
  readonly resume?: { readonly id: bigint; readonly password: Buffer };
  readonly watches: WatchRegistry;
  onState(state: ClientState): void;
  onEvent(event: WatchEvent): void;
}

export interface RequestOptions {
  /** For the error, as the application named it. */
  readonly path?: string;
  readonly signal?: AbortSignal;
  /** Called with the error code (0: none) at the very moment of the reply, before any event that came behind it. */
  readonly answered?: (errno: number) => void;
}

interface Pending {
  readonly xid: number;
  /** null: it only waits for the connection. */
  readonly frame: Buffer | null;
  readonly path: string | undefined;
  readonly answered: ((errno: number) => void) | undefined;
  resolve(body: Reader): void;
  reject(error: Error): void;
}

/**
 * One ZooKeeper session over whichever connection it has at the moment: handshake, pings, reconnects, restoring of
 * credentials and watches, and requests matched with their replies strictly in order.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #auths: Auth[];
  readonly #servers: readonly HostPort[];
  #connection: Connection | null = null;
  #established = false;
  #closing: Promise<void> | null = null;
  #state: ClientState = 'connecting';
  #lastFailure: string | undefined;
  #id: SessionId;
  #password: Buffer;
  #timeoutMs: number;
  /** False: the session, if any, is one that only its read-only server knows. */
  #global: boolean;
  /** The newest zxid of all: no server that is behind it will do. */
  #lastZxid: Zxid = asZxid(0n);
  /**
   * Up to here every event is known to have come. That of the newest event itself may not be: a txn can have several,
   * and setWatches must bring back those that were lost with the connection.
   */
  #eventsUpTo: Zxid = asZxid(0n);
  #xid = 0;
  /** Sent and not answered, oldest first. */
  readonly #inFlight: Pending[] = [];
  /** Asked for while there was no connection. */
  readonly #waiting = new Set<Pending>();
  #waitingSince = performance.now();
  #nextServer = 0;
  #failures = 0;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #probeTimer: NodeJS.Timeout | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#auths = [...options.auths];
    this.#servers = shuffled(options.servers);
    this.#id = asSessionId(options.resume?.id ?? 0n);
    this.#password = options.resume?.password ?? Buffer.alloc(PASSWORD_BYTES);
    this.#global = options.resume !== undefined;
    this.#timeoutMs = options.timeoutMs;
    this.#dial();
  }

  get state(): ClientState {
    return this.#state;
  }
  get id(): SessionId {
    return this.#id;
  }
  get password(): Buffer {
    return this.#password;
  }
  /** Negotiated session timeout, ms. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }
  get lastZxid(): Zxid {
    return this.#lastZxid;
  }
  /** Why the last connection, or the last attempt at one, came to nothing. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }
  /** `host:port` of the server behind the present connection. */
  get server(): string | undefined {
    return this.#established && this.#connection ? `${this.#connection.server.host}:${this.#connection.server.port}` : undefined;
  }

  /**
   * Sends a request; `read` is given the reply's body.
   * @throws KeeperError with the server's code, or CONNECTIONLOSS when the outcome is unknown, or SESSIONEXPIRED; the signal's reason
   */
  request<T>(type: number, body: Buffer, read: (body: Reader) => T, options: RequestOptions = {}): Promise<T> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason as Error);
    const final = this.#closing ? connectionLoss('the client is closed', options.path) : this.finalError();
    return final ? Promise.reject(final) : this.#enqueue({ type, body }, read, options);
  }

  /**
   * Resolves when there is a session and a connection.
   * @throws KeeperError CONNECTIONLOSS after `patienceMs`, SESSIONEXPIRED, AUTHFAILED; the signal's reason
   */
  ready(signal?: AbortSignal): Promise<void> {
    if (this.#established) return Promise.resolve();
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const final = this.finalError();
    return final ? Promise.reject(final) : this.#enqueue(null, () => undefined, { signal });
  }

  /** Adds credentials, now and after every reconnect. A server that refuses them ends the session's use: `authFailed`. */
  addAuth(auth: Auth): void {
    this.#auths.push(auth);
    if (this.#established) this.#connection?.send(authFrame(auth));
  }

  /** Closes the session on the server, if there is a connection, and everything here. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What every request gets from now on; null while the session may still be used. */
  finalError(): KeeperError | null {
    switch (this.#state) {
      case 'expired':
        return new KeeperError('SESSIONEXPIRED');
      case 'authFailed':
        return new KeeperError('AUTHFAILED');
      case 'closed':
        return connectionLoss('the client is closed');
      default:
        return null;
    }
  }

  async #close(): Promise<void> {
    if (this.finalError()) return;
    if (this.#established) {
      const closed = this.#enqueue({ type: OpCode.closeSession, body: NO_BODY }, () => undefined, {});
      await closed.catch(() => undefined); // a connection that breaks now is as good as closed
    }
    this.#end('closed');
  }

  #enqueue<T>(
    request: { type: number; body: Buffer } | null, read: (body: Reader) => T, { path, signal, answered }: RequestOptions,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (request) this.#xid = this.#xid >= LAST_XID ? 1 : this.#xid + 1;
      const settle = (): void => signal?.removeEventListener('abort', abort);
      const pending: Pending = {
        xid: this.#xid,
        frame: request && requestFrame(this.#xid, request.type, request.body),
        path,
        answered,
        reject(error) {
          settle();
          reject(error);
        },
        resolve(reader) {
          settle();
          try {
            resolve(read(reader));
          } catch (error) {
            reject(error as Error);
          }
        },
      };
      const abort = (): void => {
        this.#waiting.delete(pending); // never sent, if it was still there
        pending.reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (this.#established) this.#send(pending);
      else this.#waiting.add(pending);
    });
  }

  // ---- connecting

  #dial(): void {
    const server = this.#servers[this.#nextServer % this.#servers.length] as HostPort;
    this.#nextServer += 1;
    const connection: Connection = new Connection(server, this.#options.tls, {
      opened: () => this.#handshake(connection),
      frame: (frame) => (this.#established ? this.#reply(frame) : this.#connected(frame)),
      closed: (reason) => this.#lost(reason),
    });
    this.#connection = connection;
    this.#expectFrameWithin(this.#connectTimeoutMs());
  }

  /** For the connection and the handshake together: every server gets its turn before the session has expired. */
  #connectTimeoutMs(): number {
    return Math.max(500, Math.floor(this.#timeoutMs / Math.max(2, this.#servers.length)));
  }

  #handshake(connection: Connection): void {
    connection.send(
      connectFrame({
        lastZxidSeen: this.#lastZxid,
        timeOut: this.#options.timeoutMs,
        // The session of a read-only server means nothing to the others.
        sessionId: this.#global ? this.#id : asSessionId(0n),
        passwd: this.#global ? this.#password : Buffer.alloc(PASSWORD_BYTES),
        readOnly: this.#options.readOnly,
      }),
    );
  }

  #connected(frame: Buffer): void {
    if (frame.length < SHORTEST_CONNECT_RESPONSE) return this.#lost('the server is read-only and takes no new sessions');
    const response = decode(ConnectResponse, frame);
    if (response.timeOut <= 0) return this.#end('expired');
    const readOnly = response.readOnly === true;
    this.#id = response.sessionId;
    this.#password = Buffer.from(response.passwd ?? Buffer.alloc(PASSWORD_BYTES));
    this.#timeoutMs = response.timeOut;
    this.#global ||= !readOnly;
    this.#established = true;
    this.#failures = 0;
    this.#retryMs = FIRST_RETRY_MS;
    this.#expectFrameWithin(Math.floor((this.#timeoutMs * 2) / 3));
    this.#pingTimer = setInterval(() => this.#connection?.send(requestFrame(Xid.ping, OpCode.ping)), Math.floor(this.#timeoutMs / 3));
    for (const auth of this.#auths) this.#connection?.send(authFrame(auth));
    for (const restored of setWatchesFrames(this.#options.watches, this.#eventsUpTo)) this.#connection?.send(restored);
    for (const pending of this.#waiting) this.#send(pending);
    this.#waiting.clear();
    if (readOnly) this.#probe(FIRST_PROBE_MS);
    this.#enter(readOnly ? 'readOnly' : 'connected');
  }

  #lost(reason: string): void {
    if (this.#established) this.#waitingSince = performance.now();
    else this.#failures += 1;
    this.#lastFailure = `${this.#connection?.server.host}:${this.#connection?.server.port}: ${reason}`;
    this.#disconnect();
    for (const pending of this.#inFlight.splice(0)) pending.reject(connectionLoss(this.#lastFailure, pending.path));
    // One quick round over all servers, then with growing patience; never all clients of a lost server at the same moment.
    const roundOver = this.#failures % this.#servers.length === 0;
    if (roundOver && this.#failures > 0) this.#giveUpWaiting();
    this.#retryTimer = setTimeout(() => this.#dial(), roundOver ? this.#retryMs * (0.5 + Math.random() / 2) : 0);
    if (roundOver) this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#enter('connecting');
  }

  /** Requests that have waited too long for a connection; those of a client that has just been told it is lost may wait as long again. */
  #giveUpWaiting(): void {
    if (performance.now() - this.#waitingSince < this.#options.patienceMs) return;
    this.#waitingSince = performance.now();
    for (const pending of this.#waiting) pending.reject(connectionLoss(this.#lastFailure, pending.path));
    this.#waiting.clear();
  }

  #disconnect(): void {
    clearInterval(this.#pingTimer);
    clearTimeout(this.#silence);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#probeTimer);
    this.#established = false;
    this.#connection?.destroy();
    this.#connection = null;
  }

  #end(state: 'closed' | 'expired' | 'authFailed'): void {
    if (this.finalError()) return;
    this.#disconnect();
    this.#state = state;
    const error = this.finalError() as KeeperError;
    for (const pending of [...this.#inFlight.splice(0), ...this.#waiting]) pending.reject(error);
    this.#waiting.clear();
    this.#options.onState(state);
  }

  #enter(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  /** On a read-only server: asks the others, one at a time, and moves to the first that takes writes. */
  #probe(waitMs: number): void {
    this.#probeTimer = setTimeout(async () => {
      const connection = this.#connection;
      const server = this.#servers[this.#nextServer % this.#servers.length] as HostPort;
      const found = await isReadWrite(server, this.#options.tls, this.#connectTimeoutMs());
      if (this.#connection !== connection) return; // lost in the meantime, or closed
      if (found) return this.#lost(`read-only, while ${server.host}:${server.port} takes writes`);
      this.#nextServer += 1;
      this.#probe(Math.min(waitMs * 2, LAST_PROBE_MS));
    }, waitMs);
  }

  // ---- sending

  #send(pending: Pending): void {
    if (!pending.frame) return pending.resolve(NOTHING_TO_READ);
    this.#inFlight.push(pending);
    this.#connection?.send(pending.frame);
    this.#pingTimer?.refresh(); // the server has heard of us
  }

  /** A server silent for two thirds of the timeout is given up: there must be time left to find another. */
  #expectFrameWithin(ms: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(`silent for ${ms} ms`), ms);
  }

  // ---- receiving

  #reply(frame: Buffer): void {
    this.#silence?.refresh();
    const reader = new Reader(frame);
    const { xid, zxid, err } = ReplyHeader.read(reader);
    if (zxid > this.#lastZxid) this.#lastZxid = asZxid(zxid);
    switch (xid) {
      case Xid.notification:
        return this.#notify(zxid, reader);
      case Xid.setWatches:
        return;
      case Xid.auth:
        if (err !== 0) this.#end('authFailed');
        return;
      default:
        if (zxid > this.#eventsUpTo) this.#eventsUpTo = asZxid(zxid);
        if (xid !== Xid.ping) this.#answer(xid, err, reader);
    }
  }

  #notify(zxid: bigint, reader: Reader): void {
    const { type, path } = WatcherEvent.read(reader);
    const name = eventTypeName(type);
    if (name) this.#options.onEvent({ type: name, path, zxid });
  }

  #answer(xid: number, errno: number, reader: Reader): void {
    const pending = this.#inFlight[0];
    if (pending?.xid !== xid) return this.#lost(`reply ${xid} is out of order`);
    this.#inFlight.shift();
    pending.answered?.(errno);
    if (errno === 0) pending.resolve(reader);
    else pending.reject(keeperError(errno, pending.path));
  }
}

/** Every client in its own order: those of a server that is lost spread over all the others. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const chosen = Math.floor(Math.random() * (last + 1));
    [result[last], result[chosen]] = [result[chosen] as T, result[last] as T];
  }
  return result;
}
