import { JuteError, Reader, type Codec } from '@zk/jute';
import {
  AuthPacket,
  ErrorCode,
  GetSASLRequest,
  KeeperError,
  OpCode,
  Perms,
  SetSASLResponse,
  SyncRequest,
  asSid,
  opName,
  type ACL,
  type Id,
  type Millis,
  type Proposal,
  type SessionId,
  type TxnHeader,
} from '@zk/protocol';
import type { Change, DataTree, Deliver, Outcome } from '@zk/tree';
import type { LinkId } from '@zk/zab';
import { AccessControl } from './auth.ts';
import type { Authority } from './authority.ts';
import { Clients } from './clients.ts';
import type { PeerConfig } from './config.ts';
import { ConnectionThrottle } from './connection-throttle.ts';
import type { Connection, PendingRequest } from './connections.ts';
import { Reaper } from './containers.ts';
import { eagerAclError } from './eager-acl.ts';
import { Fifo } from './fifo.ts';
import { Handshake, isAuthoritative } from './handshake.ts';
import { PipelineMetrics } from './metrics.ts';
import { notification } from './notifications.ts';
import { reads, writes } from './operations/index.ts';
import { multi } from './operations/multi.ts';
import { createsEphemeral } from './operations/ephemeral.ts';
import type { ReadContext, ReadOperation } from './operations/read-operation.ts';
import { pipelineStatus, type PipelineStatus } from './pipeline-status.ts';
import { Preparer, type Asker } from './preparer.ts';
import { Replies } from './replies.ts';
import { SELF, Sessions } from './sessions.ts';
import type { ClientLink, World } from './world.ts';

export type { PipelineStatus } from './pipeline-status.ts';

const HEADER = 8; // xid, op
const NOT_A_TXN = 0n;
const NEVER = -1n;
const BY_ITSELF = { cxid: 0, ids: null, owner: SELF } as const;
const NO_SESSION = 0n as SessionId;
const STANDALONE_SID = asSid(1n);
const NO_REQUEST: Buffer = Buffer.alloc(0);

/**
 * A request's life. A read waits for its session's own writes, then asks the tree. A write becomes a txn (leader,
 * standalone) or goes to the leader (learner), comes back in committed(), and is answered after the watches it fired.
 */
export class Pipeline {
  readonly metrics = new PipelineMetrics();
  readonly #config: PeerConfig;
  readonly #world: World;
  readonly #tree: () => DataTree;
  readonly #replies = new Replies();
  readonly #access: AccessControl;
  readonly #sessions: Sessions;
  readonly #clients: Clients;
  readonly #preparer: Preparer;
  readonly #handshake: Handshake;
  readonly #throttle: ConnectionThrottle;
  readonly #reaper: Reaper;
  readonly #reading: Reading;
  /** This server's clients' writes, in the order in which their txns will come back. */
  readonly #writes = new Fifo<PendingRequest>();
  /** A learner's syncs the leader has not answered yet: strictly first in, first out (T47). */
  readonly #syncs = new Fifo<PendingRequest>();
  readonly #touched: Connection[] = [];
  #authority: Authority | null = null;
  #outstanding = 0;
  readonly #outstandingLimit: number;
  #largeBytes = 0;
  /** The txn whose watches are being fired, and the last event's frame: most go to several connections. */
  readonly #firing = { zxid: NEVER, frameZxid: NEVER, type: 0, path: '', frame: NO_REQUEST };

  constructor(config: PeerConfig, world: World, tree: () => DataTree) {
    const now = world.clock.now();
    const sid = config.ensemble ? config.sid : STANDALONE_SID;
    this.#config = config;
    this.#world = world;
    this.#tree = tree;
    this.#access = new AccessControl(config.auth);
    this.#sessions = new Sessions({ sid, tickTime: config.tickTime, wallTime: world.clock.wallTime(), localSessionsEnabled: config.localSessionsEnabled });
    this.#clients = new Clients(world, this.metrics, config.sessionlessCnxnTimeout);
    this.#preparer = new Preparer(config, world.clock, tree, this.#sessions, this.#access);
    this.#throttle = new ConnectionThrottle(config, world.random, now);
    this.#reaper = new Reaper(config);
    this.#reading = new Reading(tree, this.#replies, this.#clients, this.#access);
    this.#handshake = new Handshake({
      config,
      world,
      tree,
      clients: this.#clients,
      sessions: this.#sessions,
      throttle: this.#throttle,
      metrics: this.metrics,
      createSession: (connection) => this.#createSession(connection),
      accepted: (connection) => this.#accepted(connection),
      refuseWrite: (connection) => this.#refuseSession(connection),
    });
    const members = config.ensemble?.voters.size ?? 1;
    this.#outstandingLimit = members > 2 ? Math.floor(config.globalOutstandingLimit / (members - 1)) : config.globalOutstandingLimit;
  }

  // Service

  /** The tree is as the authority's period of service finds it: clients can be answered from now on. */
  serve(authority: Authority): void {
    const now = this.#world.clock.now();
    this.#authority = authority;
    this.#replies.lastApplied(this.#tree().lastZxid);
    this.#preparer.nextZxid = () => authority.nextZxid();
    this.#preparer.standalone = authority.role === 'standalone';
    if (!isAuthoritative(authority)) return;
    // Nobody knows when they were last heard of: each gets its full timeout once more (client.md 5.3).
    for (const [id, timeOut] of this.#tree().sessions) this.#sessions.track(id, timeOut, false, now);
    this.#reaper.start(now);
  }

  /** Every change of role ends every connection: what was not answered yet stays unknown to its client (T56). */
  stop(reason: string): void {
    this.#authority = null;
    for (const connection of [...this.#clients]) this.#clients.close(connection, reason);
    this.#sessions.clear();
    this.#preparer.pending.clear();
    this.#writes.clear();
    this.#syncs.clear();
    this.#touched.length = 0;
    this.#reaper.stop();
    this.#outstanding = 0;
    this.#largeBytes = 0;
  }

  opened(link: ClientLink): void {
    this.#clients.open(link, this.#world.clock.now());
  }

  closed(link: ClientLink): void {
    const connection = this.#clients.get(link);
    if (!connection) return;
    this.#clients.forget(connection);
  }

  frame(link: ClientLink, frame: Buffer): void {
    const connection = this.#clients.get(link);
    if (!connection) return;
    const { counters } = this.metrics;
    counters.packets_received += 1;
    counters.bytes_received_count += frame.length;
    connection.stats.received += 1;
    this.#take(connection, frame);
  }

  #take(connection: Connection, frame: Buffer): void {
    if (!this.#authority) return this.#closeUnserved(connection);
    switch (connection.phase) {
      case 'established':
        return this.#receive(connection, frame, this.#authority);
      case 'connecting':
        return connection.held.push(Buffer.from(frame)); // clients do not wait for the ConnectResponse (trap 4)
      case 'opened':
        return this.#handshake.receive(connection, frame, this.#authority);
      case 'closing': // behind its own closeSession (trap 20)
      case 'closed':
        return;
    }
  }

  #closeUnserved(connection: Connection): void {
    this.metrics.counters.cnxn_closed_without_zk_server_running += 1;
    this.#clients.refuse(connection, 'this server does not serve at the moment');
  }

  // A client's request

  #receive(connection: Connection, frame: Buffer, authority: Authority): void {
    if (frame.length < HEADER) return this.#clients.refuse(connection, 'a frame too short for a request header');
    const now = this.#world.clock.now();
    const xid = frame.readInt32BE(0);
    const op = frame.readInt32BE(4);
    this.#clients.heardOf(connection, now);
    if (op === OpCode.auth) return this.#authenticate(connection, xid, frame);
    if (op === OpCode.sasl) return this.#refuseSasl(connection, xid, frame);
    if (!this.#access.isSufficient(connection.ids)) return this.#answerAndClose(connection, xid, NOT_A_TXN, ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH, opName(op));
    if (this.#isTooLarge(frame)) return this.#rejectLarge(connection, op, frame.length);
    if (!this.#touch(connection, now)) return;
    const read = reads.get(op);
    if (read && (op !== OpCode.sync || isAuthoritative(authority))) return this.#read(connection, xid, op, read, frame, now);
    if (op === OpCode.sync) return this.#sync(connection, xid, frame, now, authority);
    if (op === OpCode.closeSession) return this.#closeSession(connection, xid, now, authority);
    if (writes.has(op)) return this.#write(connection, xid, op, frame, now, authority);
    this.#answerAndClose(connection, xid, NEVER, ErrorCode.UNIMPLEMENTED, opName(op));
  }

  /** False: the request is dropped, because its session is closing or lives elsewhere now. */
  #touch(connection: Connection, now: Millis): boolean {
    const { tracked } = connection;
    if (!tracked) {
      this.#remember(connection);
      return true;
    }
    if (tracked.owner !== SELF) {
      this.#clients.close(connection, 'the session has moved to another server');
      return false;
    }
    return this.#sessions.touch(tracked, connection.timeOut, now);
  }

  /** A learner tells its leader from time to time which sessions it has heard of (T49). */
  #remember(connection: Connection): void {
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
  }

  #read(connection: Connection, xid: number, op: number, read: ReadOperation, frame: Buffer, now: Millis): void {
    if (connection.queue.length > 0) {
      this.#enqueue({ ...this.#pendingOf(connection, xid, op, now, frame.length), frame: Buffer.from(frame), ready: true });
      return;
    }
    this.#reply(connection, xid, op, this.#answerOf(connection, connection.ids, xid, read, frame), now);
  }

  #answerOf(connection: Connection, ids: readonly Id[], xid: number, read: ReadOperation, frame: Buffer): Buffer {
    this.#reading.connection = connection;
    this.#reading.ids = ids;
    try {
      return read(new Reader(frame, HEADER), xid, this.#reading);
    } catch (error) {
      if (error instanceof KeeperError) return this.#replies.header(xid, error.errno);
      if (error instanceof JuteError) return this.#replies.header(xid, ErrorCode.MARSHALLINGERROR);
      throw error;
    }
  }

  #write(connection: Connection, xid: number, op: number, frame: Buffer, now: Millis, authority: Authority): void {
    const operation = writes.get(op);
    if (!operation) return;
    const { ids, session } = connection;
    if (authority.role === 'readOnly') return this.#refuse(connection, xid, op, now, ErrorCode.NOTREADONLY);
    const asker = { session, cxid: xid, ids, owner: SELF };
    let request: unknown;
    try {
      request = operation.request.read(new Reader(frame, HEADER));
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      // Forwarding it would wedge a Java leader (T42); here only a multi costs a zxid (client.md 2.2, 2.8).
      if (op !== OpCode.multi || !isAuthoritative(authority)) return this.#refuse(connection, xid, op, now, ErrorCode.MARSHALLINGERROR);
      return this.#propose(this.#pendingOf(connection, xid, op, now, frame.length), this.#preparer.failed(ErrorCode.MARSHALLINGERROR, asker), authority);
    }
    if (this.#config.auth.enableEagerACLCheck && authority.role !== 'standalone') {
      const err = eagerAclError(op, request, this.#tree(), this.#access, ids);
      if (err !== 0) return this.#reply(connection, xid, op, this.#replies.headerAt(xid, NOT_A_TXN, err), now);
    }
    const pending = this.#pendingOf(connection, xid, op, now, frame.length, this.#staysLocal(connection, op, request, authority));
    if (isAuthoritative(authority)) return this.#propose(pending, this.#preparer.decoded(operation, request, asker), authority);
    this.#enqueue(pending);
    this.#writes.push(pending);
    authority.request(session, xid, op, frame.subarray(HEADER), ids);
  }

  /** A local session that creates an ephemeral becomes global first; true: it may not (client.md 5.6). */
  #staysLocal(connection: Connection, op: number, request: unknown, authority: Authority): boolean {
    if (!connection.tracked?.local || !createsEphemeral(op, request)) return false;
    if (!this.#config.localSessionsUpgradingEnabled) return op !== OpCode.multi;
    const { session, timeOut } = connection;
    this.#sessions.forget(session);
    if (isAuthoritative(authority)) {
      const proposal = this.#preparer.createSession({ session, ...BY_ITSELF }, timeOut);
      connection.tracked = this.#sessions.get(session) ?? null;
      if (proposal) authority.propose(proposal);
    } else {
      connection.tracked = null;
      authority.request(session, 0, OpCode.createSession, intBytes(timeOut), null);
    }
    return false;
  }

  #propose(pending: PendingRequest, proposal: Proposal | null, authority: Authority): void {
    if (!proposal) return; // no zxids left: this service is about to end
    pending.zxid = proposal.zxid;
    this.metrics.counters.proposal_count += 1;
    this.#enqueue(pending);
    this.#writes.push(pending);
    authority.propose(proposal);
  }

  /** On a learner: waits until everything the leader had proposed by then has been applied here. */
  #sync(connection: Connection, xid: number, frame: Buffer, now: Millis, authority: Authority): void {
    if (authority.role === 'readOnly') return this.#refuse(connection, xid, OpCode.sync, now, ErrorCode.NOTREADONLY);
    if (!decodeOrNull(SyncRequest, frame)) return this.#refuse(connection, xid, OpCode.sync, now, ErrorCode.MARSHALLINGERROR);
    const pending = { ...this.#pendingOf(connection, xid, OpCode.sync, now, frame.length), frame: Buffer.from(frame) };
    this.#enqueue(pending);
    this.#syncs.push(pending);
    authority.request(connection.session, xid, OpCode.sync, frame.subarray(HEADER), connection.ids);
  }

  #closeSession(connection: Connection, xid: number, now: Millis, authority: Authority): void {
    const { session, ids } = connection;
    const isLocal = connection.tracked?.local === true;
    if (authority.role === 'readOnly' && !isLocal) return this.#refuse(connection, xid, OpCode.closeSession, now, ErrorCode.NOTREADONLY);
    const pending = this.#pendingOf(connection, xid, OpCode.closeSession, now, 0);
    connection.phase = 'closing';
    if (isLocal) {
      this.#sessions.forget(session); // no txn: nobody else knows it
      this.#refuseOrEnd(pending);
    } else if (isAuthoritative(authority)) {
      this.#propose(pending, this.#preparer.closeSession({ session, cxid: xid, ids, owner: SELF }), authority);
    } else {
      this.#enqueue(pending);
      this.#writes.push(pending);
      authority.request(session, xid, OpCode.closeSession, NO_REQUEST, ids);
    }
  }

  #refuse(connection: Connection, xid: number, op: number, now: Millis, err: number): void {
    const pending = this.#pendingOf(connection, xid, op, now, 0);
    pending.err = err;
    this.#refuseOrEnd(pending);
  }

  /** Nothing to wait for but the requests before it. */
  #refuseOrEnd(pending: PendingRequest): void {
    pending.ready = true;
    this.#enqueue(pending);
    this.#drain(pending.connection);
  }

  // The queue of a connection: replies leave in the order of the requests

  #pendingOf(connection: Connection, xid: number, op: number, receivedAt: Millis, bytes: number, onLocalSession = false): PendingRequest {
    const largeBytes = this.#config.largeRequestThreshold > 0 && bytes > this.#config.largeRequestThreshold ? bytes : 0;
    return { connection, xid, op, ids: connection.ids, receivedAt, frame: null, zxid: null, ready: false, reply: null, err: 0, onLocalSession, largeBytes };
  }

  #enqueue(pending: PendingRequest): void {
    const { connection } = pending;
    connection.queue.push(pending);
    this.#outstanding += 1;
    this.#largeBytes += pending.largeBytes;
    if (this.#outstanding > this.#outstandingLimit && pending.xid > 0) connection.hold();
  }

  #drain(connection: Connection): void {
    const { queue } = connection;
    for (let head = queue.first; head?.ready; head = queue.first) {
      queue.shift();
      this.#outstanding -= 1;
      this.#largeBytes -= head.largeBytes;
      if (connection.phase !== 'closed') this.#answer(head);
    }
    if (connection.paused && connection.isEstablished && (queue.length === 0 || this.#outstanding < this.#outstandingLimit)) connection.release();
  }

  #answer(head: PendingRequest): void {
    const { connection, xid, op, receivedAt } = head;
    if (op === OpCode.createSession) {
      if (this.#authority) this.#handshake.accept(connection, this.#authority);
      return;
    }
    this.#reply(connection, xid, op, head.reply ?? this.#lateReply(head), receivedAt);
    if (op === OpCode.closeSession && head.err === 0) this.#clients.close(connection, 'the session is closed');
  }

  #lateReply({ connection, ids, xid, op, err, frame }: PendingRequest): Buffer {
    const read = reads.get(op);
    return err === 0 && read && frame ? this.#answerOf(connection, ids, xid, read, frame) : this.#replies.header(xid, err);
  }

  #reply(connection: Connection, xid: number, op: number, frame: Buffer, receivedAt: Millis): void {
    connection.send(frame);
    this.#recordReply(connection, xid, op, frame.length, this.#world.clock.now(), receivedAt);
  }

  #recordReply({ stats }: Connection, xid: number, op: number, bytes: number, now: Millis, receivedAt: Millis): void {
    const latency = now - receivedAt;
    stats.lastOp = op;
    stats.lastCxid = xid;
    stats.lastZxid = this.#tree().lastZxid;
    stats.lastResponseTime = now;
    stats.lastLatency = latency;
    stats.latency.add(latency);
    this.metrics.latency.add(latency);
    this.metrics.counters.packets_sent += 1;
    this.metrics.responded(bytes);
    (writes.has(op) ? this.metrics.advanced.updatelatency : this.metrics.advanced.readlatency).add(latency);
  }

  // Outside the queue: answered on receipt, so that these replies can overtake others (client.md 6.2)

  #authenticate(connection: Connection, xid: number, frame: Buffer): void {
    const packet = decodeOrNull(AuthPacket, frame);
    if (!packet) return this.#clients.refuse(connection, 'an auth packet that does not decode');
    const result = this.#access.authenticate(connection, packet.scheme, packet.auth);
    if (result === 'ok') return connection.send(this.#replies.headerAt(xid, NOT_A_TXN, ErrorCode.OK));
    if (packet.scheme === 'ensemble') this.metrics.counters.ensemble_auth_fail += 1;
    else this.metrics.counters.auth_failed_count += 1;
    if (result === 'failed') this.#answerAndClose(connection, xid, NOT_A_TXN, ErrorCode.AUTHFAILED, `auth ${packet.scheme}`);
    else this.#clients.refuse(connection, 'the client wants another ensemble');
  }

  /** As a server without a SASL configuration: no error, and no token to go on with (client.md 6.7). */
  #refuseSasl(connection: Connection, xid: number, frame: Buffer): void {
    const request = decodeOrNull(GetSASLRequest, frame);
    if (!request?.token) return this.#clients.refuse(connection, 'a sasl packet without a token');
    const reply = this.#replies.record(xid, SetSASLResponse, { token: null });
    reply.writeBigInt64BE(NOT_A_TXN, 8);
    connection.send(reply);
  }

  #answerAndClose(connection: Connection, xid: number, zxid: bigint, err: number, what: string): void {
    connection.send(this.#replies.headerAt(xid, zxid, err));
    this.#clients.refuse(connection, `${what} is refused with ${err}`);
  }

  #isTooLarge(frame: Buffer): boolean {
    const { largeRequestThreshold: threshold, largeRequestMaxBytes: most } = this.#config;
    return threshold > 0 && frame.length > threshold && this.#largeBytes + frame.length > most;
  }

  #rejectLarge(connection: Connection, op: number, bytes: number): void {
    this.metrics.counters.large_requests_rejected += 1;
    this.#clients.refuse(connection, `${opName(op)} of ${bytes} bytes is more than large requests may take together`);
  }

  // Sessions

  #createSession(connection: Connection): void {
    const authority = this.#authority;
    if (!authority) return;
    const { session, timeOut } = connection;
    const pending = this.#pendingOf(connection, 0, OpCode.createSession, this.#world.clock.now(), 0);
    if (isAuthoritative(authority)) return this.#propose(pending, this.#preparer.createSession({ session, ...BY_ITSELF }, timeOut), authority);
    this.#enqueue(pending);
    this.#writes.push(pending);
    authority.request(session, 0, OpCode.createSession, intBytes(timeOut), null);
  }

  /** Clients cannot connect: they expect a ConnectResponse, as Apache's read-only server does not send one either (client.md 5.7). */
  #refuseSession(connection: Connection): void {
    connection.send(this.#replies.header(0, ErrorCode.NOTREADONLY));
    this.#clients.refuse(connection, 'a read-only server makes no global sessions');
  }

  /** What the client sent behind its ConnectRequest comes first, then its socket is read again. */
  #accepted(connection: Connection): void {
    if (!connection.tracked) this.#remember(connection);
    for (let frame = connection.held.shift(); frame; frame = connection.held.shift()) this.#take(connection, frame);
    if (connection.isEstablished && this.#outstanding <= this.#outstandingLimit) connection.release();
  }

  #expireSessions(now: Millis, authority: Authority): void {
    for (const session of this.#sessions.expired(now)) {
      const { id, timeOut, local } = session;
      this.metrics.counters.stale_sessions_expired += 1;
      this.#world.trace({ kind: 'session', event: 'expired', session: id, timeoutMs: timeOut, remote: null });
      if (local) this.#endSession(id);
      else this.#submit(this.#preparer.closeSession({ session: id, ...BY_ITSELF }), authority);
    }
  }

  /** Nothing is said on its connection: the client learns it when it reconnects (client.md 5.3). */
  #endSession(id: SessionId): void {
    this.#sessions.forget(id);
    const connection = this.#clients.of(id);
    if (connection) this.#clients.close(connection, 'the session is over');
  }

  #submit(proposal: Proposal | null, authority: Authority): void {
    if (!proposal) return;
    this.metrics.counters.proposal_count += 1;
    authority.propose(proposal);
  }

  // Commits

  /** Applies a txn: its watches fire, then its own client is answered, then the reads that waited for it. */
  committed(proposal: Proposal): void {
    const { txn } = proposal;
    const { header, body } = txn;
    const outcome = this.#tree().apply(txn);
    this.metrics.counters.commit_count += 1;
    this.#preparer.pending.applied(header.zxid);
    this.#replies.lastApplied(this.#tree().lastZxid);
    if (outcome.digestMismatch) this.#reportMismatch(header, outcome.digestMismatch);
    if (outcome.changes.length > 0) this.#fire(outcome.changes, header);
    const own = this.#ownWrite(header);
    if (body.type === OpCode.createSession) this.#sessionCreated(header.clientId, body.timeOut);
    if (own) this.#finish(own, outcome);
    if (body.type === OpCode.closeSession) this.#sessionClosed(header.clientId);
  }

  #reportMismatch(header: TxnHeader, mismatch: NonNullable<Outcome['digestMismatch']>): void {
    this.metrics.counters.digest_mismatches_count += 1;
    this.#world.trace({ kind: 'digestMismatch', zxid: header.zxid, ...mismatch });
  }

  /** The oldest write of our own clients, if this is the txn it became (T46). */
  #ownWrite(header: TxnHeader): PendingRequest | null {
    const first = this.#writes.first;
    if (!first) return null;
    const isOwn = first.zxid === null ? isRequestOf(header, first) : first.zxid === header.zxid;
    if (!isOwn) return null;
    this.#writes.shift();
    return first;
  }

  #finish(own: PendingRequest, outcome: Outcome): void {
    const { connection } = own;
    own.ready = true;
    if (connection.phase === 'closed') return this.#drain(connection);
    if (isSessionMoved(outcome)) this.#clients.close(connection, 'the session has moved to another server');
    else own.reply = this.#replyTo(own, outcome);
    this.#drain(connection);
  }

  #replyTo({ xid, op, onLocalSession }: PendingRequest, outcome: Outcome): Buffer {
    if (outcome.err !== 0 && op === OpCode.multi && outcome.results) return multi.respond(this.#replies, xid, outcome);
    if (outcome.err === ErrorCode.SESSIONEXPIRED && onLocalSession) return this.#replies.header(xid, ErrorCode.EPHEMERALONLOCALSESSION);
    if (outcome.err !== 0) return this.#replies.header(xid, outcome.err);
    return writes.get(op)?.respond(this.#replies, xid, outcome) ?? this.#replies.header(xid);
  }

  #fire(changes: readonly Change[], { zxid }: TxnHeader): void {
    this.#firing.zxid = zxid;
    this.#clients.watches.fire(changes, this.#deliver);
  }

  /** Who may not read a node does not hear of it; the watch is used up all the same (client.md 4.4). */
  readonly #deliver: Deliver<Connection> = (connection, type, path, acl) => {
    if (connection.phase === 'closed' || !this.#access.allows(acl, Perms.READ, connection.ids)) return;
    const firing = this.#firing;
    if (firing.type !== type || firing.path !== path || firing.frameZxid !== firing.zxid) {
      firing.type = type;
      firing.path = path;
      firing.frameZxid = firing.zxid;
      firing.frame = notification(type, path, firing.zxid);
    }
    connection.send(firing.frame);
    this.metrics.counters.packets_sent += 1;
  };

  #sessionCreated(id: SessionId, timeOut: number): void {
    const connection = this.#clients.of(id);
    this.#world.trace({ kind: 'session', event: 'created', session: id, timeoutMs: timeOut, remote: connection?.remote ?? null });
  }

  #sessionClosed(id: SessionId): void {
    this.#world.trace({ kind: 'session', event: 'closed', session: id, timeoutMs: 0, remote: this.#clients.of(id)?.remote ?? null });
    this.#endSession(id);
  }

  // For learners, on the leader

  /** A write or sync of a learner's client. `sync`: answers the sync, after what is outstanding now. */
  forwarded(origin: LinkId, session: SessionId, cxid: number, op: number, body: Buffer, ids: Id[] | null, sync?: () => void): void {
    const authority = this.#authority;
    if (!authority) return;
    if (op === OpCode.sync) return sync?.();
    const asker = { session, cxid, ids, owner: origin };
    if (op === OpCode.createSession) return this.#submit(this.#forwardedSession(asker, body), authority);
    if (op === OpCode.closeSession) return this.#submit(this.#preparer.closeSession(asker), authority);
    this.#submit(this.#preparer.request(op, new Reader(body), asker), authority);
  }

  #forwardedSession(asker: Asker, body: Buffer): Proposal | null {
    if (body.length < 4) return this.#preparer.failed(ErrorCode.MARSHALLINGERROR, asker);
    return this.#preparer.createSession(asker, body.readInt32BE(0));
  }

  /** Whether a learner's client may have its session; if so, the session is that learner's from now on (quorum.md 9.7). */
  revalidate(origin: LinkId, session: SessionId, timeOut: number): boolean {
    this.metrics.counters.revalidate_count += 1;
    const known = this.#sessions.get(session);
    if (!known || known.local || !this.#sessions.touch(known, timeOut, this.#world.clock.now())) return false;
    if (known.owner !== origin) {
      this.#world.trace({ kind: 'session', event: 'moved', session, timeoutMs: timeOut, remote: null });
      known.owner = origin;
    }
    return true;
  }

  /** A learner has heard of the session's client. */
  touch(session: SessionId, timeOut: number): void {
    const known = this.#sessions.get(session);
    if (known && !known.local) this.#sessions.touch(known, timeOut, this.#world.clock.now());
  }

  // From the leader, on a learner

  /** The oldest sync is answered: everything the leader had proposed when it got it has been applied here. */
  synced(): void {
    const oldest = this.#syncs.shift();
    if (!oldest) return;
    oldest.ready = true;
    this.#drain(oldest.connection);
  }

  revalidated(session: SessionId, valid: boolean): void {
    const connection = this.#clients.of(session);
    if (!this.#authority || connection?.phase !== 'connecting') return;
    if (valid) this.#handshake.accept(connection, this.#authority);
    else this.#handshake.refuse(connection, this.#authority);
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

  // Time

  tick(now: Millis): void {
    this.#clients.closeIdle(now);
    const authority = this.#authority;
    if (!authority) return;
    this.#expireSessions(now, authority);
    if (!isAuthoritative(authority)) return;
    const wallTime = this.#world.clock.wallTime();
    for (let path = this.#reaper.take(this.#tree(), now, wallTime); path !== undefined; path = this.#reaper.take(this.#tree(), now, wallTime)) {
      this.#submit(this.#preparer.deleteContainer({ session: NO_SESSION, ...BY_ITSELF }, path), authority);
    }
  }

  nextDeadline(): Millis {
    return Math.min(this.#clients.nextDeadline, this.#sessions.nextDeadline, this.#reaper.nextDeadline);
  }

  status(): PipelineStatus {
    return pipelineStatus(this.#clients, this.#sessions, this.metrics, this.#outstanding, this.#throttle.dropProbability);
  }
}

/** The read being answered, as operations see it. */
class Reading implements ReadContext {
  readonly replies: Replies;
  readonly #tree: () => DataTree;
  readonly #clients: Clients;
  readonly #access: AccessControl;
  connection!: Connection;
  ids: readonly Id[] = [];

  constructor(tree: () => DataTree, replies: Replies, clients: Clients, access: AccessControl) {
    this.#tree = tree;
    this.replies = replies;
    this.#clients = clients;
    this.#access = access;
  }

  get tree(): DataTree {
    return this.#tree();
  }

  get watches(): Clients['watches'] {
    return this.#clients.watches;
  }

  get session(): SessionId {
    return this.connection.session;
  }

  allows(acl: readonly ACL[], perm: number): boolean {
    return this.#access.allows(acl, perm, this.ids);
  }

  visible(acl: readonly ACL[]): ACL[] {
    return this.#access.visible(acl, this.ids);
  }
}

function intBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
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

function decodeOrNull<T>(codec: Codec<T>, frame: Buffer): T | null {
  try {
    return codec.read(new Reader(frame, HEADER));
  } catch (error) {
    if (error instanceof JuteError) return null;
    throw error;
  }
}
