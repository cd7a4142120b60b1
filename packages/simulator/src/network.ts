import type { Millis, ServerSpec, Sid } from '@zk/protocol';
import type { Electors, Input, Learners, Link } from '@zk/peer';
import type { Rng } from './rng.ts';
import type { Scheduler } from './scheduler.ts';

/** One-way delays, ms. */
export interface NetworkSpeed {
  readonly minMs: number;
  readonly maxMs: number;
  /** How often something has to be sent again, which takes RETRANSMISSION_MS. */
  readonly loss?: number;
}

const RETRANSMISSION_MS = { min: 200, max: 1_500 };

export const ORDINARY_NETWORK: NetworkSpeed = { minMs: 0.1, maxMs: 8 };

/** A member, as the network sees it. */
export interface Host {
  readonly sid: Sid;
  readonly alive: boolean;
  feed(input: Input): void;
}

/** Hears what each end of a quorum link sends. */
export interface LinkWatcher {
  sent(by: 'learner' | 'leader', bytes: Buffer): void;
}

/** Bytes are cut into pieces of at most this, so that a record's end and a piece's end rarely meet. */
const MAX_PIECE = 1400;
/** A connection attempt into the void ends after this, ms. */
const CONNECT_TIMEOUT_MS = 1_000;

/** Both ends of one TCP connection die together, each hearing of it in its own time. */
interface Connection {
  readonly ends: readonly [Sid, Sid];
  open: boolean;
  /** Called once, for the end at `sid`. */
  closed(sid: Sid, reason: string): void;
}

/**
 * The network between the members: election messages and quorum links. Within a connection bytes arrive in order and
 * once, as TCP has it; across connections anything goes. A blocked direction holds what is sent, as retransmission
 * does, until it opens again or the connection is given up.
 */
export class Network {
  readonly scheduler: Scheduler;
  readonly rng: Rng;
  speed: NetworkSpeed = ORDINARY_NETWORK;
  /** Makes the watcher of a new quorum link. */
  watch: (learner: Sid, leader: Sid) => LinkWatcher = () => ({ sent: () => undefined });
  /** What a member's vote looks like when it leaves. */
  voted: (from: Sid, to: Sid, message: Buffer) => void = () => undefined;
  readonly #hosts = new Map<Sid, Host>();
  readonly #blocked = new Set<string>();
  readonly #held = new Map<string, (() => void)[]>();
  readonly #listening = new Set<Sid>();
  readonly #connections = new Set<Connection>();
  readonly #electionPairs = new Map<string, ElectionPair>();
  #linkIds = 0;

  /** Whether what was sent before a close arrives, as it does when nothing goes wrong; a reset loses it. */
  closesOrderly = false;

  constructor(scheduler: Scheduler, rng: Rng) {
    this.scheduler = scheduler;
    this.rng = rng;
  }

  add(host: Host): void {
    this.#hosts.set(host.sid, host);
  }

  host(sid: Sid): Host | undefined {
    return this.#hosts.get(sid);
  }

  delay(): number {
    const { minMs, maxMs, loss } = this.speed;
    const once = minMs + this.rng.next() * (maxMs - minMs);
    return loss && this.rng.chance(loss) ? once + this.rng.between(RETRANSMISSION_MS.min, RETRANSMISSION_MS.max) : once;
  }

  // ---- faults

  /** Nothing sent by `from` reaches `to`; the other direction is a fault of its own. */
  block(from: Sid, to: Sid): void {
    this.#blocked.add(`${from}>${to}`);
  }

  /** Everything flows again; what was held comes through. */
  heal(): void {
    this.#blocked.clear();
    for (const [direction, held] of this.#held) {
      this.#held.delete(direction);
      for (const deliver of held) deliver();
    }
  }

  get partitioned(): boolean {
    return this.#blocked.size > 0;
  }

  isBlocked(from: Sid, to: Sid): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  /** Connections between the two break, each side told when it would notice. */
  reset(a: Sid, b: Sid): void {
    for (const connection of [...this.#connections]) {
      if (connection.ends.includes(a) && connection.ends.includes(b)) this.close(connection, null, 'connection reset');
    }
  }

  /** Connections between the two die, and neither side is told: half-open, as after a router forgot them. */
  silence(a: Sid, b: Sid): void {
    for (const connection of [...this.#connections]) {
      if (!connection.ends.includes(a) || !connection.ends.includes(b)) continue;
      connection.open = false;
      this.#connections.delete(connection);
    }
  }

  /** A host died: what it had open is gone. `silently`: its power went, so that nobody is told. */
  died(sid: Sid, silently: boolean): void {
    this.#listening.delete(sid);
    for (const connection of [...this.#connections]) {
      if (!connection.ends.includes(sid)) continue;
      if (silently) connection.open = false;
      this.close(connection, sid, 'the other side is gone');
    }
  }

  // ---- connections

  register(connection: Connection): void {
    this.#connections.add(connection);
  }

  /** `by` closed it and needs no telling; null: the network did. */
  close(connection: Connection, by: Sid | null, reason: string): void {
    this.#connections.delete(connection);
    const announce = connection.open;
    connection.open = false;
    if (!announce) return;
    const [a, b] = connection.ends;
    for (const [sid, other] of [[a, b], [b, a]] as const) {
      if (sid !== by) this.carry(other, sid, () => connection.closed(sid, reason));
    }
  }

  /** `deliver` happens at `to` when it gets there. */
  carry(from: Sid, to: Sid, deliver: () => void): void {
    const arrive = (): void => {
      const direction = `${from}>${to}`;
      if (this.#blocked.has(direction)) {
        const held = this.#held.get(direction);
        if (held) held.push(arrive);
        else this.#held.set(direction, [arrive]);
      } else if (this.#hosts.get(to)?.alive) deliver();
    };
    this.scheduler.after(this.delay(), arrive);
  }

  /** A connection attempt: answered like the real thing, or not at all for CONNECT_TIMEOUT_MS. */
  connect(from: Sid, to: Sid, timeoutMs: Millis, accepted: () => boolean, failed: (reason: string) => void): void {
    const reachable = (): boolean => !this.isBlocked(from, to) && !this.isBlocked(to, from) && (this.#hosts.get(to)?.alive ?? false);
    if (!reachable()) {
      // A dead process on a live machine refuses at once; a cut cable does not answer.
      const refused = !this.isBlocked(from, to) && !this.isBlocked(to, from);
      const wait = refused ? 2 * this.delay() : Math.min(timeoutMs, CONNECT_TIMEOUT_MS);
      this.scheduler.after(wait, () => failed(refused ? 'connection refused' : 'connection timed out'));
      return;
    }
    this.scheduler.after(2 * this.delay(), () => {
      if (!reachable() || !accepted()) failed('connection refused');
    });
  }

  // ---- what a member is given

  electors(self: Host): Electors {
    return {
      send: (to, message) => {
        this.voted(self.sid, to, message);
        this.#pair(self.sid, to).send(self.sid, message);
      },
    };
  }

  learners(self: Host): Learners {
    return {
      listen: () => void this.#listening.add(self.sid),
      unlisten: () => void this.#listening.delete(self.sid),
      dial: (sid, _spec: ServerSpec, timeoutMs) => this.#dialLeader(self, sid, timeoutMs),
    };
  }

  #dialLeader(self: Host, to: Sid, timeoutMs: Millis): void {
    const life = self;
    const failed = (reason: string): void => {
      if (life.alive) life.feed({ kind: 'leaderUnreachable', sid: to, reason });
    };
    const accepted = (): boolean => {
      const target = this.#hosts.get(to);
      if (!life.alive || !target || !this.#listening.has(to)) return false;
      const [learnerEnd, leaderEnd] = linkPair(this, life, target, (this.#linkIds += 2));
      target.feed({ kind: 'learnerLinked', link: leaderEnd });
      life.feed({ kind: 'leaderLinked', sid: to, link: learnerEnd });
      return true;
    };
    this.connect(self.sid, to, timeoutMs, accepted, failed);
  }

  #pair(a: Sid, b: Sid): ElectionPair {
    const key = a < b ? `${a},${b}` : `${b},${a}`;
    let pair = this.#electionPairs.get(key);
    if (!pair) {
      pair = new ElectionPair(this, a, b);
      this.#electionPairs.set(key, pair);
    }
    return pair;
  }
}

/**
 * The election connection of two members: at most one, made when somebody has something to say, the newest message of
 * each side waiting while there is none (quorum.md 2.5).
 */
class ElectionPair implements Connection {
  readonly ends: readonly [Sid, Sid];
  open = false;
  readonly #network: Network;
  readonly #waiting = new Map<Sid, Buffer>();
  #dialing = false;
  /** Counts connections: what was sent over an older one is lost with it. */
  #incarnation = 0;
  /** Arrival of the last message of each side: within one connection nothing overtakes. */
  readonly #lastArrival = new Map<Sid, number>();

  constructor(network: Network, a: Sid, b: Sid) {
    this.#network = network;
    this.ends = [a, b];
  }

  send(from: Sid, message: Buffer): void {
    if (this.open) return this.#carry(from, message);
    this.#waiting.set(from, message);
    if (this.#dialing) return;
    this.#dialing = true;
    const to = this.#other(from);
    const failed = (): void => {
      this.#dialing = false;
      this.#waiting.delete(from);
      this.#feed(from, { kind: 'electorLost', sid: to });
    };
    this.#network.connect(from, to, 5_000, () => this.#connected(), failed);
  }

  closed(sid: Sid): void {
    this.#feed(sid, { kind: 'electorLost', sid: this.#other(sid) });
  }

  #connected(): boolean {
    this.#dialing = false;
    const [a, b] = this.ends;
    if (!this.#network.host(a)?.alive || !this.#network.host(b)?.alive) return false;
    this.open = true;
    this.#incarnation += 1;
    this.#lastArrival.clear();
    this.#network.register(this);
    for (const sid of this.ends) this.#feed(sid, { kind: 'electorConnected', sid: this.#other(sid) });
    for (const [from, message] of this.#waiting) this.#carry(from, message);
    this.#waiting.clear();
    return true;
  }

  #carry(from: Sid, message: Buffer): void {
    const to = this.#other(from);
    const incarnation = this.#incarnation;
    const { scheduler } = this.#network;
    const arrival = Math.max(scheduler.now + this.#network.delay(), this.#lastArrival.get(from) ?? 0);
    this.#lastArrival.set(from, arrival);
    scheduler.at(arrival, () => {
      if (!this.open || incarnation !== this.#incarnation) return;
      if (this.#network.isBlocked(from, to)) return this.#network.close(this, null, 'gave up');
      this.#feed(to, { kind: 'notification', from, message });
    });
  }

  #feed(sid: Sid, input: Input): void {
    const host = this.#network.host(sid);
    if (host?.alive) host.feed(input);
  }

  #other(sid: Sid): Sid {
    return this.ends[0] === sid ? this.ends[1] : this.ends[0];
  }
}

/** The two ends of one quorum link. */
function linkPair(network: Network, learner: Host, leader: Host, id: number): [SimLink, SimLink] {
  const links: SimLink[] = [];
  const connection: Connection = {
    ends: [learner.sid, leader.sid],
    open: true,
    closed(sid, reason) {
      const link = links.find((end) => end.self.sid === sid) as SimLink;
      if (link.open) {
        link.open = false;
        link.self.feed({ kind: 'linkClosed', link, reason });
      }
    },
  };
  network.register(connection);
  const watcher = network.watch(learner.sid, leader.sid);
  links.push(
    new SimLink(network, connection, learner, leader, id, (bytes) => watcher.sent('learner', bytes)),
    new SimLink(network, connection, leader, learner, id + 1, (bytes) => watcher.sent('leader', bytes)),
  );
  const [a, b] = links as [SimLink, SimLink];
  a.peer = b;
  b.peer = a;
  return [a, b];
}

class SimLink implements Link {
  readonly id: number;
  readonly remote: string;
  readonly self: Host;
  peer!: SimLink;
  open = true;
  readonly #network: Network;
  readonly #connection: Connection;
  readonly #watch: (bytes: Buffer) => void;
  #buffered = 0;
  readonly #pieces: Buffer[] = [];
  #carrying = false;
  /** Closed, and to be told so behind what is still under way. */
  #goodbye: string | null = null;

  constructor(network: Network, connection: Connection, self: Host, other: Host, id: number, watch: (bytes: Buffer) => void) {
    this.#network = network;
    this.#connection = connection;
    this.#watch = watch;
    this.self = self;
    this.id = id;
    this.remote = `server.${other.sid}`;
  }

  get bufferedBytes(): number {
    return this.#buffered;
  }

  send(bytes: Buffer): void {
    if (!this.open) return;
    this.#watch(bytes);
    for (let at = 0; at < bytes.length; ) {
      const size = Math.min(bytes.length - at, this.#network.rng.between(1, MAX_PIECE));
      this.#pieces.push(Buffer.from(bytes.subarray(at, at + size)));
      at += size;
    }
    this.#buffered += bytes.length;
    this.#carryNext();
  }

  close(reason: string): void {
    if (!this.open) return;
    this.open = false;
    if (this.#network.closesOrderly && this.#buffered > 0) this.#goodbye = reason;
    else this.#network.close(this.#connection, this.self.sid, reason);
  }

  /** Everything waiting travels as one burst, so that a large transfer takes few delays. */
  #carryNext(): void {
    if (this.#carrying || this.#pieces.length === 0) return;
    this.#carrying = true;
    const burst = this.#pieces.splice(0);
    this.#network.carry(this.self.sid, this.peer.self.sid, () => {
      if (!this.#connection.open) return; // it broke while they were under way
      this.#carrying = false;
      for (const chunk of burst) {
        this.#buffered -= chunk.length;
        if (this.peer.open) this.peer.self.feed({ kind: 'linkData', link: this.peer, chunk });
      }
      if (this.#buffered === 0 && this.open && this.self.alive) this.self.feed({ kind: 'linkDrained', link: this });
      this.#carryNext();
      if (this.#goodbye !== null && this.#buffered === 0) this.#network.close(this.#connection, this.self.sid, this.#goodbye);
    });
  }
}
