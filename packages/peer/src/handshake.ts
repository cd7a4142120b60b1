import { JuteError, decode } from '@zk/jute';
import { ConnectRequest, ConnectResponse, sessionPassword, type Millis, type SessionId } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { Authority } from './authority.ts';
import type { Clients } from './clients.ts';
import { sessionTimeoutBounds, type PeerConfig } from './config.ts';
import type { ConnectionThrottle } from './connection-throttle.ts';
import type { Connection } from './connections.ts';
import type { PipelineMetrics } from './metrics.ts';
import { recordFrame } from './replies.ts';
import { SELF, type Session, type Sessions } from './sessions.ts';
import type { World } from './world.ts';

const NO_SESSION = 0n as SessionId;
const NO_PASSWORD = Buffer.alloc(16);

export interface HandshakeParts {
  readonly config: PeerConfig;
  readonly world: World;
  readonly tree: () => DataTree;
  readonly clients: Clients;
  readonly sessions: Sessions;
  readonly throttle: ConnectionThrottle;
  readonly metrics: PipelineMetrics;
  /** Submits createSession for a connection; accept() follows when its txn has been applied. */
  readonly createSession: (connection: Connection, authority: Authority) => void;
  /** The session of this connection was accepted: what the client sent meanwhile can be handled. */
  readonly accepted: (connection: Connection) => void;
}

/** From ConnectRequest to ConnectResponse: new sessions, re-attached ones, refusals (client.md 1.3). */
export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #bounds: { readonly min: number; readonly max: number };

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#bounds = sessionTimeoutBounds(parts.config);
  }

  receive(connection: Connection, frame: Buffer, authority: Authority): void {
    const { clients, metrics, throttle, config, tree, world } = this.#parts;
    const request = decodeConnectRequest(frame);
    if (!request) {
      metrics.counters.unsuccessful_handshake += 1;
      return clients.refuse(connection, 'what it sent first is no ConnectRequest');
    }
    metrics.counters.connection_request_count += 1;
    const kind = request.sessionId !== 0n ? 'renewed' : config.localSessionsEnabled ? 'local' : 'global';
    if (!throttle.admits(kind, world.clock.now())) {
      metrics.counters.connection_drop_count += 1;
      return clients.refuse(connection, 'too many connections at a time: throttled');
    }
    connection.sendsReadOnly = request.readOnly !== undefined;
    // Only now: a four-letter word comes on the same port, and is answered.
    if (authority.role === 'leader' && !config.leaderServes) {
      return clients.refuse(connection, 'the leader serves no clients (leaderServes=no)');
    }
    if (authority.role === 'readOnly' && !request.readOnly) {
      return clients.refuse(connection, 'this server is read-only, the client is not');
    }
    if (request.lastZxidSeen > tree().lastZxid) {
      return clients.refuse(connection, 'the client has seen a zxid this server has not reached');
    }
    connection.timeOut = Math.min(Math.max(request.timeOut, this.#bounds.min), this.#bounds.max);
    connection.phase = 'connecting';
    clients.heardOf(connection, world.clock.now());
    if (request.sessionId === 0n) this.#create(connection, authority);
    else this.#reattach(connection, request, authority);
  }

  /** The session exists and is this connection's. */
  accept(connection: Connection, authority: Authority): void {
    if (connection.phase !== 'connecting') return;
    const { session, timeOut } = connection;
    connection.tracked = this.#parts.sessions.get(session) ?? null;
    connection.phase = 'established';
    this.#respond(connection, timeOut, session, sessionPassword(session), authority);
    this.#parts.accepted(connection);
  }

  /** As if it had expired, which is what it usually has. */
  refuse(connection: Connection, authority: Authority): void {
    this.#respond(connection, 0, NO_SESSION, NO_PASSWORD, authority);
    this.#parts.clients.close(connection, 'the session is refused');
  }

  #respond(connection: Connection, timeOut: number, sessionId: SessionId, passwd: Buffer, { role }: Authority): void {
    const readOnly = connection.sendsReadOnly ? role === 'readOnly' : undefined;
    connection.send(recordFrame(ConnectResponse, { protocolVersion: 0, timeOut, sessionId, passwd, readOnly }));
  }

  #create(connection: Connection, authority: Authority): void {
    const { clients, sessions, config, tree, world } = this.#parts;
    const id = sessions.allocate((taken) => tree().sessions.has(taken));
    clients.bind(connection, id);
    // Nobody can agree to a global session without a quorum. Apache's read-only server answers with an error reply where
    // clients expect a ConnectResponse, unless it has local sessions: so hardly any client can connect (client.md 5.7).
    if (config.localSessionsEnabled || authority.role === 'readOnly') {
      sessions.track(id, connection.timeOut, true, world.clock.now()).owner = SELF;
      return this.accept(connection, authority);
    }
    // A session is a txn. It waits for room like every other write; a local one would never become global by itself.
    if (!authority.takesWrites) return clients.refuse(connection, 'the disk is full: no new sessions until there is room');
    this.#parts.createSession(connection, authority);
  }

  #reattach(connection: Connection, request: ConnectRequest, authority: Authority): void {
    const { clients, sessions, world, metrics } = this.#parts;
    const { sessionId: id, passwd } = request;
    const known = sessions.get(id);
    if (authority.role === 'readOnly' && !known?.local) {
      return clients.refuse(connection, 'this server is read-only, the session is global');
    }
    clients.bind(connection, id); // the former connection goes before the password is looked at (trap 5)
    if (!passwd || !sessionPassword(id).equals(passwd)) return this.refuse(connection, authority);
    metrics.counters.connection_revalidate_count += 1;
    if (known?.local || isAuthoritative(authority)) {
      return this.#renew(connection, known, world.clock.now()) ? this.accept(connection, authority) : this.refuse(connection, authority);
    }
    authority.revalidate(id, connection.timeOut);
  }

  #renew(connection: Connection, session: Session | undefined, now: Millis): boolean {
    const { sessions, world } = this.#parts;
    if (!session || !sessions.touch(session, connection.timeOut, now)) return false;
    const event = session.owner === null || session.owner === SELF ? 'renewed' : 'moved';
    session.owner = SELF;
    world.trace({ kind: 'session', event, session: session.id, timeoutMs: connection.timeOut, remote: connection.remote });
    return true;
  }
}

/** Decides sessions and writes itself. */
export function isAuthoritative({ role }: Authority): boolean {
  return role === 'leader' || role === 'standalone';
}

function decodeConnectRequest(frame: Buffer): ConnectRequest | null {
  try {
    return decode(ConnectRequest, frame);
  } catch (error) {
    if (error instanceof JuteError) return null;
    throw error;
  }
}
