import { Reader, encode, type Codec } from '@zk/jute';
import { ConnectRequest, ConnectResponse, OpCode, asSid, asZxid, hex, opName, type Id, type Proposal, type SessionId, type Zxid } from '@zk/protocol';
import { MemoryStore } from '@zk/store';
import { DataTree } from '@zk/tree';
import type { AuditEntry } from '../src/audit.ts';
import type { Authority } from '../src/authority.ts';
import { peerConfig, type PeerSettings } from '../src/config.ts';
import { Pipeline } from '../src/pipeline.ts';
import type { ClientLink, ServingRole, TraceEvent, World } from '../src/world.ts';

/** A client-port connection whose client writes down what it gets. */
export class FakeLink implements ClientLink {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly frames: Buffer[] = [];
  closed: string | null = null;
  paused = false;

  constructor(remotePort: number, remoteAddress = '127.0.0.1') {
    this.remotePort = remotePort;
    this.remoteAddress = remoteAddress;
  }

  send(frame: Buffer): void {
    if (this.closed !== null) throw new Error('sent after close');
    if (frame.readInt32BE(0) !== frame.length - 4) throw new Error('a frame whose prefix is wrong');
    this.frames.push(frame); // not copied: it belongs to the link, and must stay what it is
  }

  sendPart(bytes: Buffer, start: number, end: number): void {
    this.send(Buffer.from(bytes.subarray(start, end)));
    bytes.fill(0xee, start, end); // from here on the memory may serve others (World.nextSheet)
  }

  close(reason: string): void {
    this.closed = reason;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

export interface Forwarded {
  readonly session: SessionId;
  readonly cxid: number;
  readonly op: number;
  readonly body: Buffer;
  readonly authinfo: Id[] | null;
}

/** The part of the ensemble behind a pipeline: commits at once, or when the test says so. */
export class FakeAuthority implements Authority {
  readonly role: ServingRole;
  readonly proposed: Proposal[] = [];
  readonly forwarded: Forwarded[] = [];
  readonly revalidations: { session: SessionId; timeOut: number }[] = [];
  /** false: proposals wait for commit(). */
  immediate = true;
  #last: Zxid;
  readonly #commit: (proposal: Proposal) => void;
  /** false: no quorum, or a full disk. */
  takesWrites: boolean;

  constructor(role: ServingRole, last: Zxid, commit: (proposal: Proposal) => void) {
    this.role = role;
    this.takesWrites = role !== 'readOnly';
    this.#last = last;
    this.#commit = commit;
  }

  nextZxid(): Zxid {
    this.#last = asZxid(this.#last + 1n);
    return this.#last;
  }

  propose(proposal: Proposal): void {
    this.proposed.push(proposal);
    if (this.immediate) this.commit();
  }

  /** Commits what is proposed, all of it or the oldest `count`. */
  commit(count = this.proposed.length): void {
    for (const proposal of this.proposed.splice(0, count)) this.#commit(proposal);
  }

  request(session: SessionId, cxid: number, op: number, body: Buffer, authinfo: Id[] | null): void {
    this.forwarded.push({ session, cxid, op, body: Buffer.from(body), authinfo });
  }

  sync(answer: () => void): void {
    answer();
  }

  revalidate(session: SessionId, timeOut: number): void {
    this.revalidations.push({ session, timeOut });
  }
}

/** One server's pipeline with nothing around it but clocks that stand still. */
export class Server {
  now = 0;
  wallTime: number;
  readonly traces: TraceEvent[] = [];
  readonly tree: DataTree;
  readonly pipeline: Pipeline;
  authority: FakeAuthority;
  #port = 50_000;

  readonly audit: AuditEntry[] = [];
  readonly #audited: boolean;

  constructor(role: ServingRole = 'standalone', settings: Partial<PeerSettings> = {}, wallTime = 0x1c4082, audited = false) {
    this.#audited = audited;
    this.wallTime = wallTime;
    const config = peerConfig({ sid: asSid(1n), ensemble: null, tickTime: 2000, ...settings });
    this.tree = new DataTree({ digest: config.digestEnabled, extendedTypes: config.extendedTypesEnabled });
    this.pipeline = new Pipeline(config, this.#world(), () => this.tree);
    this.authority = new FakeAuthority(role, this.tree.lastZxid, (proposal) => this.pipeline.committed(proposal));
    this.pipeline.serve(this.authority);
  }

  /** A new period of service, as after an election. */
  serve(role: ServingRole): void {
    this.pipeline.stop('the role has changed');
    this.authority = new FakeAuthority(role, this.tree.lastZxid, (proposal) => this.pipeline.committed(proposal));
    this.pipeline.serve(this.authority);
  }

  open(): Client {
    return new Client(this, (this.#port += 1));
  }

  connect(timeOut = 10_000): Client {
    const client = this.open();
    client.connect({ timeOut });
    return client;
  }

  /** Lets time pass, waking the pipeline whenever it asked for it. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let next = this.pipeline.nextDeadline(); next <= end; next = this.pipeline.nextDeadline()) this.#advance(next);
    this.#advance(end);
  }

  #advance(to: number): void {
    this.wallTime += to - this.now;
    this.now = to;
    this.pipeline.tick(to);
  }

  #world(): World {
    return {
      clock: { now: () => this.now, wallTime: () => this.wallTime },
      random: { next: () => 0.5 },
      timer: { arm: () => {}, disarm: () => {} },
      store: new MemoryStore(),
      electors: { send: () => {} },
      learners: { listen: () => {}, unlisten: () => {}, dial: () => {} },
      trace: (event) => this.traces.push(event),
      ...(this.#audited && { traceAudit: (entry: AuditEntry) => this.audit.push(entry) }),
      fatal: (_code, reason) => {
        throw new Error(reason);
      },
    };
  }
}

export interface Reply {
  readonly xid: number;
  readonly zxid: bigint;
  readonly err: number;
  readonly body: Buffer;
}

/** A client that speaks records. Requests take the next xid; what arrives is read off with take(). */
export class Client {
  readonly link: FakeLink;
  session = 0n as SessionId;
  passwd: Buffer = Buffer.alloc(16);
  #xid = 0;
  readonly #server: Server;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.link = new FakeLink(port);
    server.pipeline.opened(this.link);
  }

  /** Raw bytes of one frame, without length prefix. */
  raw(frame: Buffer): void {
    const lent = Buffer.from(frame);
    this.#server.pipeline.frame(this.link, lent);
    lent.fill(0xee); // a frame is valid during the step only
  }

  sendConnect(request: Partial<ConnectRequest>): void {
    this.raw(
      encode(ConnectRequest, {
        protocolVersion: 0,
        lastZxidSeen: 0n,
        timeOut: 10_000,
        sessionId: this.session,
        passwd: this.passwd,
        readOnly: false,
        ...request,
      }),
    );
  }

  /** @returns the answer, null if there was none */
  connect(request: Partial<ConnectRequest> = {}): ConnectResponse | null {
    this.sendConnect(request);
    return this.takeConnect();
  }

  takeConnect(): ConnectResponse | null {
    const frame = this.link.frames.shift();
    if (!frame) return null;
    const response = ConnectResponse.read(new Reader(frame, 4));
    if (response.timeOut > 0) {
      this.session = response.sessionId;
      this.passwd = Buffer.from(response.passwd ?? Buffer.alloc(0));
    }
    return response;
  }

  /** @returns its xid */
  send<T>(op: number, codec?: Codec<T>, value?: T, xid = (this.#xid += 1)): number {
    const body = codec ? encode(codec, value as T) : Buffer.alloc(0);
    return this.sendBytes(op, body, xid);
  }

  sendBytes(op: number, body: Buffer, xid = (this.#xid += 1)): number {
    const header = Buffer.alloc(8);
    header.writeInt32BE(xid, 0);
    header.writeInt32BE(op, 4);
    this.raw(Buffer.concat([header, body]));
    return xid;
  }

  /** Sends, and takes the answer, which must be the next frame. */
  ask<T>(op: number, codec?: Codec<T>, value?: T): Reply {
    const xid = this.send(op, codec, value);
    const reply = this.take();
    if (reply.xid !== xid && op !== OpCode.ping) throw new Error(`${opName(op)} ${xid} was answered by ${reply.xid}`);
    return reply;
  }

  /** The next frame received. */
  take(): Reply {
    const frame = this.link.frames.shift();
    if (!frame) throw new Error('nothing was received');
    return { xid: frame.readInt32BE(4), zxid: frame.readBigInt64BE(8), err: frame.readInt32BE(16), body: frame.subarray(20) };
  }

  /** Everything received so far, one line each: `5 0x3 -101`, `event 1 /a 0x7`. */
  heard(): string[] {
    return this.link.frames.splice(0).map((frame) => {
      const xid = frame.readInt32BE(4);
      const zxid = frame.readBigInt64BE(8);
      if (xid !== -1) return `${xid} ${zxid < 0n ? zxid : hex(zxid)} ${frame.readInt32BE(16)}`;
      const path = frame.subarray(32).toString();
      return `event ${frame.readInt32BE(20)} ${path} ${zxid < 0n ? zxid : hex(zxid)}`;
    });
  }
}
