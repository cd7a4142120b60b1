import type { Millis, ServerSpec, Sid } from '@zk/protocol';
import type { Electors, Input, Learners } from '@zk/peer';
import { ElectionPair } from './election-pair.ts';
import type { Rng } from './rng.ts';
import type { Scheduler } from './scheduler.ts';
import { linkPair } from './sim-link.ts';

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

/** A connection attempt into the void ends after this, ms. */
const CONNECT_TIMEOUT_MS = 1_000;

/** Both ends of one TCP connection die together, each hearing of it in its own time. */
export interface Connection {
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
