import { Reader, Writer, decode } from '@zk/jute';
import {
  AuthPacket, ConnectRequest, ConnectResponse, KeeperError, OpCode, ReplyHeader, SetWatches, SetWatches2, WatcherEvent, asSessionId, asZxid,
  type SessionId, type Zxid,
} from '@zk/protocol';
import { Connection } from './connection.ts';
import type { HostPort } from './connect-string.ts';
import { keeperError } from './errors.ts';
import { eventTypeName, type ClientState, type WatchEvent } from './events.ts';
import type { WatchRegistry } from './watch-registry.ts';

const NOTIFICATION_XID = -1;
const PING_XID = -2;
const AUTH_XID = -4;
const SET_WATCHES_XID = -8;
const PASSWORD_BYTES = 16;
/** Apache's clients split setWatches at about this much path text, to stay below jute.maxbuffer. */
const SET_WATCHES_BYTES = 128 * 1024;
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1_000;

export interface Auth {
  readonly scheme: string;
  readonly auth: Buffer | string;
}

export interface SessionOptions {
  readonly servers: readonly HostPort[];
  readonly timeoutMs: number;
  readonly readOnly: boolean;
  readonly auths: readonly Auth[];
  /** Takes over the session of another client. */
  readonly resume?: { readonly id: bigint; readonly password: Buffer };
  readonly watches: WatchRegistry;
  onState(state: ClientState): void;
  onEvent(event: WatchEvent): void;
}

interface Pending {
  readonly xid: number;
  readonly payload: Buffer;
  readonly path: string | undefined;
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
  readonly #servers: HostPort[];
  #connection: Connection | null = null;
  #established = false;
  #state: ClientState = 'connecting';
  #id: SessionId;
  #password: Buffer;
  #timeoutMs: number;
  #lastZxid: Zxid = asZxid(0n);
  #xid = 0;
  /** Sent and not answered, oldest first. */
  #inFlight: Pending[] = [];
  /** Asked for while there was no connection. */
  #waiting: Pending[] = [];
  #nextServer = 0;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#auths = [...options.auths];
    // A random first server spreads the clients over the ensemble.
    const start = Math.floor(Math.random() * options.servers.length);
    this.#servers = [...options.servers.slice(start), ...options.servers.slice(0, start)];
    this.#id = asSessionId(options.resume?.id ?? 0n);
    this.#password = options.resume?.password ?? Buffer.alloc(PASSWORD_BYTES);
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
  /** `host:port` of the server behind the present connection. */
  get server(): string | undefined {
    return this.#connection ? `${this.#connection.server.host}:${this.#connection.server.port}` : undefined;
  }

  /**
   * Sends a request; `read` is given the reply's body.
   * @throws KeeperError with the server's code, or CONNECTIONLOSS when the outcome is unknown, or SESSIONEXPIRED
   */
  request<T>(type: number, body: Buffer, read: (body: Reader) => T, path?: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const final = this.#finalError();
      if (final) return reject(final);
      this.#xid = this.#xid >= 0x7fffffff ? 1 : this.#xid + 1;
      const pending: Pending = {
        xid: this.#xid,
        payload: withHeader(this.#xid, type, body),
        path,
        reject,
        resolve(reader) {
          try {
            resolve(read(reader));
          } catch (error) {
            reject(error as Error);
          }
        },
      };
      if (this.#established) this.#send(pending);
      else this.#waiting.push(pending);
    });
  }

  /** Adds credentials, now and after every reconnect. A server that refuses them ends the session's use: `authFailed`. */
  addAuth(auth: Auth): void {
    this.#auths.push(auth);
    if (this.#established) this.#sendAuth(auth);
  }

  /** Closes the session on the server, if there is a connection, and everything here. */
  async close(): Promise<void> {
    if (this.#finalError()) return;
    if (this.#established) {
      const closed = this.request(OpCode.closeSession, Buffer.alloc(0), () => undefined);
      await closed.catch(() => undefined); // a connection that breaks now is as good as closed
    }
    this.#end('closed');
  }

  // ---- connecting

  #dial(): void {
    const server = this.#servers[this.#nextServer % this.#servers.length] as HostPort;
    this.#nextServer += 1;
    const connection: Connection = new Connection(server, this.#connectTimeoutMs(), {
      opened: () => this.#handshake(connection),
      frame: (frame) => (this.#established ? this.#reply(frame) : this.#connected(frame)),
      closed: (reason) => this.#lost(reason),
    });
    this.#connection = connection;
  }

  #connectTimeoutMs(): number {
    return Math.max(500, Math.floor(this.#timeoutMs / Math.max(2, this.#servers.length)));
  }

  #handshake(connection: Connection): void {
    const writer = new Writer(64);
    ConnectRequest.write(writer, {
      protocolVersion: 0,
      lastZxidSeen: this.#lastZxid,
      timeOut: this.#options.timeoutMs,
      sessionId: this.#id,
      passwd: this.#password,
      readOnly: this.#options.readOnly,
    });
    connection.send(writer.finish());
    this.#heard();
  }

  #connected(frame: Buffer): void {
    const response = decode(ConnectResponse, frame);
    if (response.timeOut <= 0) return this.#end('expired');
    this.#id = response.sessionId;
    this.#password = Buffer.from(response.passwd ?? Buffer.alloc(PASSWORD_BYTES));
    this.#timeoutMs = response.timeOut;
    this.#established = true;
    this.#retryMs = FIRST_RETRY_MS;
    this.#heard();
    this.#schedulePing();
    for (const auth of this.#auths) this.#sendAuth(auth);
    this.#restoreWatches();
    for (const pending of this.#waiting.splice(0)) this.#send(pending);
    this.#enter(response.readOnly === true ? 'readOnly' : 'connected');
  }

  #lost(_reason: string): void {
    this.#disconnect();
    if (this.#finalError()) return;
    for (const pending of this.#inFlight.splice(0)) pending.reject(new KeeperError('CONNECTIONLOSS', pending.path));
    this.#enter('connecting');
    // One quick round over all servers, then with growing patience.
    const roundOver = this.#nextServer % this.#servers.length === 0;
    const wait = roundOver ? this.#retryMs : 0;
    if (roundOver) this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#retryTimer = setTimeout(() => this.#dial(), wait);
  }

  #disconnect(): void {
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#silence);
    this.#silence = undefined;
    clearTimeout(this.#retryTimer);
    this.#established = false;
    this.#connection?.destroy();
    this.#connection = null;
  }

  #end(state: 'closed' | 'expired' | 'authFailed'): void {
    if (this.#finalError()) return;
    this.#disconnect();
    this.#state = state;
    const error = this.#finalError() as KeeperError;
    for (const pending of [...this.#inFlight.splice(0), ...this.#waiting.splice(0)]) pending.reject(error);
    this.#options.onState(state);
  }

  #enter(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #finalError(): KeeperError | null {
    switch (this.#state) {
      case 'expired':
        return new KeeperError('SESSIONEXPIRED');
      case 'authFailed':
        return new KeeperError('AUTHFAILED');
      case 'closed':
        return new KeeperError('CONNECTIONLOSS');
      default:
        return null;
    }
  }

  // ---- sending

  #send(pending: Pending): void {
    this.#inFlight.push(pending);
    this.#connection?.send(pending.payload);
    this.#schedulePing();
  }

  #sendAuth({ scheme, auth }: Auth): void {
    const writer = new Writer(64);
    AuthPacket.write(writer, { type: 0, scheme, auth: typeof auth === 'string' ? Buffer.from(auth) : auth });
    this.#connection?.send(withHeader(AUTH_XID, OpCode.auth, writer.finish()));
  }

  #restoreWatches(): void {
    const { watches } = this.#options;
    const wanted = {
      dataWatches: watches.paths('data'),
      existWatches: watches.paths('exist'),
      childWatches: watches.paths('child'),
      persistentWatches: watches.paths('persistent'),
      persistentRecursiveWatches: watches.paths('recursive'),
    };
    for (const part of split(wanted, SET_WATCHES_BYTES)) {
      // Servers before 3.6 know the older request only, and no persistent watches either.
      const old = part.persistentWatches.length + part.persistentRecursiveWatches.length === 0;
      const writer = new Writer(1024);
      (old ? SetWatches : SetWatches2).write(writer, { relativeZxid: this.#lastZxid, ...part });
      this.#connection?.send(withHeader(SET_WATCHES_XID, old ? OpCode.setWatches : OpCode.setWatches2, writer.finish()));
    }
  }

  /** Pings keep an idle session alive; a server silent for two thirds of the timeout is given up. */
  #schedulePing(): void {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => {
      this.#connection?.send(withHeader(PING_XID, OpCode.ping, Buffer.alloc(0)));
      this.#schedulePing();
    }, Math.floor(this.#timeoutMs / 3));
  }

  #heard(): void {
    if (this.#silence) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.#lost('the server is silent'), Math.floor((this.#timeoutMs * 2) / 3));
  }

  // ---- receiving

  #reply(frame: Buffer): void {
    this.#heard();
    const reader = new Reader(frame);
    const header = ReplyHeader.read(reader);
    if (header.zxid > this.#lastZxid) this.#lastZxid = asZxid(header.zxid);
    switch (header.xid) {
      case NOTIFICATION_XID:
        return this.#notify(header.zxid, reader);
      case PING_XID:
      case SET_WATCHES_XID:
        return;
      case AUTH_XID:
        if (header.err !== 0) this.#end('authFailed');
        return;
      default:
        return this.#answer(header.xid, header.err, reader);
    }
  }

  #notify(zxid: bigint, reader: Reader): void {
    const { type, path } = WatcherEvent.read(reader);
    const name = eventTypeName(type);
    if (name) this.#options.onEvent({ type: name, path, zxid });
  }

  #answer(xid: number, err: number, reader: Reader): void {
    const pending = this.#inFlight[0];
    if (pending?.xid !== xid) return this.#lost(`reply ${xid} is out of order`);
    this.#inFlight.shift();
    if (err === 0) pending.resolve(reader);
    else pending.reject(keeperError(err, pending.path));
  }
}

function withHeader(xid: number, type: number, body: Buffer): Buffer {
  const payload = Buffer.allocUnsafe(8 + body.length);
  payload.writeInt32BE(xid, 0);
  payload.writeInt32BE(type, 4);
  body.copy(payload, 8);
  return payload;
}

type WatchLists = Record<
  'dataWatches' | 'existWatches' | 'childWatches' | 'persistentWatches' | 'persistentRecursiveWatches',
  string[]
>;

/** The same lists in parts of at most about `bytes` of path text; none for empty lists. */
function split(lists: WatchLists, bytes: number): WatchLists[] {
  const parts: WatchLists[] = [];
  let room = 0;
  for (const [list, paths] of Object.entries(lists) as [keyof WatchLists, string[]][]) {
    for (const path of paths) {
      if (room < path.length) {
        parts.push({ dataWatches: [], existWatches: [], childWatches: [], persistentWatches: [], persistentRecursiveWatches: [] });
        room = bytes;
      }
      (parts.at(-1) as WatchLists)[list].push(path);
      room -= path.length;
    }
  }
  return parts;
}

