/** A small world in memory: a clock that is turned by hand, links that deliver after a millisecond, stores that survive a crash. */
import { FrameReader, decode, encode } from '@zk/jute';
import {
  ConnectRequest, ConnectResponse, CreateRequest, EnsembleConfig, OPEN_ACL, OpCode, ReplyHeader, RequestHeader, asSessionId, asSid,
} from '@zk/protocol';
import type { Sid } from '@zk/protocol';
import { MemoryDisk, MemoryStore } from '@zk/store';
import { Peer, drive, peerConfig } from '../src/index.ts';
import type { ClientLink, Input, Link, PeerConfig, PeerSettings, Running, TraceEvent, World } from '../src/index.ts';

const LATENCY_MS = 1;

interface Appointment {
  readonly at: number;
  readonly run: () => void;
}

/** Time: nothing happens but what is due. */
export class Timeline {
  now = 0;
  #due: Appointment[] = [];

  after(ms: number, run: () => void): () => void {
    const appointment = { at: this.now + ms, run };
    this.#due.push(appointment);
    return () => {
      this.#due = this.#due.filter((other) => other !== appointment);
    };
  }

  /** Runs everything due within `ms`, in order of time, then of arrangement. */
  run(ms: number): void {
    const end = this.now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** Runs until `condition` holds; throws when it does not within `ms`. */
  until(condition: () => boolean, what: string, ms = 60_000): void {
    for (const end = this.now + ms; !condition(); this.run(1)) {
      if (this.now >= end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    }
  }

  #next(end: number): Appointment | undefined {
    const next = this.#due.reduce<Appointment | undefined>((first, one) => (one.at <= end && (!first || one.at < first.at) ? one : first), undefined);
    if (next) this.#due = this.#due.filter((other) => other !== next);
    return next;
  }
}

/** One end of a quorum connection. */
class MadeUpLink implements Link {
  static #lastId = 0;
  readonly id = ++MadeUpLink.#lastId;
  readonly remote: string;
  bufferedBytes = 0;
  other!: MadeUpLink;
  #open = true;
  readonly #node: Node;
  readonly #time: Timeline;

  constructor(node: Node, remote: Node, time: Timeline) {
    this.#node = node;
    this.remote = `server ${remote.sid}`;
    this.#time = time;
  }

  send(bytes: Buffer): void {
    if (!this.#open) return;
    this.bufferedBytes += bytes.length;
    this.#time.after(LATENCY_MS, () => {
      // Read only now: what was sent belongs to the link, and must not have changed meanwhile.
      this.bufferedBytes -= bytes.length;
      this.other.receive({ kind: 'linkData', link: this.other, chunk: Buffer.from(bytes) });
      if (this.bufferedBytes === 0) this.receive({ kind: 'linkDrained', link: this });
    });
  }

  sendPart(bytes: Buffer, start: number, end: number): void {
    this.send(bytes.subarray(start, end));
  }

  close(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#time.after(LATENCY_MS, () => this.other.receive({ kind: 'linkClosed', link: this.other, reason }));
  }

  receive(input: Input): void {
    if (!this.#open) return;
    if (input.kind === 'linkClosed') this.#open = false;
    this.#node.feed(input);
  }
}

/** A quorum connection whose other end is the test. */
export class StrangeLink implements Link {
  readonly id = -1;
  readonly remote = '10.0.0.9:1234';
  readonly bufferedBytes = 0;
  readonly sent: Buffer[] = [];
  closed: string | null = null;

  send(bytes: Buffer): void {
    this.sent.push(bytes);
  }

  close(reason: string): void {
    this.closed = reason;
  }
}

/** One server of the ensemble: its process may be killed and started, its store stays. */
export class Node {
  readonly sid: Sid;
  readonly disk = new MemoryDisk();
  readonly traces: TraceEvent[] = [];
  readonly commits: bigint[] = [];
  listening = false;
  /** Whom it may dial for elections, since it was told to change them. */
  electors: readonly Sid[] | null = null;
  links: MadeUpLink[] = [];
  #running: Running | null = null;
  #store: MemoryStore | null = null;
  readonly #config: PeerConfig;
  readonly #nodes: ReadonlyMap<Sid, Node>;
  readonly #time: Timeline;
  #seed: number;
  /** Counts starts and kills: what an earlier process had put off never happens. */
  #life = 0;

  constructor(config: PeerConfig, nodes: ReadonlyMap<Sid, Node>, time: Timeline) {
    this.sid = config.sid;
    this.#config = config;
    this.#nodes = nodes;
    this.#time = time;
    this.#seed = Number(config.sid);
  }

  get alive(): boolean {
    return this.#running !== null;
  }

  get peer(): Peer {
    if (!this.#running) throw new Error(`server ${this.sid} is not running`);
    return this.#running.peer;
  }

  feed(input: Input): void {
    this.#running?.feed(input);
  }

  start(): void {
    const world = this.#world();
    this.#running = drive((looped) => new Peer(this.#config, looped, looped.store.recover()), world);
    this.#time.after(0, () => this.feed({ kind: 'start' }));
    for (const other of this.#others()) {
      if (!other.alive) continue;
      this.feed({ kind: 'electorConnected', sid: other.sid });
      other.feed({ kind: 'electorConnected', sid: this.sid });
    }
  }

  /** The next thing the disk does goes wrong. */
  failDisk(): void {
    this.#store?.onFatal(new Error('EIO'));
  }

  /** As by `kill -9`: what the store did not acknowledge is gone. */
  kill(): void {
    this.#running = null;
    this.#life++;
    this.listening = false;
    for (const link of this.links) link.close('connection reset');
    this.links = [];
    for (const other of this.#others()) other.feed({ kind: 'electorLost', sid: this.sid });
  }

  traced<K extends TraceEvent['kind']>(kind: K): Extract<TraceEvent, { kind: K }>[] {
    return this.traces.filter((event): event is Extract<TraceEvent, { kind: K }> => event.kind === kind);
  }

  #others(): Node[] {
    return [...this.#nodes.values()].filter((node) => node !== this);
  }

  #world(): World {
    const time = this.#time;
    const life = ++this.#life;
    const whileAlive = (run: () => void) => (): void => {
      if (this.#life === life) run();
    };
    let disarm = (): void => {};
    const store = new MemoryStore(this.disk, (run) => void time.after(LATENCY_MS, whileAlive(run)));
    this.#store = store;
    return {
      clock: { now: () => time.now, wallTime: () => 1_700_000_000_000 + time.now },
      random: { next: () => (this.#seed = (this.#seed * 16_807) % 2_147_483_647) / 2_147_483_647 },
      timer: {
        arm: (deadline, fire) => {
          disarm();
          disarm = time.after(Math.max(0, deadline - time.now), whileAlive(fire));
        },
        disarm: () => disarm(),
      },
      store,
      electors: {
        send: (to, message) => this.#notify(to, message),
        setMembers: (config, pending) => void (this.electors = [...config.servers.keys(), ...(pending?.servers.keys() ?? [])]),
      },
      learners: {
        listen: () => void (this.listening = true),
        unlisten: () => void (this.listening = false),
        dial: (sid) => void time.after(LATENCY_MS, () => this.#dialed(sid)),
      },
      trace: (event) => void this.traces.push(event),
      traceCommit: (zxid) => void this.commits.push(zxid),
      fatal: () => this.kill(),
    };
  }

  #notify(to: Sid, message: Buffer): void {
    this.#time.after(LATENCY_MS, () => {
      const other = this.#nodes.get(to);
      if (other?.alive) other.feed({ kind: 'notification', from: this.sid, message });
      else this.feed({ kind: 'electorLost', sid: to });
    });
  }

  #dialed(sid: Sid): void {
    const leader = this.#nodes.get(sid);
    if (!leader?.alive || !leader.listening) return this.feed({ kind: 'leaderUnreachable', sid, reason: 'connection refused' });
    const here = new MadeUpLink(this, leader, this.#time);
    const there = new MadeUpLink(leader, this, this.#time);
    here.other = there;
    there.other = here;
    this.links.push(here);
    leader.links.push(there);
    leader.feed({ kind: 'learnerLinked', link: there });
    this.feed({ kind: 'leaderLinked', sid, link: here });
  }
}

/** A client of one server: sends records, and reads what comes back. */
export class Client {
  readonly replies: { header: ReplyHeader; body: Buffer }[] = [];
  session: ConnectResponse | null = null;
  closed: string | null = null;
  readonly #node: Node;
  readonly #time: Timeline;
  readonly #link: ClientLink;
  #xid = 0;

  constructor(node: Node, time: Timeline) {
    this.#node = node;
    this.#time = time;
    const frames = new FrameReader(1 << 20, (frame) => this.#received(Buffer.from(frame)));
    this.#link = {
      remoteAddress: '127.0.0.1',
      remotePort: 40_000,
      send: (bytes) => frames.push(bytes),
      close: (reason) => void (this.closed = reason),
      pause: () => {},
      resume: () => {},
    };
    node.feed({ kind: 'clientOpened', link: this.#link });
    this.#send(encode(ConnectRequest, { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 20_000, sessionId: asSessionId(0n), passwd: Buffer.alloc(16), readOnly: false }));
    time.until(() => this.session !== null || this.closed !== null, 'a session');
  }

  /** Asks, and waits for the reply: its zxid, and its error code. */
  create(path: string, data = ''): ReplyHeader {
    return this.ask(OpCode.create, createRequest(path, data)).header;
  }

  /** Asks without waiting. */
  tellCreate(path: string): void {
    this.#tell(OpCode.create, createRequest(path, ''));
  }

  ask(op: number, body: Buffer): { header: ReplyHeader; body: Buffer } {
    const before = this.replies.length;
    this.#tell(op, body);
    this.#time.until(() => this.replies.length > before || this.closed !== null, `a reply to ${op}`);
    const reply = this.replies[before];
    if (!reply) throw new Error(`no reply: ${this.closed}`);
    return reply;
  }

  #tell(op: number, body: Buffer): void {
    this.#send(Buffer.concat([encode(RequestHeader, { xid: ++this.#xid, type: op }), body]));
  }

  #send(frame: Buffer): void {
    this.#node.feed({ kind: 'frame', link: this.#link, frame });
  }

  #received(frame: Buffer): void {
    if (!this.session) this.session = decode(ConnectResponse, frame);
    else this.replies.push({ header: decode(ReplyHeader, frame.subarray(0, 16)), body: frame.subarray(16) });
  }
}

function createRequest(path: string, data: string): Buffer {
  return encode(CreateRequest, { path, data: Buffer.from(data), acl: [...OPEN_ACL], flags: 0 });
}

export interface Ensemble {
  readonly time: Timeline;
  readonly nodes: readonly Node[];
  node(sid: number): Node;
  connect(node: Node): Client;
  /** Runs until all that live serve under one leader, which is returned. */
  settle(): Node;
}

/** `voters` and then `observers`, started at once. */
export function ensemble(voters: number, settings: Partial<PeerSettings> = {}, observers = 0): Ensemble {
  const sids = Array.from({ length: voters + observers }, (_, i) => asSid(BigInt(i + 1)));
  const members = EnsembleConfig.of(
    sids.map((sid) => ({
      sid,
      addresses: [{ host: '127.0.0.1', quorumPort: 2888, electionPort: 3888 }],
      role: sid > voters ? 'observer' : 'participant',
      client: null,
      clientInText: false,
    })),
  );
  return start(sids.map((sid) => peerConfig({ tickTime: 1000, ...settings, sid, ensemble: members })));
}

export function standalone(settings: Partial<PeerSettings> = {}): Ensemble {
  return start([peerConfig({ ...settings, sid: asSid(0n), ensemble: null })]);
}

function start(configs: PeerConfig[]): Ensemble {
  const time = new Timeline();
  const nodes = new Map<Sid, Node>();
  for (const config of configs) nodes.set(config.sid, new Node(config, nodes, time));
  for (const node of nodes.values()) node.start();
  const alive = (): Node[] => [...nodes.values()].filter((node) => node.alive);
  return {
    time,
    nodes: [...nodes.values()],
    node: (sid) => nodes.get(asSid(BigInt(sid)))!,
    connect: (node) => new Client(node, time),
    settle: () => {
      time.until(() => alive().every((node) => node.peer.inspect().serving !== null), 'all to serve');
      const leader = alive().find((node) => ['leader', 'standalone'].includes(node.peer.inspect().serving!));
      if (!leader) throw new Error('nobody leads');
      return leader;
    },
  };
}
