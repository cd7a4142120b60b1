import { errorName, isUnder, opName, type Millis, type SessionId } from '@zk/protocol';
import type { Connection } from './connections.ts';
import { REQUEST_HEADER } from './decode-request.ts';
import { pathsOf } from './request-paths.ts';
import type { World } from './world.ts';

/** Whose requests are told, until when: those of these sessions, and those about these paths or what lies below them. */
export interface RequestFilter {
  readonly sessions: ReadonlySet<SessionId>;
  readonly paths: readonly string[];
  /** For so long, ms: a log that was forgotten ends by itself. */
  readonly forMs: Millis;
}

/** Requests that wait for their replies and are remembered. */
const MOST_OPEN = 10_000;

/**
 * Tells requests and their replies, one trace event each, while somebody wants to see them. Neither data nor credentials
 * are told. Switched off, it costs the test of one reference for a request and one for a reply.
 */
export class RequestLog {
  readonly #world: Pick<World, 'clock' | 'trace'>;
  readonly #filter: RequestFilter;
  readonly #until: Millis;
  /** Requests told whose replies are awaited: their paths by session and xid. */
  readonly #open = new Map<string, readonly string[]>();

  constructor(world: Pick<World, 'clock' | 'trace'>, filter: RequestFilter) {
    this.#world = world;
    this.#filter = filter;
    this.#until = world.clock.now() + filter.forMs;
  }

  get isOver(): boolean {
    return this.#world.clock.now() >= this.#until;
  }

  received({ session, remote }: Connection, frame: Buffer): void {
    if (frame.length < REQUEST_HEADER) return;
    const xid = frame.readInt32BE(0);
    const op = frame.readInt32BE(4);
    const paths = pathsOf(op, frame);
    if (!this.#concerns(session, paths)) return;
    this.#await(`${session} ${xid}`, paths);
    this.#world.trace({ kind: 'request', session, remote, xid, op: opName(op), paths, bytes: frame.length });
  }

  /** @param reply the whole frame */
  answered({ session }: Connection, xid: number, op: number, reply: Buffer, ms: Millis): void {
    const key = `${session} ${xid}`;
    const paths = this.#open.get(key);
    if (paths === undefined) return;
    this.#open.delete(key);
    const error = errorName(reply.readInt32BE(16)) ?? String(reply.readInt32BE(16));
    this.#world.trace({ kind: 'reply', session, xid, op: opName(op), paths, error, zxid: reply.readBigInt64BE(8), ms: Math.round(ms * 1000) / 1000, bytes: reply.length });
  }

  /** Some are never answered, as on a connection that breaks: the oldest are forgotten. */
  #await(key: string, paths: readonly string[]): void {
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MOST_OPEN && oldest !== undefined) this.#open.delete(oldest);
    this.#open.set(key, paths);
  }

  #concerns(session: SessionId, paths: readonly string[]): boolean {
    if (this.#filter.sessions.has(session)) return true;
    return paths.some((path) => this.#filter.paths.some((top) => isUnder(path, top)));
  }
}

/** Where the log is, while there is one. */
export interface RequestLogging {
  current: RequestLog | null;
}
