import { Reader, Writer, encode, type Codec } from '@zk/jute';
import {
  ConnectRequest, ConnectResponse, Create2Response, CreateRequest, DeleteRequest, ErrorCode, ExistsRequest, ExistsResponse, GetChildren2Request,
  GetChildren2Response, GetDataRequest, GetDataResponse, OPEN_ACL, OpCode, ReplyHeader, SetDataRequest, SetDataResponse, SyncRequest,
  WatcherEvent, asSessionId, errorName,
  type SessionId, type Stat,
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
export const SESSION_TIMEOUT_MS = 8_000;

/**
 * A client of the simulated ensemble: one session, on the member it is told to use, in the bytes a real one sends.
 * Everything it observes goes to the checkers.
 */
export class SimClient {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #checkers: Checkers;
  #link: SimClientLink | null = null;
  #node: SimNode | null = null;
  #established = false;
  #session: SessionId = asSessionId(0n);
  #password: Buffer = Buffer.alloc(16);
  #lastZxid = 0n;
  #xid = 0;
  #pending: Pending[] = [];
  readonly events: { type: number; path: string }[] = [];
  expired = false;

  constructor(name: string, scheduler: Scheduler, checkers: Checkers) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#checkers = checkers;
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
        readOnly: false,
      }),
    );
    this.#keepAlive(link);
  }

  disconnect(): void {
    this.#link?.hangUp();
    this.#link = null;
    this.#established = false;
    this.#checkers.disconnected(this);
    for (const pending of this.#pending.splice(0)) pending.lost();
  }

  /** A new session on the next connect. */
  forgetSession(): void {
    this.#session = asSessionId(0n);
    this.#password = Buffer.alloc(16);
  }

  // ---- operations; `done` hears the outcome, CONNECTIONLOSS when nobody knows it

  create(path: string, data: string, done: (outcome: Outcome<string>) => void, flags = 0): void {
    const request = { path, data: Buffer.from(data), acl: [...OPEN_ACL], flags };
    const write = this.#checkers.writeBegins(this, { kind: 'create', path, data, flags });
    this.#call(OpCode.create2, CreateRequest, request, Create2Response, (outcome, zxid) => {
      write.ends(outcome, zxid, 'ok' in outcome ? outcome.ok.path : path);
      done('ok' in outcome ? { ok: outcome.ok.path } : outcome);
    });
  }

  setData(path: string, data: string, version: number, done: (outcome: Outcome<Stat>) => void): void {
    const write = this.#checkers.writeBegins(this, { kind: 'setData', path, data, flags: 0 });
    this.#call(OpCode.setData, SetDataRequest, { path, data: Buffer.from(data), version }, SetDataResponse, (outcome, zxid) => {
      write.ends(outcome, zxid, path);
      done('ok' in outcome ? { ok: outcome.ok.stat } : outcome);
    });
  }

  delete(path: string, version: number, done: (outcome: Outcome<null>) => void): void {
    const write = this.#checkers.writeBegins(this, { kind: 'delete', path, data: '', flags: 0 });
    this.#call(OpCode.delete, DeleteRequest, { path, version }, null, (outcome, zxid) => {
      write.ends(outcome, zxid, path);
      done('ok' in outcome ? { ok: null } : outcome);
    });
  }

  getData(path: string, watch: boolean, done: (outcome: Outcome<{ data: string; stat: Stat }>) => void): void {
    this.#call(OpCode.getData, GetDataRequest, { path, watch }, GetDataResponse, (outcome, zxid) => {
      const data = 'ok' in outcome ? String(outcome.ok.data ?? '') : null;
      this.#shown(path, outcome, data, zxid, watch);
      done('ok' in outcome ? { ok: { data: String(outcome.ok.data ?? ''), stat: outcome.ok.stat } } : outcome);
    });
  }

  exists(path: string, watch: boolean, done: (outcome: Outcome<Stat>) => void): void {
    this.#call(OpCode.exists, ExistsRequest, { path, watch }, ExistsResponse, (outcome, zxid) => {
      this.#shown(path, outcome, null, zxid, watch);
      done('ok' in outcome ? { ok: outcome.ok.stat } : outcome);
    });
  }

  getChildren(path: string, done: (outcome: Outcome<string[]>) => void): void {
    this.#call(OpCode.getChildren2, GetChildren2Request, { path, watch: false }, GetChildren2Response, (outcome) => {
      done('ok' in outcome ? { ok: outcome.ok.children } : outcome);
    });
  }

  sync(done: (outcome: Outcome<null>) => void): void {
    this.#call(OpCode.sync, SyncRequest, { path: '/' }, null, (outcome) => done('ok' in outcome ? { ok: null } : outcome));
  }

  closeSession(done: (outcome: Outcome<null>) => void): void {
    this.#send(OpCode.closeSession, Buffer.alloc(0), (err) => {
      done(err === 0 ? { ok: null } : { error: errorName(err) ?? String(err) });
      this.disconnect();
      this.forgetSession();
    }, () => done({ error: 'CONNECTIONLOSS' }));
  }

  #shown(path: string, outcome: Outcome<{ stat: Stat }>, data: string | null, zxid: bigint, watch: boolean): void {
    if ('ok' in outcome) this.#checkers.read(this, path, { mzxid: outcome.ok.stat.mzxid, data, zxid }, watch);
    else if (outcome.error === 'NONODE') this.#checkers.read(this, path, { mzxid: null, data: null, zxid }, watch);
  }

  // ---- the wire

  #call<Q, A>(
    type: number, request: Codec<Q>, value: Q, response: Codec<A> | null, done: (outcome: Outcome<A>, zxid: bigint) => void,
  ): void {
    this.#send(
      type,
      encode(request, value),
      (err, body, zxid) => done(err === 0 ? { ok: response?.read(body) as A } : { error: errorName(err) ?? String(err) }, zxid),
      () => done({ error: 'CONNECTIONLOSS' }, 0n),
    );
  }

  #send(type: number, body: Buffer, settle: Pending['settle'], lost: () => void): void {
    if (!this.#link || !this.#established) {
      this.#scheduler.after(0, lost);
      return;
    }
    const xid = ++this.#xid;
    this.#pending.push({ xid, settle, lost });
    this.#link.request(withHeader(xid, type, body));
  }

  #frame(frame: Buffer): void {
    const reader = new Reader(frame);
    if (!this.#established) return this.#handshake(reader);
    const { xid, zxid, err } = ReplyHeader.read(reader);
    if (xid === NOTIFICATION_XID) {
      const { type, path } = WatcherEvent.read(reader);
      this.events.push({ type, path });
      this.#checkers.notified(this, path, zxid, this.#lastZxid);
      return;
    }
    if (err !== ErrorCode.UNIMPLEMENTED) this.#checkers.replied(this, zxid, this.#lastZxid);
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    if (xid === PING_XID) return;
    const pending = this.#pending.shift();
    this.#checkers.inOrder(this, pending?.xid, xid);
    pending?.settle(err, reader, zxid);
  }

  #handshake(reader: Reader): void {
    const response = ConnectResponse.read(reader);
    if (response.timeOut <= 0) {
      this.expired = true;
      this.disconnect();
      return;
    }
    this.#session = asSessionId(response.sessionId);
    this.#password = Buffer.from(response.passwd ?? Buffer.alloc(16));
    this.#established = true;
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
