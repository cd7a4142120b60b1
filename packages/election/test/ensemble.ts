import { asSid, ServerState } from '@zk/protocol';
import type { EnsembleConfig, Notification, Sid } from '@zk/protocol';
import { Election } from '@zk/election';
import type { ElectionEffect, ElectionInput } from '@zk/election';

/** What a server would bring to the ensemble if it led. */
export interface History {
  epoch: bigint;
  zxid: bigint;
}

interface Member {
  sid: Sid;
  history: History;
  election: Election;
  /** Grows with each crash: what was meant for a former life is void. */
  life: number;
  isUp: boolean;
  /** Grows with each change of role. */
  term: number;
}

interface Pair {
  isBlocked: boolean;
  isConnected: boolean;
  /** Grows with each connection: what was under way on a former one is lost. */
  incarnation: number;
  /** The newest message to each side that waits for a connection, as Apache's queue of one (quorum.md 2.5). */
  waiting: Map<Sid, Notification>;
  /** Each direction is FIFO. */
  lastArrival: Map<Sid, number>;
}

const ROLE_CHECK_MS = 1000;
const { FOLLOWING, LEADING } = ServerState;

/**
 * Election machines on a made-up network with made-up time, all chance from one seed. The later phases of Zab are
 * played in the crudest way: a leader without a quorum of followers, and a follower without a leader, look again.
 */
export class Ensemble {
  readonly config: EnsembleConfig;
  readonly members = new Map<Sid, Member>();
  readonly #pairs = new Map<string, Pair>();
  readonly #random: () => number;
  readonly #maxDelayMs: number;
  #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  now = 0;
  /** When the last message was sent. */
  lastSent = 0;

  constructor(config: EnsembleConfig, histories: History[], random: () => number, maxDelayMs: number) {
    this.config = config;
    this.#random = random;
    this.#maxDelayMs = maxDelayMs;
    [...config.servers.keys()].forEach((sid, i) => {
      this.members.set(sid, { sid, history: histories[i % histories.length]!, election: this.#machine(sid), life: 0, isUp: false, term: 0 });
    });
  }

  /** A whole number below the limit. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  start(sid: Sid): void {
    const member = this.#member(sid);
    if (member.isUp) return;
    member.isUp = true;
    member.election = this.#machine(sid);
    this.#feed(member, { kind: 'look', lastLogged: member.history.zxid, currentEpoch: member.history.epoch });
  }

  crash(sid: Sid): void {
    const member = this.#member(sid);
    member.isUp = false;
    member.life++;
    for (const other of this.members.keys()) if (other !== sid) this.cut(sid, other);
  }

  /** Breaks a connection; what is under way is lost. The next message dials again. */
  cut(a: Sid, b: Sid): void {
    const pair = this.#pair(a, b);
    if (!pair.isConnected) return;
    pair.isConnected = false;
    pair.incarnation++;
    this.#tellLater(a, { kind: 'unreachable', sid: b });
    this.#tellLater(b, { kind: 'unreachable', sid: a });
  }

  block(a: Sid, b: Sid, isBlocked: boolean): void {
    this.#pair(a, b).isBlocked = isBlocked;
    if (isBlocked) this.cut(a, b);
  }

  /** Runs everything that happens until then. */
  runUntil(time: number, check: () => void = () => {}): void {
    for (;;) {
      const next = this.#events.reduce((min, event) => (event.at < min.at || (event.at === min.at && event.order < min.order) ? event : min), { at: Infinity, order: 0, run: () => {} });
      if (next.at > time) break;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.now = next.at;
      next.run();
      check();
    }
    this.now = time;
  }

  at(time: number, run: () => void): void {
    this.#events.push({ at: time, order: this.#order++, run });
  }

  /** Leaders whom, at this moment, a quorum follows. */
  leadersWithQuorum(): Sid[] {
    return [...this.members.values()].filter((member) => this.#leads(member)).map(({ sid }) => sid);
  }

  #leads({ sid, isUp, election }: Member): boolean {
    return isUp && election.state === LEADING && this.config.isQuorum(new Set([sid, ...this.#followersOf(sid)]));
  }

  #followersOf(leader: Sid): Sid[] {
    return [...this.members.values()]
      .filter(({ isUp, election }) => isUp && election.state === FOLLOWING && election.vote.leader === leader)
      .map(({ sid }) => sid);
  }

  #machine(sid: Sid): Election {
    const role = this.config.observers.has(sid) ? 'observer' : 'participant';
    return new Election({ sid, config: this.config, role });
  }

  #member(sid: Sid): Member {
    const member = this.members.get(sid);
    if (!member) throw new Error(`no server ${sid}`);
    return member;
  }

  #pair(a: Sid, b: Sid): Pair {
    const key = [a, b].sort().join();
    let pair = this.#pairs.get(key);
    if (!pair) {
      pair = { isBlocked: false, isConnected: false, incarnation: 0, waiting: new Map(), lastArrival: new Map() };
      this.#pairs.set(key, pair);
    }
    return pair;
  }

  #delay(): number {
    return 1 + this.below(this.#maxDelayMs);
  }

  #feed(member: Member, input: ElectionInput): void {
    if (!member.isUp) return;
    for (const effect of member.election.step(input, this.now)) this.#perform(member, effect);
    const deadline = member.election.nextDeadline();
    if (deadline < Infinity) this.#later(member, Math.max(deadline - this.now, 0), () => this.#tick(member));
  }

  #tick(member: Member): void {
    if (member.election.nextDeadline() <= this.now) this.#feed(member, { kind: 'tick' });
  }

  #later(member: Member, ms: number, run: () => void): void {
    const { life } = member;
    this.at(this.now + ms, () => {
      if (member.life === life && member.isUp) run();
    });
  }

  #tellLater(sid: Sid, input: ElectionInput): void {
    const member = this.#member(sid);
    this.#later(member, this.#delay(), () => this.#feed(member, input));
  }

  #perform(member: Member, effect: ElectionEffect): void {
    if (effect.kind === 'notify') this.#send(member.sid, effect.to, effect.message);
    if (effect.kind !== 'elected') return;
    const term = ++member.term;
    this.#later(member, ROLE_CHECK_MS, () => this.#checkRole(member, term));
  }

  #checkRole(member: Member, term: number): void {
    if (member.term !== term) return;
    const leader = this.members.get(asSid(member.election.vote.leader));
    const isFine = leader !== undefined && this.#leads(leader) && !this.#isBlocked(member.sid, leader.sid);
    if (!isFine) {
      member.term++;
      this.#feed(member, { kind: 'look', lastLogged: member.history.zxid, currentEpoch: member.history.epoch });
      return;
    }
    this.#feed(member, { kind: 'established', epoch: leader.history.epoch + 1n });
    this.#later(member, ROLE_CHECK_MS, () => this.#checkRole(member, term));
  }

  #isBlocked(a: Sid, b: Sid): boolean {
    return a !== b && this.#pair(a, b).isBlocked;
  }

  #send(from: Sid, to: Sid, message: Notification): void {
    this.lastSent = this.now;
    const pair = this.#pair(from, to);
    if (pair.isConnected) return this.#transmit(pair, from, to, message);
    pair.waiting.set(to, message);
    this.at(this.now + this.#delay(), () => this.#dial(pair, from, to));
  }

  #dial(pair: Pair, from: Sid, to: Sid): void {
    if (pair.isConnected || !this.#member(from).isUp) return;
    if (pair.isBlocked || !this.#member(to).isUp) return this.#feed(this.#member(from), { kind: 'unreachable', sid: to });
    pair.isConnected = true;
    pair.lastArrival.clear();
    for (const [receiver, message] of pair.waiting) this.#transmit(pair, receiver === to ? from : to, receiver, message);
    pair.waiting.clear();
    this.#feed(this.#member(from), { kind: 'connected', sid: to });
    this.#feed(this.#member(to), { kind: 'connected', sid: from });
  }

  #transmit(pair: Pair, from: Sid, to: Sid, message: Notification): void {
    const { incarnation } = pair;
    const arrival = Math.max(this.now + this.#delay(), pair.lastArrival.get(to) ?? 0);
    pair.lastArrival.set(to, arrival);
    this.at(arrival, () => {
      if (pair.incarnation === incarnation) this.#feed(this.#member(to), { kind: 'notification', from, message });
    });
  }
}
