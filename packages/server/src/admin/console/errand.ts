import { decode, encode, type Codec } from '@zk/jute';
import { AuthPacket, ConnectRequest, ErrorCode, OpCode, ReplyHeader, RequestHeader, asSessionId } from '@zk/protocol';
import type { ClientLink, Input } from '@zk/peer';
import type { Visitor } from './credentials.ts';

const SESSION_TIMEOUT_MS = 10_000;
const AUTH_XID = -4;
const REQUEST_XID = 1;
const CLOSE_XID = 2;
const REPLY_HEADER_BYTES = 16;

/** What is to be done: any request of the client protocol. */
export interface Request<T> {
  readonly op: number;
  readonly codec: Codec<T>;
  readonly body: T;
}

/**
 * One request, made the way every client makes it: a session, credentials, the request, the end of the session. So it
 * is checked, forwarded to the leader, logged and audited as everybody's; the console has no power of its own.
 *
 * @returns the error code of the reply, or CONNECTIONLOSS when the server let go of the session before it answered
 */
export function runErrand<T>(feed: (input: Input) => void, { address, port, digest }: Visitor, request: Request<T>): Promise<number> {
  return new Promise((resolve) => {
    const frames = [
      encode(ConnectRequest, { protocolVersion: 0, lastZxidSeen: 0n, timeOut: SESSION_TIMEOUT_MS, sessionId: asSessionId(0n), passwd: Buffer.alloc(16), readOnly: false }),
      ...(digest === null ? [] : [frame(AUTH_XID, OpCode.auth, encode(AuthPacket, { type: 0, scheme: 'digest', auth: Buffer.from(digest) }))]),
      frame(REQUEST_XID, request.op, encode(request.codec, request.body)),
      frame(CLOSE_XID, OpCode.closeSession, Buffer.alloc(0)),
    ];
    const link = new InProcessLink(address, port, (header) => {
      if (header.xid === AUTH_XID && header.err !== ErrorCode.OK) resolve(header.err);
      if (header.xid === REQUEST_XID) resolve(header.err);
    }, () => resolve(ErrorCode.CONNECTIONLOSS));
    feed({ kind: 'clientOpened', link });
    for (const bytes of frames) feed({ kind: 'frame', link, frame: bytes });
  });
}

function frame(xid: number, type: number, body: Buffer): Buffer {
  return Buffer.concat([encode(RequestHeader, { xid, type }), body]);
}

/** The server's end of a connection whose other end is in this process. */
class InProcessLink implements ClientLink {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #replied: (header: ReplyHeader) => void;
  readonly #closed: () => void;
  #isConnected = false;

  constructor(address: string, port: number, replied: (header: ReplyHeader) => void, closed: () => void) {
    this.remoteAddress = address;
    this.remotePort = port;
    this.#replied = replied;
    this.#closed = closed;
  }

  send(frames: Buffer): void {
    for (let at = 0; at < frames.length; at += 4 + frames.readInt32BE(at)) this.#take(frames.subarray(at + 4, at + 4 + frames.readInt32BE(at)));
  }

  close(): void {
    this.#closed();
  }

  pause(): void {} // everything that is to be sent was sent

  resume(): void {}

  /** The first is the ConnectResponse, which has no header. */
  #take(reply: Buffer): void {
    if (this.#isConnected) this.#replied(decode(ReplyHeader, reply.subarray(0, REPLY_HEADER_BYTES)));
    this.#isConnected = true;
  }
}
