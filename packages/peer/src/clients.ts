import type { Millis, SessionId } from '@zk/protocol';
import { Watches } from '@zk/tree';
import { Connection } from './connections.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import type { PipelineMetrics } from './metrics.ts';
import type { ClientLink, World } from './world.ts';

/** In one turn, for the sake of everybody else. */
const CLOSED_AT_A_TIME = 100;

/** The client connections of this server, and what dies with each of them: its watches and its claim on a session. */
export class Clients {
  readonly watches = new Watches<Connection>();
  readonly #world: World;
  readonly #metrics: PipelineMetrics;
  readonly #sessionlessTimeout: Millis;
  readonly #byLink = new Map<ClientLink, Connection>();
  readonly #bySession = new Map<SessionId, Connection>();
  /** Connections by how long they may stay silent (client.md 5.3): another clock than their session's. */
  readonly #idle: ExpiryQueue<Connection>;

  constructor(world: World, metrics: PipelineMetrics, sessionlessTimeout: Millis) {
    this.#world = world;
    this.#metrics = metrics;
    this.#sessionlessTimeout = sessionlessTimeout;
    this.#idle = new ExpiryQueue(sessionlessTimeout);
  }

  get size(): number {
    return this.#byLink.size;
  }

  get nextDeadline(): Millis {
    return this.#idle.nextDeadline;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#byLink.values();
  }

  idleBuckets(): Iterable<readonly [Millis, ReadonlySet<Connection>]> {
    return this.#idle.buckets();
  }

  open(link: ClientLink, now: Millis): void {
    const connection = new Connection(link, this.#world.clock.wallTime(), this.#sessionlessTimeout);
    this.#byLink.set(link, connection);
    this.#idle.touch(connection, connection.timeOut, now);
  }

  get(link: ClientLink): Connection | undefined {
    return this.#byLink.get(link);
  }

  of(session: SessionId): Connection | undefined {
    return this.#bySession.get(session);
  }

  /** The connection speaks for the session now; one that did before is closed, without a goodbye (client.md 1.3). */
  bind(connection: Connection, session: SessionId): void {
    const former = this.#bySession.get(session);
    if (former && former !== connection) this.close(former, 'the client has reconnected');
    connection.session = session;
    this.#bySession.set(session, connection);
  }

  heardOf(connection: Connection, now: Millis): void {
    this.#idle.touch(connection, connection.timeOut, now);
  }

  /** Some of them: the clock is still due for the others. */
  closeIdle(now: Millis): void {
    for (const connection of this.#idle.poll(now, CLOSED_AT_A_TIME)) {
      if (!connection.isEstablished) this.#metrics.counters.sessionless_connections_expired += 1;
      this.close(connection, 'silent for too long');
    }
  }

  /** After everything sent so far. What its session asked for goes on without it. */
  close(connection: Connection, reason: string): void {
    if (connection.phase === 'closed') return;
    this.forget(connection);
    connection.link.close(reason);
  }

  /** Closes, and says so where the protocol has no word for why. */
  refuse(connection: Connection, reason: string): void {
    const session = connection.session === 0n ? null : connection.session;
    this.#world.trace({ kind: 'clientRefused', remote: connection.remote, session, reason });
    this.close(connection, reason);
  }

  /** The other side is gone. */
  forget(connection: Connection): void {
    connection.phase = 'closed';
    connection.held.clear();
    this.#byLink.delete(connection.link);
    if (this.#bySession.get(connection.session) === connection) this.#bySession.delete(connection.session);
    this.#idle.remove(connection);
    this.watches.removeWatcher(connection);
  }
}
