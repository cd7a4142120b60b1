import { Reader, Writer, encode, type Codec } from '@zk/jute';
import {
  ConnectRequest, ConnectResponse, ErrorCode, OpCode, ReplyHeader, SetWatches, WatcherEvent, asSessionId, errorName, type SessionId,
} from '@zk/protocol';
import type { Checkers } from './checkers.ts';
import { SimClientLink } from './client-link.ts';
import type { SimNode } from './node.ts';
import type { Scheduler } from './scheduler.ts';

export type Outcome<T> = { ok: T } | { error: string };

interface Pending {
  readonly xid: number;
  settle(err: number, body: Reader, zxid: bigint): void;
  lost(): void;
}

const NOTIFICATION_XID = -1;
const PING_XID = -2;
const SET_WATCHES_XID = -8;
export const SESSION_TIMEOUT_MS = 8_000;

/**
 * A session of the simulated ensemble, on the member it is told to use, in the bytes a real client sends. On each new
 * connection it asks for its watches again. Everything it observes goes to the checkers.
 */
export class SimSession {
  readonly name: string;
  protected readonly checkers: Checkers;
  readonly #scheduler: Scheduler;
  readonly #takesReadOnly: boolean;
  #link: SimClientLink | null = null;
  #node: SimNode | null = null;
  #established = false;
  #readOnly = false;
  #session: SessionId = asSessionId(0n);
  #password: Buffer = Buffer.alloc(16);
  #lastZxid = 0n;
  #xid = 0;
  #pending: Pending[] = [];
  readonly events: { type: number; path: string }[] = [];
  expired = false;

  /** @param takesReadOnly content with a member that is cut off and serves reads only */
  constructor(name: string, scheduler: Scheduler, checkers: Checkers, takesReadOnly = false) {
    this.name = name;
    this.checkers = checkers;
    this.#scheduler = scheduler;
    this.#takesReadOnly = takesReadOnly;
  }

  get session(): SessionId {
    return this.#session;
  }
  get connected(): boolean {
    return this.#established;
  }
  /** A connection is there or being made. */
  get connecting(): boolean {
    return this.#link !== null;
  }
  get node(): SimNode | null {
    return this.#node;
  }
  /** The member at the other end is cut off from the quorum and said so. */
  get readOnly(): boolean {
    return this.#readOnly;
  }
  /** What such a member shows may never be committed: no watch is set for a later life of the session. */
  get mayWatch(): boolean {
    return !this.#takesReadOnly;
  }

  /** Connects, or moves, to a member. The outcome shows in `connected` or `expired`. */
  connect(node: SimNode): void {
    this.disconnect();
    this.expired = false;
    if (!node.alive) return;
    this.#node = node;
    const link: SimClientLink = new SimClientLink(node, this.#scheduler, {
      frame: (frame) => this.#link === link && this.#frame(frame),
      closed: () => this.#link === link && this.disconnect(),
    });
    this.#link = link;
    link.request(
      encode(ConnectRequest, {
        protocolVersion: 0,
        lastZxidSeen: this.#lastZxid,
        timeOut: SESSION_TIMEOUT_MS,
        sessionId: this.#session,
        passwd: this.#password,
        readOnly: this.#takesReadOnly,
      }),
    );
    this.#keepAlive(link);
  }

  disconnect(): void {
    this.#link?.hangUp();
    this.vanish();
  }

  /** The connection is given up and the member is not told: what was sent may still be done, after the session has moved. */
  vanish(): void {
    this.#link = null;
    this.#established = false;
    this.#readOnly = false;
    for (const pending of this.#pending.splice(0)) pending.lost();
  }

  /** A new session on the next connect, without the watches of the old one. */
  forgetSession(): void {
    this.#session = asSessionId(0n);
    this.#password = Buffer.alloc(16);
    this.checkers.watches.forget(this);
  }

  closeSession(done: (outcome: Outcome<null>) => void): void {
    this.send(OpCode.closeSession, Buffer.alloc(0), (err) => {
      done(err === 0 ? { ok: null } : { error: errorName(err) ?? String(err) });
      this.disconnect();
      this.forgetSession();
    }, () => done({ error: 'CONNECTIONLOSS' }));
  }

  protected call<Q, A>(
    type: number, request: Codec<Q>, value: Q, response: Codec<A> | null, done: (outcome: Outcome<A>, zxid: bigint) => void,
  ): void {
    this.send(
      type,
      encode(request, value),
      (err, body, zxid) => done(err === 0 ? { ok: response?.read(body) as A } : { error: errorName(err) ?? String(err) }, zxid),
      () => done({ error: 'CONNECTIONLOSS' }, 0n),
    );
  }

  protected send(type: number, body: Buffer, settle: Pending['settle'], lost: () => void): void {
    if (!this.#link || !this.#established) {
      this.#scheduler.after(0, lost);
      return;
    }
    this.#sendAs(++this.#xid, type, body, settle, lost);
  }

  #sendAs(xid: number, type: number, body: Buffer, settle: Pending['settle'], lost: () => void): void {
    this.#pending.push({ xid, settle, lost });
    this.#link?.request(withHeader(xid, type, body));
  }

  #frame(frame: Buffer): void {
    const reader = new Reader(frame);
    if (!this.#established) return this.#handshake(reader);
    const { xid, zxid, err } = ReplyHeader.read(reader);
    if (xid === NOTIFICATION_XID) {
      const { type, path } = WatcherEvent.read(reader);
      this.events.push({ type, path });
      this.checkers.notified(this, type, path, zxid, this.#lastZxid);
      return;
    }
    if (err !== ErrorCode.UNIMPLEMENTED) this.checkers.replied(this, zxid, this.#lastZxid);
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    if (xid === PING_XID) return;
    const pending = this.#pending.shift();
    this.checkers.inOrder(this, pending?.xid, xid);
    pending?.settle(err, reader, zxid);
  }

  #handshake(reader: Reader): void {
    const response = ConnectResponse.read(reader);
    if (response.timeOut <= 0) {
      this.expired = true;
      this.disconnect();
      return;
    }
    this.#established = true;
    this.#readOnly = response.readOnly ?? false;
    if (this.#readOnly) {
      this.checkers.saw('read-only connection');
      if (this.#session === 0n) return; // the session that such a member gives is nobody else's
    }
    this.#session = asSessionId(response.sessionId);
    this.#password = Buffer.from(response.passwd ?? Buffer.alloc(16));
    this.#watchAgain();
  }

  #watchAgain(): void {
    const watches = this.checkers.watches.of(this);
    if (!watches) return;
    const request = encode(SetWatches, { relativeZxid: this.#lastZxid, ...watches });
    const nothing = (): void => undefined;
    this.#sendAs(SET_WATCHES_XID, OpCode.setWatches, request, (_err, _body, zxid) => this.checkers.watches.setAgain(this, zxid), nothing);
  }

  #keepAlive(link: SimClientLink): void {
    this.#scheduler.after(SESSION_TIMEOUT_MS / 3, () => {
      if (this.#link !== link) return;
      if (this.#established) link.request(withHeader(PING_XID, OpCode.ping, Buffer.alloc(0)));
      this.#keepAlive(link);
    });
  }
}

function withHeader(xid: number, type: number, body: Buffer): Buffer {
  const writer = new Writer(8 + body.length);
  writer.int(xid);
  writer.int(type);
  writer.raw(body);
  return writer.finish();
}
