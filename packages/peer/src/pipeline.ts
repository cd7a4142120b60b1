import { Reader } from '@zk/jute';
import { ErrorCode, OpCode, asSid, type Id, type Millis, type Proposal, type SessionId, type TxnHeader } from '@zk/protocol';
import type { DataTree, Outcome } from '@zk/tree';
import type { LinkId } from '@zk/zab';
import { AccessControl } from './auth.ts';
import { Auditor } from './audit.ts';
import type { Authority } from './authority.ts';
import { Clients } from './clients.ts';
import type { PeerConfig } from './config.ts';
import { ConnectionThrottle } from './connection-throttle.ts';
import { ConnectionStats, type Connection } from './connections.ts';
import { Reaper } from './containers.ts';
import { Handshake, isAuthoritative } from './handshake.ts';
import { PipelineMetrics } from './metrics.ts';
import { Notifier } from './notifier.ts';
import { pipelineStatus, type PipelineStatus } from './pipeline-status.ts';
import { Preparer, type Asker } from './preparer.ts';
import { Replies } from './replies.ts';
import { RequestThrottler } from './request-throttler.ts';
import { RequestLog, type RequestFilter, type RequestLogging } from './request-log.ts';
import { BY_ITSELF, Requests } from './requests.ts';
import { Sessions, type Session } from './sessions.ts';
import type { ClientLink, World } from './world.ts';

export type { PipelineStatus } from './pipeline-status.ts';

const NO_SESSION = 0n as SessionId;
/** In one turn: a thousand sessions that were lost together, as when a rack is, would stop it for a twentieth of a second. */
const EXPIRED_AT_A_TIME = 100;
const STANDALONE_SID = asSid(1n);

/**
 * A request's life. A read waits for its session's own writes, then asks the tree. A write becomes a txn (leader,
 * standalone) or goes to the leader (learner), comes back in committed(), and is answered after the watches it fired.
 */
export class Pipeline {
  readonly metrics: PipelineMetrics;
  readonly #world: World;
  readonly #tree: () => DataTree;
  readonly #replies: Replies;
  readonly #sessions: Sessions;
  readonly #clients: Clients;
  readonly #preparer: Preparer;
  readonly #requests: Requests;
  readonly #throttler: RequestThrottler;
  readonly #handshake: Handshake;
  readonly #throttle: ConnectionThrottle;
  readonly #reaper: Reaper;
  readonly #notifier: Notifier;
  readonly #auditor: Auditor | null;
  readonly #logging: RequestLogging = { current: null };
  #authority: Authority | null = null;
  #retiring = false;

  constructor(config: PeerConfig, world: World, tree: () => DataTree) {
    const access = new AccessControl(config.auth);
    const sid = config.ensemble ? config.sid : STANDALONE_SID;
    const { tickTime, localSessionsEnabled } = config;
    this.metrics = new PipelineMetrics(world.clock);
    this.#world = world;
    this.#replies = new Replies(world.nextSheet?.bind(world));
    this.#tree = tree;
    this.#sessions = new Sessions({ sid, tickTime, wallTime: world.clock.wallTime(), localSessionsEnabled });
    this.#clients = new Clients(world, this.metrics, config.sessionlessCnxnTimeout);
    this.#preparer = new Preparer(config, world.clock, tree, this.#sessions, access, this.metrics);
    this.#throttle = new ConnectionThrottle(config, world.random, world.clock.now());
    this.#reaper = new Reaper(config);
    this.#notifier = new Notifier(this.#clients.watches, access, this.metrics);
    this.#auditor = world.traceAudit ? new Auditor(world.traceAudit.bind(world)) : null;
    const parts = { config, world, tree, access, clients: this.#clients, sessions: this.#sessions, metrics: this.metrics };
    this.#requests = new Requests({
      ...parts,
      logging: this.#logging,
      replies: this.#replies,
      preparer: this.#preparer,
      auditor: this.#auditor,
      sessionCreated: (connection) => this.#accept(connection),
    });
    this.#throttler = new RequestThrottler({ ...parts, requests: this.#requests });
    this.#handshake = new Handshake({
      ...parts,
      throttle: this.#throttle,
      createSession: (connection, authority) => this.#requests.createSession(connection, authority),
      accepted: (connection) => this.#accepted(connection),
    });
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
    this.#requests.clear();
    this.#throttler.clear();
    this.#reaper.stop();
    this.#retiring = false;
  }

  /** Before a stop: what clients send from now on is dropped, and what they have sent is still answered. */
  retire(): void {
    this.#retiring = true;
    for (const connection of [...this.#clients]) {
      if (connection.isEstablished) connection.phase = 'closing';
      else this.#clients.close(connection, 'stopping');
    }
  }

  /** Everything that was asked has been answered. */
  get isIdle(): boolean {
    return this.#requests.outstanding === 0 && this.#throttler.isEmpty;
  }

  /** Ends the connections that wait for an answer, for nobody can tell when it comes. Their sessions go on. */
  endWaiting(reason: string): void {
    for (const connection of [...this.#clients]) if (connection.queue.length > 0) this.#clients.close(connection, reason);
  }

  opened(link: ClientLink): void {
    if (this.#retiring) return link.close('stopping');
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
        return this.#throttler.receive(connection, frame, this.#authority);
      case 'connecting':
        connection.held.push(Buffer.from(frame)); // clients do not wait for the ConnectResponse (trap 4)
        return connection.hold();
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

  // Sessions

  #accept(connection: Connection): void {
    if (this.#authority) this.#handshake.accept(connection, this.#authority);
  }

  /** What the client sent behind its ConnectRequest comes first, then its socket is read again. */
  #accepted(connection: Connection): void {
    if (!connection.tracked) this.#requests.remember(connection);
    for (let frame = connection.held.shift(); frame; frame = connection.held.shift()) this.#take(connection, frame);
    if (connection.isEstablished && (connection.queue.length === 0 || this.#requests.hasRoom)) connection.release();
  }

  /** Some of them: the clock is still due for the others, which therefore come with the next turn. */
  #expireSessions(now: Millis, authority: Authority): void {
    for (const session of this.#sessions.expired(now, EXPIRED_AT_A_TIME)) this.#expire(session, authority);
  }

  #expire({ id, timeOut, local }: Session, authority: Authority): void {
    this.metrics.counters.stale_sessions_expired += 1;
    this.#world.trace({ kind: 'session', event: 'expired', session: id, timeoutMs: timeOut, remote: null });
    if (local) this.#endSession(id);
    else this.#submit(this.#preparer.closeSession({ session: id, ...BY_ITSELF }), authority);
  }

  /** Ends a session before its time; nothing happens on a server where it does not expire, or when it is ending already. */
  expireSession(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (this.#authority?.takesWrites && session && !session.closing) this.#expire(session, this.#authority);
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
    if (outcome.err === 0) this.metrics.paths.written(body);
    if (outcome.digestMismatch) this.#reportMismatch(header, outcome.digestMismatch);
    if (outcome.changes.length > 0) this.#notifier.fire(outcome.changes, header.zxid);
    const own = this.#requests.takeOwn(header);
    if (body.type === OpCode.createSession) this.#sessionCreated(header.clientId, body.timeOut);
    if (own) this.#requests.finish(own, body, outcome);
    if (body.type === OpCode.closeSession) this.#sessionClosed(header.clientId, outcome);
    this.#letIn();
  }

  /** Something was answered: there may be room for what waits in front of the pipeline. */
  #letIn(): void {
    if (this.#authority && this.#throttler.nextDeadline() !== Infinity) this.#throttler.admit(this.#authority, this.#world.clock.now());
  }

  #reportMismatch(header: TxnHeader, mismatch: NonNullable<Outcome['digestMismatch']>): void {
    this.metrics.counters.digest_mismatches_count += 1;
    this.#world.trace({ kind: 'digestMismatch', zxid: header.zxid, ...mismatch });
  }

  #sessionCreated(id: SessionId, timeOut: number): void {
    const connection = this.#clients.of(id);
    this.#world.trace({ kind: 'session', event: 'created', session: id, timeoutMs: timeOut, remote: connection?.remote ?? null });
  }

  #sessionClosed(id: SessionId, { changes }: Outcome): void {
    this.#auditor?.sessionClosed(id, changes);
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
    this.#requests.synced();
    this.#letIn();
  }

  /** The sessions heard of since the last call: the leader keeps them alive. */
  takeTouched(): { session: SessionId; timeOut: number }[] {
    return this.#requests.takeTouched();
  }

  revalidated(session: SessionId, valid: boolean): void {
    const connection = this.#clients.of(session);
    if (!this.#authority || connection?.phase !== 'connecting') return;
    if (valid) this.#handshake.accept(connection, this.#authority);
    else this.#handshake.refuse(connection, this.#authority);
  }

  // Time

  tick(now: Millis): void {
    this.#clients.closeIdle(now);
    const authority = this.#authority;
    if (!authority) return;
    if (endsBySelf(authority)) this.#expireSessions(now, authority);
    if (now >= this.#throttler.nextDeadline()) this.#throttler.admit(authority, now);
    if (!isAuthoritative(authority) || !authority.takesWrites) return;
    const wallTime = this.#world.clock.wallTime();
    for (let path = this.#reaper.take(this.#tree(), now, wallTime); path !== undefined; path = this.#reaper.take(this.#tree(), now, wallTime)) {
      this.#submit(this.#preparer.deleteContainer({ session: NO_SESSION, ...BY_ITSELF }, path), authority);
    }
  }

  nextDeadline(): Millis {
    const forClients = Math.min(this.#clients.nextDeadline, this.#throttler.nextDeadline());
    if (this.#authority && !endsBySelf(this.#authority)) return forClients;
    return Math.min(forClients, this.#sessions.nextDeadline, this.#reaper.nextDeadline);
  }

  /** Whether the session's time runs on this server, or it is in the tree: a local one is only the former. */
  knowsSession(id: SessionId): boolean {
    return this.#sessions.get(id) !== undefined || this.#tree().sessions.has(id);
  }

  status(): PipelineStatus {
    return pipelineStatus(this.#clients, this.#sessions, this.metrics, this.#requests.outstanding, this.#throttle.dropProbability);
  }

  /** Tells these requests and their replies from now on; null: none any more. */
  logRequests(filter: RequestFilter | null): void {
    this.#logging.current = filter && new RequestLog(this.#world, filter);
  }

  /** `crst`. */
  resetConnectionStats(): void {
    for (const connection of this.#clients) connection.stats = new ConnectionStats();
  }
}

/** Sessions, containers and TTL nodes end in their time, unless that takes a txn that there is no room for. */
function endsBySelf({ role, takesWrites }: Authority): boolean {
  return takesWrites || role === 'readOnly'; // where all sessions are local
}
