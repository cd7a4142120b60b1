import { AuthPacket, ErrorCode, GetSASLRequest, SetSASLResponse, opName } from '@zk/protocol';
import type { AccessControl } from './auth.ts';
import type { Clients } from './clients.ts';
import type { Connection } from './connections.ts';
import { decodeOrNull } from './decode-request.ts';
import type { PipelineMetrics } from './metrics.ts';
import type { Replies } from './replies.ts';

const NO_TXN = 0n;

export interface UnqueuedParts {
  readonly clients: Clients;
  readonly access: AccessControl;
  readonly replies: Replies;
  readonly metrics: PipelineMetrics;
}

/** What is answered on receipt, past the queue: authentication, and requests that end the connection. */
export class Unqueued {
  readonly #parts: UnqueuedParts;

  constructor(parts: UnqueuedParts) {
    this.#parts = parts;
  }

  /** What it proves counts for requests received later; its reply may overtake earlier ones (client.md 6.2). */
  authenticate(connection: Connection, xid: number, frame: Buffer): void {
    const packet = decodeOrNull(AuthPacket, frame);
    if (!packet) return this.#parts.clients.refuse(connection, 'an auth packet that does not decode');
    const result = this.#parts.access.authenticate(connection, packet.scheme, packet.auth);
    if (result === 'ok') return connection.reply(this.#parts.replies.headerAt(xid, NO_TXN, ErrorCode.OK));
    if (packet.scheme === 'ensemble') this.#parts.metrics.counters.ensemble_auth_fail += 1;
    else this.#parts.metrics.counters.auth_failed_count += 1;
    if (result === 'failed') this.answerAndClose(connection, xid, NO_TXN, ErrorCode.AUTHFAILED, `auth ${packet.scheme}`);
    else this.#parts.clients.refuse(connection, 'the client wants another ensemble');
  }

  /** As a server without a SASL configuration: no error, and no token to go on with (client.md 6.7). */
  refuseSasl(connection: Connection, xid: number, frame: Buffer): void {
    const request = decodeOrNull(GetSASLRequest, frame);
    if (!request?.token) return this.#parts.clients.refuse(connection, 'a sasl packet without a token');
    const reply = this.#parts.replies.record(xid, SetSASLResponse, { token: null });
    reply.view.setBigInt64(reply.start + 8, NO_TXN);
    connection.reply(reply);
  }

  answerAndClose(connection: Connection, xid: number, zxid: bigint, err: number, what: string): void {
    connection.reply(this.#parts.replies.headerAt(xid, zxid, err));
    this.#parts.clients.refuse(connection, `${what} is refused with ${err}`);
  }

  rejectLarge(connection: Connection, op: number, bytes: number): void {
    this.#parts.metrics.counters.large_requests_rejected += 1;
    this.#parts.clients.refuse(connection, `${opName(op)} of ${bytes} bytes is more than large requests may take together`);
  }
}
