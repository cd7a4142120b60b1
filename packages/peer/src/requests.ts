import { JuteError } from '@zk/jute';
import {
  ErrorCode,
  Fifo,
  OpCode,
  SyncRequest,
  opName,
  type Id,
  type Millis,
  type Proposal,
  type SessionId,
  type TxnBody,
  type TxnHeader,
} from '@zk/protocol';
import type { Outcome } from '@zk/tree';
import type { Auditor } from './audit.ts';
import type { Authority } from './authority.ts';
import type { Connection, PendingRequest } from './connections.ts';
import { REQUEST_HEADER, decodeOrError, decodeOrNull } from './decode-request.ts';
import { eagerAclError } from './eager-acl.ts';
import { isAuthoritative } from './handshake.ts';
import { createsEphemeral } from './operations/ephemeral.ts';
import { reads, writes } from './operations/index.ts';
import { MissingAclError, multi } from './operations/multi.ts';
import type { ReadOperation } from './operations/read-operation.ts';
import type { WriteOperation } from './operations/write-operation.ts';
import type { Asker, Preparer } from './preparer.ts';
import type { Reply } from './reply.ts';
import { RequestQueue, type RequestQueueParts } from './request-queue.ts';
import type { RequestLog } from './request-log.ts';
import { SELF, type Sessions } from './sessions.ts';
import { Unqueued } from './unqueued.ts';

/** The zxid of replies that no txn and no tree stands behind. */
const NO_TXN = 0n;
const NEVER = -1n;
const NO_SESSION = 0n as SessionId;
const NO_BODY: Buffer = Buffer.alloc(0);
/** What the server asks for by itself. */
export const BY_ITSELF = { cxid: 0, ids: null, owner: SELF } as const;

export interface RequestsParts extends RequestQueueParts {
  readonly sessions: Sessions;
  readonly preparer: Preparer;
  /** null: no audit log is kept. */
  readonly auditor: Auditor | null;
}

/** What clients ask: told apart, answered from the tree, proposed or forwarded, and found again when their txns come back. */
export class Requests {
  readonly #parts: RequestsParts;
  readonly #queue: RequestQueue;
  readonly #unqueued: Unqueued;
  /** This server's clients' writes, in the order in which their txns will come back. */
  readonly #writes = new Fifo<PendingRequest>();
  /** A learner's syncs the leader has not answered yet: strictly first in, first out (T47). */
  readonly #syncs = new Fifo<PendingRequest>();
  readonly #touched: Connection[] = [];
  readonly #asker: { -readonly [K in keyof Asker]: Asker[K] } = { session: NO_SESSION, ...BY_ITSELF };

  constructor(parts: RequestsParts) {
    this.#parts = parts;
    this.#queue = new RequestQueue(parts);
    this.#unqueued = new Unqueued(parts);
  }

  get outstanding(): number {
    return this.#queue.outstanding;
  }

  get hasRoom(): boolean {
    return this.#queue.hasRoom;
  }

  /** Nothing that was asked will be answered any more. */
  clear(): void {
    this.#queue.clear();
    this.#writes.clear();
    this.#syncs.clear();
    this.#touched.length = 0;
  }

  /** One frame of an established connection. */
  receive(connection: Connection, frame: Buffer, authority: Authority): void {
    if (frame.length < REQUEST_HEADER) return this.#parts.clients.refuse(connection, 'a frame too short for a request header');
    if (this.#parts.logging.current !== null) this.#log(this.#parts.logging.current, connection, frame);
    const now = this.#parts.world.clock.now();
    const xid = frame.readInt32BE(0);
    const op = frame.readInt32BE(4);
    this.#parts.clients.heardOf(connection, now);
    if (op === OpCode.auth) return this.#unqueued.authenticate(connection, xid, frame);
    if (op === OpCode.sasl) return this.#unqueued.refuseSasl(connection, xid, frame);
    if (!this.#parts.access.isSufficient(connection.ids)) {
      return this.#unqueued.answerAndClose(connection, xid, NO_TXN, ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH, opName(op));
    }
    if (this.#queue.isTooLarge(frame.length)) return this.#unqueued.rejectLarge(connection, op, frame.length);
    if (!this.#touch(connection, now)) return;
    const read = reads.get(op);
    if (read && (op !== OpCode.sync || isAuthoritative(authority))) return this.#read(connection, xid, op, read, frame, now);
    if (op === OpCode.sync) return this.#sync(connection, xid, frame, now, authority);
    if (op === OpCode.closeSession) return this.#closeSession(connection, xid, now, authority);
    const write = writes.get(op);
    if (write) return this.#write(connection, xid, op, write, frame, now, authority);
    this.#unqueued.answerAndClose(connection, xid, NEVER, ErrorCode.UNIMPLEMENTED, opName(op));
  }

  /** Answers a request with an error in its turn, without doing it. */
  refuse(connection: Connection, frame: Buffer, err: number, receivedAt: Millis): void {
    this.#queue.refuse(connection, frame.readInt32BE(0), frame.readInt32BE(4), receivedAt, err);
  }

  /** For a connection whose handshake waits for it. */
  createSession(connection: Connection, authority: Authority): void {
    const { session, timeOut } = connection;
    const pending = this.#queue.pending(connection, 0, OpCode.createSession, this.#parts.world.clock.now(), 0);
    if (!isAuthoritative(authority)) return this.#forward(pending, intBytes(timeOut), null, authority);
    this.#propose(pending, this.#parts.preparer.createSession({ session, ...BY_ITSELF }, timeOut), authority);
  }

  #log(log: RequestLog, connection: Connection, frame: Buffer): void {
    if (log.isOver) this.#parts.logging.current = null;
    else log.received(connection, frame);
  }

  // What comes back

  /** The oldest write of our own clients, if this is the txn it became (T46). */
  takeOwn(header: TxnHeader): PendingRequest | null {
    const first = this.#writes.first;
    if (!first) return null;
    const isOwn = first.zxid === null ? isRequestOf(header, first) : first.zxid === header.zxid;
    if (!isOwn) return null;
    this.#writes.shift();
    return first;
  }

  /** Its txn has been applied: it is answered once everything before it is. */
  finish(own: PendingRequest, body: TxnBody, outcome: Outcome): void {
    const { connection } = own;
    if (own.audit) this.#parts.auditor?.finished(connection, own.ids, own.audit, body, outcome.err !== 0, outcome.path);
    if (connection.phase !== 'closed') {
      if (!isSessionMoved(outcome)) return this.#queue.answer(own, this.#replyTo(own, body, outcome));
      this.#parts.clients.close(connection, 'the session has moved to another server');
    }
    own.ready = true;
    this.#queue.drain(connection);
  }

  /** The oldest sync is answered: everything the leader had proposed when it got it has been applied here. */
  synced(): void {
    const oldest = this.#syncs.shift();
    if (!oldest) return;
    oldest.ready = true;
    this.#queue.drain(oldest.connection);
  }

  // Sessions heard of

  /** A learner tells its leader from time to time which sessions it has heard of (T49). */
  remember(connection: Connection): void {
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
  }

  /** The sessions heard of since the last call: the leader keeps them alive. */
  takeTouched(): { session: SessionId; timeOut: number }[] {
    const table: { session: SessionId; timeOut: number }[] = [];
    for (const connection of this.#touched) {
      connection.touched = false;
      table.push({ session: connection.session, timeOut: connection.timeOut });
    }
    this.#touched.length = 0;
    return table;
  }

  /** False: the request is dropped, because its session is closing or lives elsewhere now. */
  #touch(connection: Connection, now: Millis): boolean {
    const { tracked } = connection;
    if (!tracked) {
      this.remember(connection);
      return true;
    }
    if (tracked.owner !== SELF) {
      this.#parts.clients.close(connection, 'the session has moved to another server');
      return false;
    }
    return this.#parts.sessions.touch(tracked, connection.timeOut, now);
  }

  // By kind of request

  #read(connection: Connection, xid: number, op: number, read: ReadOperation, frame: Buffer, now: Millis): void {
    if (connection.queue.length > 0) {
      this.#queue.enqueue({ ...this.#queue.pending(connection, xid, op, now, frame.length), frame: Buffer.from(frame), ready: true });
      return;
    }
    this.#queue.reply(connection, xid, op, this.#queue.read(connection, connection.ids, xid, read, frame), now);
  }

  #write(
    connection: Connection,
    xid: number,
    op: number,
    operation: WriteOperation<unknown>,
    frame: Buffer,
    now: Millis,
    authority: Authority,
  ): void {
    if (!authority.takesWrites) return this.#queue.refuse(connection, xid, op, now, ErrorCode.NOTREADONLY);
    const request = decodeOrError(operation.request, frame);
    if (request instanceof JuteError) return this.#undecodable(connection, xid, op, frame, request, now, authority);
    const { ids } = connection;
    const staysLocal = this.#staysLocal(connection, op, request, authority); // a session is global even after a refusal
    const eager = this.#eagerError(op, request, ids, authority);
    if (eager !== 0) return this.#queue.reply(connection, xid, op, this.#parts.replies.headerAt(xid, NO_TXN, eager), now);
    const pending = this.#queue.pending(connection, xid, op, now, frame.length, staysLocal);
    pending.audit = this.#parts.auditor?.subjectOf(op, request) ?? null;
    if (!isAuthoritative(authority)) return this.#forward(pending, frame.subarray(REQUEST_HEADER), ids, authority);
    this.#propose(pending, this.#parts.preparer.decoded(operation, request, this.#askedBy(connection, xid)), authority);
  }

  /**
   * Only a multi costs a zxid (client.md 2.2, 2.8), and is forwarded for it. Anything else would wedge a Java leader (T42),
   * and so would a multi with a create without an ACL, which that one does not get to the end of either.
   */
  #undecodable(connection: Connection, xid: number, op: number, frame: Buffer, error: JuteError, now: Millis, authority: Authority): void {
    const err = ErrorCode.MARSHALLINGERROR;
    if (op !== OpCode.multi || error instanceof MissingAclError) return this.#queue.refuse(connection, xid, op, now, err);
    const { session, ids } = connection;
    const pending = this.#queue.pending(connection, xid, op, now, frame.length);
    if (!isAuthoritative(authority)) return this.#forward(pending, frame.subarray(REQUEST_HEADER), ids, authority);
    this.#propose(pending, this.#parts.preparer.failed(err, { session, cxid: xid, ids, owner: SELF }), authority);
  }

  #eagerError(op: number, request: unknown, ids: readonly Id[], { role }: Authority): number {
    const { config, tree, access } = this.#parts;
    return config.auth.enableEagerACLCheck && role !== 'standalone' ? eagerAclError(op, request, tree(), access, ids) : 0;
  }

  /** Queued first, then sent, so that the commit always finds it (T46). */
  #forward(pending: PendingRequest, body: Buffer, ids: Id[] | null, authority: Authority): void {
    this.#queue.enqueue(pending);
    (pending.op === OpCode.sync ? this.#syncs : this.#writes).push(pending);
    authority.request(pending.connection.session, pending.xid, pending.op, body, ids);
  }

  /** A local session that creates an ephemeral becomes global first; true: it may not (client.md 5.6). */
  #staysLocal(connection: Connection, op: number, request: unknown, authority: Authority): boolean {
    if (!connection.tracked?.local || !createsEphemeral(op, request)) return false;
    if (!this.#parts.config.localSessionsUpgradingEnabled) return op !== OpCode.multi;
    const { session, timeOut } = connection;
    this.#parts.sessions.forget(session);
    if (isAuthoritative(authority)) {
      const proposal = this.#parts.preparer.createSession({ session, ...BY_ITSELF }, timeOut);
      connection.tracked = this.#parts.sessions.get(session) ?? null;
      if (proposal) authority.propose(proposal);
    } else {
      connection.tracked = null;
      authority.request(session, 0, OpCode.createSession, intBytes(timeOut), null);
    }
    return false;
  }

  /** Good until the next write is prepared. */
  #askedBy({ session, ids }: Connection, cxid: number): Asker {
    const asker = this.#asker;
    asker.session = session;
    asker.cxid = cxid;
    asker.ids = ids;
    return asker;
  }

  #propose(pending: PendingRequest, proposal: Proposal | null, authority: Authority): void {
    if (!proposal) return; // no zxids left: this service is about to end
    pending.zxid = proposal.zxid;
    this.#parts.metrics.counters.proposal_count += 1;
    this.#queue.enqueue(pending);
    this.#writes.push(pending);
    authority.propose(proposal);
  }

  /** On a learner: waits until everything the leader had proposed by then has been applied here. */
  #sync(connection: Connection, xid: number, frame: Buffer, now: Millis, authority: Authority): void {
    if (authority.role === 'readOnly') return this.#queue.refuse(connection, xid, OpCode.sync, now, ErrorCode.NOTREADONLY);
    if (!decodeOrNull(SyncRequest, frame)) return this.#queue.refuse(connection, xid, OpCode.sync, now, ErrorCode.MARSHALLINGERROR);
    const pending = { ...this.#queue.pending(connection, xid, OpCode.sync, now, frame.length), frame: Buffer.from(frame) };
    this.#forward(pending, frame.subarray(REQUEST_HEADER), connection.ids, authority);
  }

  #closeSession(connection: Connection, xid: number, now: Millis, authority: Authority): void {
    const { session, ids } = connection;
    const isLocal = connection.tracked?.local === true;
    if (!authority.takesWrites && !isLocal) return this.#queue.refuse(connection, xid, OpCode.closeSession, now, ErrorCode.NOTREADONLY);
    const pending = this.#queue.pending(connection, xid, OpCode.closeSession, now, 0);
    connection.phase = 'closing';
    if (isLocal) {
      this.#parts.sessions.forget(session); // no txn: nobody else knows it
      this.#queue.settle(pending);
    } else if (isAuthoritative(authority)) {
      this.#propose(pending, this.#parts.preparer.closeSession({ session, cxid: xid, ids, owner: SELF }), authority);
    } else {
      this.#forward(pending, NO_BODY, ids, authority);
    }
  }

  #replyTo({ xid, op, onLocalSession }: PendingRequest, txn: TxnBody, outcome: Outcome): Reply {
    if (outcome.err !== 0 && op === OpCode.multi && outcome.results) return multi.respond(this.#parts.replies, xid, outcome, txn);
    if (outcome.err === ErrorCode.SESSIONEXPIRED && onLocalSession) return this.#parts.replies.header(xid, ErrorCode.EPHEMERALONLOCALSESSION);
    if (outcome.err !== 0) return this.#parts.replies.header(xid, outcome.err);
    return writes.get(op)?.respond(this.#parts.replies, xid, outcome, txn) ?? this.#parts.replies.header(xid);
  }
}

/** Whether a commit is the txn of a request forwarded by us: known by session and xid (T46). */
function isRequestOf(header: TxnHeader, { connection, xid, op }: PendingRequest): boolean {
  if (header.clientId !== connection.session || header.cxid !== xid) return false;
  return (op === OpCode.createSession) === (header.type === OpCode.createSession);
}

/** Never said on the wire: the connection is closed instead, for a multi with such an op as well (client.md 5.5). */
function isSessionMoved({ err, results }: Outcome): boolean {
  return err === ErrorCode.SESSIONMOVED || (results?.some((result) => result.err === ErrorCode.SESSIONMOVED) ?? false);
}

function intBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
