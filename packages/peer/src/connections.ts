import { Fifo, type Id, type Millis, type SessionId } from '@zk/protocol';
import type { AuditSubject } from './audit.ts';
import type { Expiring } from './expiry-queue.ts';
import { Summary } from './distribution.ts';
import { notification } from './notifications.ts';
import type { Reply } from './reply.ts';
import type { Session } from './sessions.ts';
import type { ClientLink } from './world.ts';

const NO_SESSION = 0n as SessionId;
/** Events found while setWatches is handled belong to no txn. */
const CAUGHT_UP = -1n;

/**
 * opened: no ConnectRequest yet. connecting: its session is being made or checked, what comes meanwhile is held.
 * closing: closeSession is on its way, what comes now is dropped. closed: nothing may be sent any more.
 */
export type ConnectionPhase = 'opened' | 'connecting' | 'established' | 'closing' | 'closed';

/** A request of a connection that could not be answered at once. */
export interface PendingRequest {
  readonly connection: Connection;
  readonly xid: number;
  readonly op: number;
  /** The connection's ids when the request was received. */
  readonly ids: Id[];
  readonly receivedAt: Millis;
  /** A read's own copy of its frame: it is answered when its turn comes. */
  readonly frame: Buffer | null;
  /** The txn it became, on the leader; on a learner its session and xid identify it. */
  zxid: bigint | null;
  /** Waits for nothing but its predecessors. */
  ready: boolean;
  /** Built when its txn was applied, if it had to wait for those before it then. */
  reply: Buffer | null;
  /** Refused with this code when its turn comes; 0: not refused. */
  err: number;
  /** An ephemeral asked for by a local session, which the leader cannot tell from an expired one (quorum.md 12). */
  readonly onLocalSession: boolean;
  /** What the audit log will say it was about; null where none is kept. */
  audit: AuditSubject | null;
  /** Counted against the limit on large requests while it waits. */
  readonly largeBytes: number;
}

/** What four-letter words tell about a connection. */
export class ConnectionStats {
  received = 0;
  sent = 0;
  /** Requests answered that changed nothing, pings left out; and those that did. */
  reads = 0;
  writes = 0;
  lastOp = 0;
  lastCxid = -1;
  lastZxid = -1n;
  lastResponseTime: Millis = 0;
  lastLatency: Millis = 0;
  /** ms from receipt to reply. */
  readonly latency = new Summary();
}

/** One client connection: who it is, how far its handshake is, and its requests in the order in which they are answered. */
export class Connection implements Expiring {
  deadline: Millis = -1;
  readonly link: ClientLink;
  /** Wall clock, ms since 1970. */
  readonly establishedAt: number;
  phase: ConnectionPhase = 'opened';
  /** Replaced, never changed: requests keep the array they were received with. */
  ids: Id[];
  session: SessionId = NO_SESSION;
  /** Negotiated, ms. */
  timeOut: number;
  /** The client sent a readOnly byte and expects one (trap 1). */
  sendsReadOnly = false;
  /** Where the session's clock runs on this server; null for a global session on a learner. */
  tracked: Session | null = null;
  /** Is in the table of sessions the leader will be told about. */
  touched = false;
  paused = false;
  /** Frames that came behind the ConnectRequest. */
  readonly held = new Fifo<Buffer>();
  readonly queue = new Fifo<PendingRequest>();
  stats = new ConnectionStats();

  constructor(link: ClientLink, establishedAt: number, timeOut: number) {
    this.link = link;
    this.establishedAt = establishedAt;
    this.timeOut = timeOut;
    this.ids = [{ scheme: 'ip', id: link.remoteAddress }, ...(link.secure?.ids ?? [])];
  }

  get remote(): string {
    return `${this.link.remoteAddress}:${this.link.remotePort}`;
  }

  get isEstablished(): boolean {
    return this.phase === 'established' || this.phase === 'closing';
  }

  send(frame: Buffer): void {
    if (this.phase === 'closed') return;
    this.stats.sent += 1;
    this.link.send(frame);
  }

  reply(reply: Reply): void {
    if (this.phase === 'closed') return;
    this.stats.sent += 1;
    const { link } = this;
    if (link.sendPart) link.sendPart(reply.bytes, reply.start, reply.end);
    else link.send(reply.frame());
  }

  /** For setWatches: what happened while the client was away. */
  notifyMissed(type: number, path: string): void {
    this.send(notification(type, path, CAUGHT_UP));
  }

  addId(id: Id): void {
    if (this.ids.some((known) => known.scheme === id.scheme && known.id === id.id)) return;
    this.ids = [...this.ids, id];
  }

  hold(): void {
    if (this.paused) return;
    this.paused = true;
    this.link.pause();
  }

  release(): void {
    if (!this.paused) return;
    this.paused = false;
    this.link.resume();
  }
}
