import { ErrorCode, Fifo, OpCode, type Millis } from '@zk/protocol';
import type { Authority } from './authority.ts';
import type { Clients } from './clients.ts';
import type { PeerConfig } from './config.ts';
import type { Connection } from './connections.ts';
import { REQUEST_HEADER } from './decode-request.ts';
import type { PipelineMetrics } from './metrics.ts';
import type { Requests } from './requests.ts';
import type { World } from './world.ts';

export interface RequestThrottlerParts {
  readonly config: PeerConfig;
  readonly world: World;
  readonly requests: Requests;
  readonly clients: Clients;
  readonly metrics: PipelineMetrics;
}

interface Waiting {
  readonly connection: Connection;
  readonly frame: Buffer;
  readonly since: Millis;
}

/**
 * The queue in front of the pipeline, off by default (client.md 7.3): while `request_throttle_max_requests` are in the
 * pipeline further ones wait, all in one line. Looked at whenever one is answered, and every
 * `request_throttle_stall_time`.
 */
export class RequestThrottler {
  readonly #parts: RequestThrottlerParts;
  readonly #waiting = new Fifo<Waiting>();
  #lookAgainAt: Millis = Infinity;

  constructor(parts: RequestThrottlerParts) {
    this.#parts = parts;
  }

  receive(connection: Connection, frame: Buffer, authority: Authority): void {
    if (this.#passes(frame)) return this.#parts.requests.receive(connection, frame, authority);
    const now = this.#parts.world.clock.now();
    this.#parts.metrics.counters.request_throttle_wait_count += 1;
    this.#waiting.push({ connection, frame: Buffer.from(frame), since: now });
    this.#lookAgainAt = Math.min(this.#lookAgainAt, now + this.#parts.config.requestThrottleStallTime);
  }

  /** Lets in what there is room for. */
  admit(authority: Authority, now: Millis): void {
    for (let next = this.#waiting.first; next && this.#hasRoom; next = this.#waiting.first) {
      this.#waiting.shift();
      this.#admit(next, authority, now);
    }
    this.#lookAgainAt = this.#waiting.length > 0 ? now + this.#parts.config.requestThrottleStallTime : Infinity;
  }

  clear(): void {
    this.#waiting.clear();
    this.#lookAgainAt = Infinity;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  nextDeadline(): Millis {
    return this.#lookAgainAt;
  }

  get #hasRoom(): boolean {
    const { requestThrottleMaxRequests: max } = this.#parts.config;
    return max <= 0 || this.#parts.requests.outstanding < max;
  }

  /** Credentials are taken on receipt, wherever the line stands (client.md 6.2). */
  #passes(frame: Buffer): boolean {
    if (this.#waiting.length === 0 && this.#hasRoom) return true;
    const op = opOf(frame);
    return op === OpCode.auth || op === OpCode.sasl;
  }

  #admit({ connection, frame, since }: Waiting, authority: Authority, now: Millis): void {
    const { config, clients, metrics, requests } = this.#parts;
    if (this.#isStale(connection, now - since)) {
      metrics.counters.stale_requests += 1;
      if (config.requestThrottleDropStale) {
        metrics.counters.stale_requests_dropped += 1;
        return clients.close(connection, 'a request of it waited for too long');
      }
    }
    if (!connection.isEstablished) return; // behind its own closeSession, or gone
    const limit = config.throttledOpWaitTime;
    if (limit <= 0 || now - since <= limit || !isThrottled(opOf(frame))) return requests.receive(connection, frame, authority);
    metrics.counters.throttled_ops += 1;
    requests.refuse(connection, frame, ErrorCode.THROTTLEDOP, since);
  }

  #isStale(connection: Connection, waitedMs: Millis): boolean {
    const { requestStaleConnectionCheck, requestStaleLatencyCheck } = this.#parts.config;
    if (requestStaleConnectionCheck && connection.phase === 'closed') return true;
    return requestStaleLatencyCheck && waitedMs > connection.timeOut;
  }
}

function opOf(frame: Buffer): number {
  return frame.length < REQUEST_HEADER ? OpCode.error : frame.readInt32BE(4);
}

/** What keeps a session alive, or ends it, is done however late. */
function isThrottled(op: number): boolean {
  return op !== OpCode.ping && op !== OpCode.closeSession && op !== OpCode.error;
}
