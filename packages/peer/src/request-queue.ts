import { JuteError, Reader } from '@zk/jute';
import { ErrorCode, KeeperError, OpCode, type Id, type Millis } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { AccessControl } from './auth.ts';
import type { Clients } from './clients.ts';
import type { PeerConfig } from './config.ts';
import type { Connection, PendingRequest } from './connections.ts';
import { REQUEST_HEADER } from './decode-request.ts';
import type { PipelineMetrics } from './metrics.ts';
import { reads, writes } from './operations/index.ts';
import type { ReadOperation } from './operations/read-operation.ts';
import { Reading } from './reading.ts';
import type { Replies } from './replies.ts';
import type { Reply } from './reply.ts';
import type { RequestLogging } from './request-log.ts';
import type { World } from './world.ts';

const LONG_REPLY_BYTES = 8 * 1024;

export interface RequestQueueParts {
  readonly config: PeerConfig;
  readonly world: World;
  readonly tree: () => DataTree;
  readonly clients: Clients;
  readonly access: AccessControl;
  readonly replies: Replies;
  readonly metrics: PipelineMetrics;
  readonly logging: RequestLogging;
  /** A connection's createSession has been applied. */
  readonly sessionCreated: (connection: Connection) => void;
}

/** The requests of each connection, answered in the order in which they came (client.md 7.6), and the limits on their number. */
export class RequestQueue {
  readonly #parts: RequestQueueParts;
  readonly #reading: Reading;
  readonly #reader = new Reader(Buffer.alloc(0));
  readonly #limit: number;
  #outstanding = 0;
  #largeBytes = 0;

  constructor(parts: RequestQueueParts) {
    this.#parts = parts;
    this.#reading = new Reading(parts.tree, parts.replies, parts.clients, parts.access);
    this.#limit = outstandingLimit(parts.config);
  }

  /** Requests accepted and not answered yet. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** False: no further requests should be read from connections that wait for replies (client.md 7.1). */
  get hasRoom(): boolean {
    return this.#outstanding < this.#limit;
  }

  /** More than large requests may take together (client.md 7.5). */
  isTooLarge(bytes: number): boolean {
    return this.#isLarge(bytes) && this.#largeBytes + bytes > this.#parts.config.largeRequestMaxBytes;
  }

  clear(): void {
    this.#outstanding = 0;
    this.#largeBytes = 0;
  }

  /** `bytes`: of its frame. */
  pending(connection: Connection, xid: number, op: number, receivedAt: Millis, bytes: number, onLocalSession = false): PendingRequest {
    const largeBytes = this.#isLarge(bytes) ? bytes : 0;
    return {
      connection,
      xid,
      op,
      ids: connection.ids,
      receivedAt,
      frame: null,
      zxid: null,
      ready: false,
      reply: null,
      err: 0,
      onLocalSession,
      audit: null,
      largeBytes,
    };
  }

  /** Behind the connection's earlier requests. */
  enqueue(pending: PendingRequest): void {
    const { connection } = pending;
    connection.queue.push(pending);
    this.#parts.metrics.basic.requests_in_session_queue.add(connection.queue.length);
    this.#outstanding += 1;
    this.#largeBytes += pending.largeBytes;
    if (this.#outstanding > this.#limit && pending.xid > 0) connection.hold();
  }

  /** An error, when the request's turn comes: it carries the zxid applied by then. */
  refuse(connection: Connection, xid: number, op: number, now: Millis, err: number): void {
    const pending = this.pending(connection, xid, op, now, 0);
    pending.err = err;
    this.settle(pending);
  }

  /** Nothing to wait for but the requests before it. */
  settle(pending: PendingRequest): void {
    pending.ready = true;
    this.enqueue(pending);
    this.drain(pending.connection);
  }

  /** Its reply has been made, and leaves once those before it have. */
  answer(pending: PendingRequest, reply: Reply): void {
    const { connection } = pending;
    const isFirst = connection.queue.first === pending;
    pending.ready = true;
    if (!isFirst) pending.reply = reply.frame();
    this.drain(connection, isFirst ? reply : null);
  }

  /** Answers everything that waits for nothing any more. `reply`: the first one's, where it is at hand. */
  drain(connection: Connection, reply: Reply | null = null): void {
    const { queue } = connection;
    let atHand = reply;
    for (let head = queue.first; head?.ready; head = queue.first) {
      queue.shift();
      this.#outstanding -= 1;
      this.#largeBytes -= head.largeBytes;
      if (connection.phase !== 'closed') this.#answer(head, atHand);
      atHand = null;
    }
    if (connection.isEstablished && (queue.length === 0 || this.hasRoom)) connection.release();
  }

  #answer(head: PendingRequest, atHand: Reply | null): void {
    const { connection, xid, op, receivedAt } = head;
    if (op === OpCode.createSession) {
      this.#parts.sessionCreated(connection);
      return;
    }
    if (atHand === null && head.reply !== null) this.#sendKept(head, head.reply);
    else this.reply(connection, xid, op, atHand ?? this.#lateReply(head), receivedAt);
    if (op === OpCode.closeSession && head.err === 0) this.#parts.clients.close(connection, 'the session is closed');
  }

  #sendKept({ connection, xid, op, receivedAt }: PendingRequest, frame: Buffer): void {
    connection.send(frame);
    const now = this.#timeOfReply(frame.length);
    this.#recordReply(connection, xid, op, frame.length, now, receivedAt);
    if (this.#parts.logging.current !== null) this.#parts.logging.current.answered(connection, xid, op, frame, now - receivedAt);
  }

  #lateReply({ connection, ids, xid, op, err, frame }: PendingRequest): Reply {
    const read = reads.get(op);
    return err === 0 && read && frame ? this.read(connection, ids, xid, read, frame) : this.#parts.replies.header(xid, err);
  }

  /** The reply to a read, from the tree as it is now. */
  read(connection: Connection, ids: readonly Id[], xid: number, read: ReadOperation, frame: Buffer): Reply {
    this.#reading.connection = connection;
    this.#reading.ids = ids;
    try {
      const reply = read(this.#reader.restart(frame, REQUEST_HEADER), xid, this.#reading);
      this.#parts.metrics.paths.read(frame, reply);
      return reply;
    } catch (error) {
      if (error instanceof KeeperError) return this.#parts.replies.header(xid, error.errno);
      if (error instanceof JuteError) return this.#parts.replies.header(xid, ErrorCode.MARSHALLINGERROR);
      throw error;
    }
  }

  /** Sends a reply and counts it. */
  reply(connection: Connection, xid: number, op: number, reply: Reply, receivedAt: Millis): void {
    const now = this.#timeOfReply(reply.length);
    this.#recordReply(connection, xid, op, reply.length, now, receivedAt);
    if (this.#parts.logging.current !== null) this.#parts.logging.current.answered(connection, xid, op, reply.frame(), now - receivedAt);
    connection.reply(reply);
  }

  /** A long reply may have taken long to make, and the clock stands still meanwhile. */
  #timeOfReply(bytes: number): Millis {
    const { clock } = this.#parts.world;
    return bytes > LONG_REPLY_BYTES && clock.readAnew ? clock.readAnew() : clock.now();
  }

  #recordReply({ stats }: Connection, xid: number, op: number, bytes: number, now: Millis, receivedAt: Millis): void {
    const latency = now - receivedAt;
    stats.lastOp = op;
    stats.lastCxid = xid;
    stats.lastZxid = this.#parts.tree().lastZxid;
    stats.lastResponseTime = now;
    stats.lastLatency = latency;
    stats.latency.add(latency);
    const { metrics } = this.#parts;
    metrics.latency.add(latency);
    metrics.counters.packets_sent += 1;
    metrics.responded(bytes);
    if (writes.has(op)) {
      stats.writes += 1;
      metrics.advanced.updatelatency.add(latency);
    } else {
      if (op !== OpCode.ping) stats.reads += 1;
      metrics.advanced.readlatency.add(latency);
    }
  }

  #isLarge(bytes: number): boolean {
    const { largeRequestThreshold } = this.#parts.config;
    return largeRequestThreshold > 0 && bytes > largeRequestThreshold;
  }
}

/** A member of a larger ensemble takes its share: all of them end up at the same leader. */
function outstandingLimit({ ensemble, globalOutstandingLimit }: PeerConfig): number {
  const voters = ensemble?.voters.size ?? 1;
  return voters > 2 ? Math.floor(globalOutstandingLimit / (voters - 1)) : globalOutstandingLimit;
}
