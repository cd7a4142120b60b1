import { EnsembleConfig, epochOf, invariant, PacketType, parseProposal } from '@zk/protocol';
import type { Proposal, QuorumPacket, Sid, Zxid } from '@zk/protocol';
import { CommittedLog, Leader, Learner } from '../src/index.ts';
import type { Epochs, LeaderEffect, LeaderInput, LearnerEffect, LearnerInput, LinkId } from '../src/index.ts';
import { configOf, sid, txnAt, z } from './support.ts';

const VOTERS = [1, 2, 3];
const OBSERVERS = [4];
/** Short, so that SNAP happens as well. */
const COMMITTED_LOG_COUNT = 4;

/** A message on a link: a packet, or the tree behind SNAP. */
type Message = { packet: QuorumPacket } | { image: Proposal[]; zxid: Zxid };

/** Both directions of one connection; a closed one delivers nothing more. */
interface Link {
  readonly id: LinkId;
  readonly leader: Member;
  readonly learner: Member;
  readonly toLeader: Message[];
  readonly toLearner: Message[];
  open: boolean;
}

/** What is on the disk; a write is durable when it takes effect, and a crash loses those that have not. */
interface Disk {
  history: Proposal[];
  /** The zxid up to which `history` came as an image: it cannot be cut in there. */
  imageZxid: Zxid;
  epochs: Epochs;
}

interface Write {
  readonly run: () => void;
  readonly done: (() => void) | null;
}

/** One server: the state a crash leaves behind, and the role it plays until then. */
class Member {
  readonly sid: Sid;
  readonly isVoter: boolean;
  readonly #ensemble: Ensemble;
  disk: Disk = { history: [], imageZxid: z('0'), epochs: { accepted: 0n, current: 0n } };
  writes: Write[] = [];
  tree: Proposal[] = [];
  treeZxid: Zxid = z('0');
  committed = new CommittedLog(COMMITTED_LOG_COUNT);
  alive = true;
  isTrusted = true;
  role: Leader | Learner | null = null;
  isServing = false;
  link: Link | null = null;

  constructor(ensemble: Ensemble, n: number) {
    this.#ensemble = ensemble;
    this.sid = sid(n);
    this.isVoter = VOTERS.includes(n);
  }

  get isLooking(): boolean {
    return this.alive && this.role === null;
  }

  get durableZxid(): Zxid {
    const last = this.disk.history.at(-1)?.zxid ?? z('0');
    return last > this.disk.imageZxid ? last : this.disk.imageZxid;
  }

  /** The tree as the disk has it: a member that is LOOKING has applied its whole log. */
  recover(): void {
    this.writes = [];
    this.role = null;
    this.isServing = false;
    this.link = null;
    this.tree = [...this.disk.history];
    this.treeZxid = this.durableZxid;
    this.committed = new CommittedLog(COMMITTED_LOG_COUNT);
    for (const proposal of this.tree) if (proposal.zxid > this.disk.imageZxid) this.committed.add(proposal);
  }

  crash(): void {
    this.#ensemble.cutLinksOf(this);
    this.alive = false;
    this.recover();
  }

  /** Leaving a role: what was handed to the disk gets there, then the log is applied (quorum.md 8.5). */
  leave(): void {
    const { role } = this;
    if (!role) return;
    this.#ensemble.cutLinksOf(this);
    for (const write of this.writes) write.run();
    if (this.isServing) {
      const expected = [...this.tree, ...role.uncommitted()];
      invariant(same(expected, this.disk.history), 'tree and uncommitted proposals are what is on disk');
    }
    this.recover();
  }

  lead(): void {
    const { tree, disk, sid } = this;
    this.role = new Leader({
      sid, config: this.#ensemble.config, tickMs: 1000, initLimit: 10, syncLimit: 5, epochs: disk.epochs,
      lastLogged: this.treeZxid, standalone: false,
      history: {
        lastZxid: () => this.treeZxid,
        committed: this.committed,
        readLog: (from) => (this.disk.imageZxid > from || tree.length % 2 === 0 ? null : tree.filter(({ zxid }) => zxid > this.disk.imageZxid)),
        logSizeFrom: () => 0,
        newestImageSize: () => 0,
      },
    });
    this.feedLeader({ kind: 'start' });
  }

  follow(leader: Member): void {
    this.role = new Learner({
      sid: this.sid, role: this.isVoter ? 'follower' : 'observer', config: this.#ensemble.config, tickMs: 1000, initLimit: 10,
      syncLimit: 5, epochs: this.disk.epochs, lastLogged: this.isTrusted ? this.treeZxid : z('-1'), committed: this.committed,
      takeTouched: () => [],
    });
    this.link = this.#ensemble.connect(leader, this);
    leader.feedLeader({ kind: 'linked', link: this.link.id, remote: String(this.sid) });
    this.feedLearner({ kind: 'linked' });
  }

  feedLeader(input: LeaderInput): void {
    if (!(this.role instanceof Leader)) return;
    for (const effect of this.role.step(input, 0)) this.#performAsLeader(effect);
  }

  feedLearner(input: LearnerInput): void {
    if (!(this.role instanceof Learner)) return;
    for (const effect of this.role.step(input, 0)) this.#performAsLearner(effect);
  }

  propose(value: number): void {
    if (!(this.role instanceof Leader) || !this.isServing) return;
    const zxid = this.role.nextZxid();
    if (zxid !== null) this.feedLeader({ kind: 'propose', proposal: txnAt(zxid, value) });
  }

  /** The next write takes effect; a run of appends may be covered by one fsync. */
  completeWrite(): void {
    const write = this.writes.shift();
    write?.run();
    write?.done?.();
  }

  #write(run: () => void, done: (() => void) | null): void {
    this.writes.push({ run, done });
  }

  #saveEpochs(epochs: Partial<Epochs>, done: () => void): void {
    this.#write(() => {
      const next = { ...this.disk.epochs, ...epochs };
      invariant(next.accepted >= this.disk.epochs.accepted && next.current >= this.disk.epochs.current, 'EpochMonotonic');
      invariant(next.current <= next.accepted, 'EpochMonotonic: currentEpoch <= acceptedEpoch');
      this.disk.epochs = next;
    }, done);
  }

  #append(proposal: Proposal, done: () => void): void {
    this.#write(() => {
      invariant(proposal.zxid > this.durableZxid, 'logs grow at their end', { zxid: proposal.zxid });
      this.disk.history.push(proposal);
    }, done);
  }

  #apply(proposal: Proposal): void {
    invariant(proposal.zxid > (this.tree.at(-1)?.zxid ?? -1n), 'TotalOrder', { zxid: proposal.zxid });
    this.tree.push(proposal);
    this.treeZxid = proposal.zxid;
  }

  #performAsLeader(effect: LeaderEffect): void {
    switch (effect.kind) {
      case 'send': return this.#ensemble.send(effect.link, 'toLearner', { packet: effect.packet });
      case 'sendImage': {
        const packet = { type: PacketType.SNAP, zxid: this.treeZxid, data: null, authinfo: null };
        this.#ensemble.send(effect.link, 'toLearner', { packet });
        return this.#ensemble.send(effect.link, 'toLearner', { image: [...this.tree], zxid: this.treeZxid });
      }
      case 'disconnect': return this.#ensemble.cut(effect.link);
      case 'saveEpochs': return this.#saveEpochs(effect.epochs, () => this.feedLeader({ kind: 'epochsSaved' }));
      case 'append': {
        const { zxid } = effect.proposal;
        return this.#append(effect.proposal, () => this.feedLeader({ kind: 'persisted', zxid }));
      }
      case 'commit':
        this.#apply(effect.proposal);
        return this.#ensemble.leaderCommitted(this);
      case 'serve':
        this.treeZxid = effect.lastZxid;
        this.isServing = true;
        return this.#ensemble.leaderServes(this, effect.epoch);
      case 'stepDown': return this.leave();
      default: throw new Error(`nobody asked for ${effect.kind}`);
    }
  }

  #performAsLearner(effect: LearnerEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#checkAck(effect.packet);
        return this.#ensemble.send(this.link!.id, 'toLeader', { packet: effect.packet });
      case 'saveEpochs': return this.#saveEpochs(effect.epochs, () => this.feedLearner({ kind: 'epochsSaved' }));
      case 'append': {
        const { zxid } = effect.proposal;
        return this.#append(effect.proposal, () => this.feedLearner({ kind: 'persisted', zxid }));
      }
      case 'flush': return this.#write(() => {}, () => this.feedLearner({ kind: 'flushed' }));
      case 'truncate': return this.#truncate(effect.to);
      case 'saveImage': return this.#saveImage();
      case 'commit':
        this.#apply(effect.proposal);
        return this.isServing ? this.#ensemble.learnerCommitted(this) : undefined;
      case 'serve':
        this.isServing = true;
        return this.#ensemble.learnerCommitted(this);
      case 'lost':
        if (effect.remains === 'distrusted' || effect.remains === 'uncut') this.isTrusted = false;
        return this.leave();
      default: throw new Error(`nobody asked for ${effect.kind}`);
    }
  }

  #truncate(to: Zxid): void {
    let isPossible = true;
    this.#write(() => {
      isPossible = this.disk.imageZxid <= to;
      if (isPossible) this.disk.history = this.disk.history.filter(({ zxid }) => zxid <= to);
    }, () => {
      if (isPossible) {
        this.tree = [...this.disk.history];
        this.treeZxid = this.durableZxid;
      }
      this.feedLearner({ kind: 'truncated', lastZxid: isPossible ? this.durableZxid : null });
    });
  }

  #saveImage(): void {
    const history = [...this.tree];
    const imageZxid = this.treeZxid;
    this.#write(() => {
      this.disk.history = history;
      this.disk.imageZxid = imageZxid;
      this.isTrusted = true;
    }, () => this.feedLearner({ kind: 'imageSaved' }));
  }

  /** AckDurable: what an ACK promises is on disk when it leaves. */
  #checkAck({ type, zxid }: QuorumPacket): void {
    if (type === PacketType.ACKEPOCH) invariant(this.disk.epochs.accepted === (this.role as Learner).epoch, 'promised on disk');
    if (type !== PacketType.ACK) return;
    invariant(this.disk.epochs.current === epochOf(zxid as Zxid), 'AckDurable: the epoch');
    invariant(same(this.tree, this.disk.history.slice(0, this.tree.length)) || this.isServing, 'AckDurable: the synced history');
    const isNewLeader = (zxid & 0xffffffffn) === 0n;
    invariant(isNewLeader || this.disk.history.some((proposal) => proposal.zxid === zxid), 'AckDurable: the txn', { zxid });
  }
}

/** Members wired to one another through FIFO links, under the invariants of quorum.md 18.1. Who may lead is decided from outside. */
export class Ensemble {
  readonly config: EnsembleConfig = configOf(VOTERS, OBSERVERS);
  readonly members: Member[] = [...VOTERS, ...OBSERVERS].map((n) => new Member(this, n));
  /** What leaders have committed, in order: the one history everybody must agree on. */
  committed: Proposal[] = [];
  #links = new Map<LinkId, Link>();
  #nextLink = 1;
  readonly #established = new Map<bigint, Sid>();

  get links(): Link[] {
    return [...this.#links.values()];
  }

  get voters(): Member[] {
    return this.members.filter(({ isVoter }) => isVoter);
  }

  connect(leader: Member, learner: Member): Link {
    const link: Link = { id: this.#nextLink++, leader, learner, toLeader: [], toLearner: [], open: true };
    this.#links.set(link.id, link);
    return link;
  }

  send(id: LinkId, direction: 'toLeader' | 'toLearner', message: Message): void {
    this.#links.get(id)?.[direction].push(message);
  }

  deliver(link: Link, direction: 'toLeader' | 'toLearner'): void {
    const message = link[direction].shift();
    if (!message || !link.open) return;
    if (direction === 'toLeader') {
      if ('packet' in message) link.leader.feedLeader({ kind: 'packet', link: link.id, packet: message.packet });
    } else if ('packet' in message) link.learner.feedLearner({ kind: 'packet', packet: message.packet });
    else {
      link.learner.tree = message.image.map(({ bytes }) => parseProposal(bytes));
      link.learner.treeZxid = message.zxid;
      link.learner.feedLearner({ kind: 'imageReceived', zxid: message.zxid });
    }
  }

  /** Both ends notice. */
  cut(id: LinkId): void {
    const link = this.#links.get(id);
    if (!link) return;
    this.#links.delete(id);
    link.open = false;
    link.leader.feedLeader({ kind: 'unlinked', link: id });
    link.learner.feedLearner({ kind: 'unlinked' });
  }

  /** The member itself is past noticing. */
  cutLinksOf(member: Member): void {
    member.role = null;
    for (const { id, leader, learner } of this.links) if (leader === member || learner === member) this.cut(id);
  }

  /** What an election would do: of a quorum of voters that are LOOKING, the one with the most recent history wins. */
  elect(pick: number): void {
    const looking = this.voters.filter((member) => member.isLooking && member.isTrusted);
    const unheard = looking.length === VOTERS.length ? looking[pick % (2 * VOTERS.length)] : undefined;
    const electors = looking.filter((member) => member !== unheard);
    if (!this.config.isQuorum(new Set(electors.map((member) => member.sid)))) return;
    electors.reduce((best, member) => (isMoreRecent(member, best) ? member : best)).lead();
  }

  /** To any leader there is, established or not, deposed or not: a vote may be old. */
  join(member: Member, pick: number): void {
    const leaders = this.members.filter(({ role }) => role instanceof Leader);
    const leader = leaders[pick % leaders.length];
    if (leader && member.isLooking) member.follow(leader);
  }

  leaderServes(leader: Member, epoch: bigint): void {
    invariant(!this.#established.has(epoch), 'Leadership: one leader per epoch', { epoch });
    this.#established.set(epoch, leader.sid);
    invariant(isPrefix(this.committed, leader.tree), 'LeaderComplete', { epoch });
    this.#commitAll(leader);
  }

  leaderCommitted(leader: Member): void {
    // A deposed leader that has not noticed yet may be behind, but can never be elsewhere.
    invariant(isPrefix(this.committed, leader.tree) || isPrefix(leader.tree, this.committed), 'PrefixConsistency at the leader');
    this.#commitAll(leader);
  }

  learnerCommitted(learner: Member): void {
    invariant(isPrefix(learner.tree, this.committed), 'PrefixConsistency at a learner', { sid: learner.sid });
  }

  /** CommitQuorum and CommittedNotTruncated: at any time a quorum of disks holds all that was ever committed. */
  check(): void {
    const holders = this.voters.filter(({ disk }) => isPrefix(this.committed, disk.history)).map((member) => member.sid);
    invariant(this.config.isQuorum(new Set(holders)), 'CommitQuorum', { holders });
  }

  #commitAll(leader: Member): void {
    if (leader.tree.length > this.committed.length) this.committed = [...leader.tree];
    this.check();
  }
}

function isMoreRecent(a: Member, b: Member): boolean {
  if (a.disk.epochs.current !== b.disk.epochs.current) return a.disk.epochs.current > b.disk.epochs.current;
  return a.treeZxid !== b.treeZxid ? a.treeZxid > b.treeZxid : a.sid > b.sid;
}

function same(a: readonly Proposal[], b: readonly Proposal[]): boolean {
  return a.length === b.length && isPrefix(a, b);
}

function isPrefix(shorter: readonly Proposal[], longer: readonly Proposal[]): boolean {
  return shorter.length <= longer.length && shorter.every(({ bytes }, i) => bytes.equals(longer[i]!.bytes));
}
