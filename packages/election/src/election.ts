import { EnsembleConfig, JointQuorum, NO_VOTE, NOTIFICATION_VERSION, ServerState } from '@zk/protocol';
import type { Epoch, Millis, Notification, ServerRole, Sid } from '@zk/protocol';
import { Answers } from './answers.ts';
import type { ElectionEffect, ElectionInput, Role } from './effects.ts';
import { Tally } from './tally.ts';
import { supersedes } from './vote.ts';
import type { CastVote, Vote } from './vote.ts';

export interface ElectionOptions {
  sid: Sid;
  /** The committed config. */
  config: EnsembleConfig;
  /** A config proposed but not activated: while it is the newer one, a leader needs a quorum of both. */
  lastSeen?: EnsembleConfig | null;
  role: ServerRole;
  /** Whether newer configs that other servers gossip are adopted (Apache's reconfigEnabled); true by default. */
  adoptConfigs?: boolean;
  /** How long to wait before repeating the vote, at first and at most. Apache's 200 ms and 60 s by default. */
  minIntervalMs?: number;
  maxIntervalMs?: number;
  /** How long a quorum waits for a better vote from those it has not heard; Apache's 200 ms by default. */
  finalizeMs?: number;
  /** How often one peer is answered at most; 5 ms by default. */
  answerIntervalMs?: number;
}

/** An election under way: Apache's lookForLeader, from entry to return. */
interface Search {
  readonly lastLogged: bigint;
  readonly currentEpoch: Epoch;
  /** What we vote for unless we hear of something better. */
  readonly initial: Vote;
  /** False when our database came up empty unexpectedly: we may follow, but not elect (quorum.md 4.4). */
  readonly trusted: boolean;
  /** The votes of this round (recvset). */
  received: Tally;
  /** The votes of servers that have a leader, whatever their round (outofelection). */
  readonly outOfElection: Tally;
  /** Servers that told us of a leader in this search: what we had sent them they did not take for a vote. */
  readonly deaf: Set<Sid>;
  intervalMs: number;
  resendAt: Millis;
  /** When the quorum we have decides; Infinity while there is none. */
  finalizeAt: Millis;
}

/**
 * Fast leader election (quorum.md section 3), for as long as the member lives: it finds a leader after each 'look',
 * and in between tells those who look who leads.
 *
 * Safety does not rest here but on Zab's later phases. What rests here is that voters settle on one leader, soon, and
 * on the one with the most history.
 */
export class Election {
  readonly sid: Sid;
  readonly #options: Required<Omit<ElectionOptions, 'sid' | 'config' | 'lastSeen' | 'role'>>;
  readonly #answers: Answers;
  #config: EnsembleConfig;
  #lastSeen: EnsembleConfig | null;
  #role: ServerRole;
  #quorums: JointQuorum;
  #configText: string;
  #gossip: string | null = null; // the config text last examined: it need not be parsed again

  /** Null until the first 'look', and between 'left' and the next one: there is nothing to tell anyone. */
  #state: ServerState | null = null;
  #search: Search | null = null; // not null while LOOKING
  /** The newest of each server since we left; null when we have not. */
  #unread: Map<Sid, Notification> | null = null;
  #round = 0n; // Apache's logicalclock: starts again with each process (T18)
  #vote: Vote;
  /** Servers reported unreachable in this search and not heard since. */
  readonly #unreachable = new Set<Sid>();
  /** Servers that were there at some time of our life. */
  readonly #met = new Set<Sid>();

  /** Voters that look for a leader and have no history to vouch for (−1): they vote for nobody (quorum.md 4.4). */
  readonly #withoutHistory = new Set<Sid>();

  #now: Millis = 0;
  #effects: ElectionEffect[] = [];

  constructor(options: ElectionOptions) {
    const { sid, config, lastSeen = null, role, ...rest } = options;
    this.sid = sid;
    this.#config = config;
    this.#lastSeen = lastSeen;
    this.#role = role;
    this.#quorums = new JointQuorum(config, lastSeen);
    this.#configText = config.toText();
    this.#options = {
      adoptConfigs: rest.adoptConfigs ?? true,
      minIntervalMs: rest.minIntervalMs ?? 200,
      maxIntervalMs: rest.maxIntervalMs ?? 60_000,
      finalizeMs: rest.finalizeMs ?? 200,
      answerIntervalMs: rest.answerIntervalMs ?? 5,
    };
    this.#answers = new Answers(this.#options.answerIntervalMs);
    this.#vote = { leader: NO_VOTE, zxid: NO_VOTE, electionEpoch: 0n, peerEpoch: NO_VOTE };
  }

  /** The running proposal while LOOKING, the vote that found the leader afterwards. */
  get vote(): Vote {
    return this.#vote;
  }

  /** Null before the first 'look'. */
  get state(): ServerState | null {
    return this.#state;
  }

  /** The committed config, as far as this machine knows. */
  get config(): EnsembleConfig {
    return this.#config;
  }

  /** While LOOKING: the voters that are there and have lost their history, so that they count in no election. */
  get withoutHistory(): ReadonlySet<Sid> {
    return this.#withoutHistory;
  }

  /** Takes one input; the effects are to be performed in order. `now` is any clock that does not go backwards. */
  step(input: ElectionInput, now: Millis): ElectionEffect[] {
    this.#now = now;
    this.#effects = [];
    switch (input.kind) {
      case 'look':
        this.#look(input.lastLogged, input.currentEpoch);
        break;
      case 'left':
        this.#leave();
        break;
      case 'notification':
        this.#notified(input.from, input.message);
        break;
      case 'connected':
        this.#connected(input.sid);
        break;
      case 'unreachable':
        this.#unreachable.add(input.sid);
        this.#withoutHistory.delete(input.sid);
        this.#decide();
        break;
      case 'established':
        // Late joiners compare epochs, so they must all hear the established one (T19, ZOOKEEPER-1732).
        if (!this.#search) this.#vote = { ...this.#vote, peerEpoch: input.epoch };
        break;
      case 'appointed':
        this.#enter(input.state, input.vote);
        break;
      case 'reconfigured':
        this.#reconfigure(input.config, input.lastSeen);
        break;
      case 'tick':
        this.#tick();
        break;
    }
    return this.#effects;
  }

  /** When a 'tick' is wanted; Infinity when none is. */
  nextDeadline(): Millis {
    const { resendAt = Infinity, finalizeAt = Infinity } = this.#search ?? {};
    return Math.min(resendAt, finalizeAt, this.#answers.nextDeadline());
  }

  #look(lastLogged: bigint, currentEpoch: Epoch): void {
    this.#state = ServerState.LOOKING;
    this.#unreachable.clear(); // what we send now makes the transport find out again
    this.#search = {
      lastLogged,
      currentEpoch,
      initial: this.#initialVote(lastLogged, currentEpoch),
      trusted: lastLogged !== -1n,
      received: new Tally(),
      outOfElection: new Tally(),
      deaf: new Set(),
      intervalMs: this.#options.minIntervalMs,
      resendAt: this.#now + this.#options.minIntervalMs,
      finalizeAt: Infinity,
    };
    this.#propose(this.#search.initial, this.#round + 1n);
    this.#decide(); // a lone voter needs nobody else
    this.#catchUp();
  }

  /**
   * Two that look would for ever take turns in following a leader that still says it leads, and each other's word for it,
   * if this lasted. What they send meanwhile counts when we look, as it does in Apache, where it waits in a queue.
   */
  #leave(): void {
    this.#state = null;
    this.#search = null;
    this.#unread = new Map();
  }

  #catchUp(): void {
    const unread = this.#unread ?? [];
    this.#unread = null;
    for (const [from, message] of unread) this.#notified(from, message);
  }

  /** A joiner or removed server votes for nobody, yet tells its history; an observer tells nothing (quorum.md 3.1). */
  #initialVote(lastLogged: bigint, currentEpoch: Epoch): Vote {
    const leader = this.#config.voters.has(this.sid) ? this.sid : NO_VOTE;
    if (this.#role === 'observer') return { leader, zxid: NO_VOTE, electionEpoch: 0n, peerEpoch: NO_VOTE };
    return { leader, zxid: lastLogged, electionEpoch: 0n, peerEpoch: currentEpoch };
  }

  #notified(from: Sid, message: Notification): void {
    if (this.#state === null || from === this.sid) {
      this.#unread?.set(from, message);
      return;
    }
    this.#meet(from);
    if (this.#search) this.#considerConfig(message.config);
    const isLooking = message.state === ServerState.LOOKING;
    if (!isLooking) this.#search?.deaf.add(from);
    if (this.#search && isLooking && message.zxid === -1n && this.#isVoter(from)) this.#withoutHistory.add(from);
    else this.#withoutHistory.delete(from);
    if (isLooking && this.#needsAnswer(from, message)) this.#answer(from);
    if (!this.#search || !this.#isVoter(from)) return;
    const isForNobody = isLooking && message.leader === NO_VOTE;
    if (isForNobody || this.#isVoter(message.leader)) this.#count(this.#search, from, message); // T25
  }

  /**
   * Of those who look, all want to hear of a leader; without one, those who cannot know our vote (quorum.md 3.4). Among
   * them, unlike in Apache, is one that still had a leader when our vote came: it would wait for us to repeat it.
   */
  #needsAnswer(from: Sid, message: Notification): boolean {
    if (!this.#search) return true;
    const wasDeaf = this.#search.deaf.delete(from);
    // While looking ourselves, only a vote that counts is worth telling: an observer and a voter that has not begun its
    // round would answer each other for ever (T23).
    if (!this.#isVoter(this.sid)) return false;
    return wasDeaf || !this.#isVoter(from) || message.electionEpoch < this.#round;
  }

  #count(search: Search, from: Sid, message: Notification): void {
    switch (message.state) {
      case ServerState.LOOKING:
        this.#countLooking(search, from, message);
        return this.#decide();
      case ServerState.FOLLOWING:
      case ServerState.LEADING:
        return this.#countSettled(search, from, message);
      case ServerState.OBSERVING:
        return; // a voter of our config that observes votes for nothing
    }
  }

  #countLooking(search: Search, from: Sid, message: Notification): void {
    if (!search.trusted || message.zxid === -1n) return; // an untrusted database takes no part in electing
    if (message.electionEpoch < this.#round) return; // answered above; its vote belongs to a past round
    if (message.electionEpoch > this.#round) {
      // Also when it is for nobody, unlike Apache: a voter to be may be needed for the joint quorum, and it hears no
      // one below its round.
      search.received = new Tally();
      this.#propose(this.#isBetter(message, search.initial) ? message : search.initial, message.electionEpoch);
    } else if (this.#isBetter(message, this.#vote)) {
      this.#propose(message, this.#round);
    }
    search.received.record(from, castVote(message, 0));
  }

  /** A vote from a server that has found a leader: join it there once a quorum and the leader itself agree. */
  #countSettled(search: Search, from: Sid, message: Notification): void {
    if (message.electionEpoch === this.#round) {
      // Format 0 hides the epoch: within the round, followers agree before and after the epoch is established.
      search.received.record(from, castVote(message, 0));
      if (this.#canJoin(search.received, message)) return this.#join(message);
    }
    search.outOfElection.record(from, castVote(message, message.version));
    if (this.#canJoin(search.outOfElection, message)) return this.#join(message);
    this.#decide(); // its former vote may have been part of our quorum
  }

  #canJoin(votes: Tally, message: Notification): boolean {
    const leads = message.leader === this.sid ? message.electionEpoch === this.#round : votes.leads(message.leader);
    return leads && this.#quorums.isQuorum(votes.supporters(castVote(message, message.version)));
  }

  #join(message: Notification): void {
    this.#round = message.electionEpoch;
    this.#enter(this.#roleUnder(message.leader), voteOf(message, message.electionEpoch));
  }

  /** Takes up a proposal, tells all voters, and counts our own vote. */
  #propose(vote: Vote, round: bigint): void {
    this.#round = round;
    this.#vote = voteOf(vote, round);
    if (this.#search) this.#search.finalizeAt = Infinity;
    this.#broadcast();
    if (!this.#search?.trusted || !this.#isVoter(this.sid) || !this.#isVoter(vote.leader)) return;
    this.#search.received.record(this.sid, this.#ballot());
  }

  /** Decides for the running proposal when a quorum has voted for it and nobody can better it, or time is up. */
  #decide(): void {
    const search = this.#search;
    if (!search || !this.#isVoter(this.#vote.leader)) return;
    if (!this.#quorums.isQuorum(search.received.supporters(this.#ballot()))) {
      search.finalizeAt = Infinity;
      return;
    }
    search.finalizeAt = Math.min(search.finalizeAt, this.#now + this.#options.finalizeMs);
    if (this.#now < search.finalizeAt && !this.#nobodyCanBetter(search)) return;
    this.#enter(this.#roleUnder(this.#vote.leader), this.#vote);
  }

  /**
   * Apache always waits 200 ms for votes it has not heard. There is nothing to wait for when each voter votes for this
   * leader in this round (so its own history is no better), cannot be elected, or is gone and the leader is not.
   * Waited for are a voter that still follows someone, since it may come looking any moment, and one that has not been
   * there since we started: the whole ensemble may be starting.
   */
  #nobodyCanBetter(search: Search): boolean {
    if (this.#unreachable.has(this.#vote.leader as Sid)) return false;
    const agreed = search.received.supporters(this.#ballot());
    return [...this.#quorums.voters].every(
      (sid) => agreed.has(sid) || this.#config.weightOf(sid) === 0 || (this.#unreachable.has(sid) && this.#met.has(sid)),
    );
  }

  #enter(role: Role, vote: Vote): void {
    this.#search = null;
    this.#unread = null;
    this.#withoutHistory.clear(); // a leader gives it back
    this.#state = ServerState[role];
    this.#vote = vote;
    this.#effects.push({ kind: 'elected', vote, state: role });
  }

  #roleUnder(leader: bigint): Role {
    if (leader === this.sid) return 'LEADING';
    return this.#role === 'observer' ? 'OBSERVING' : 'FOLLOWING';
  }

  /** Whatever was sent before may have been lost with the former connection (T22). */
  #connected(sid: Sid): void {
    this.#meet(sid);
    if (this.#state !== null && this.#isVoter(sid) && (this.#search || this.#isVoter(this.sid))) this.#answer(sid);
  }

  #meet(sid: Sid): void {
    this.#unreachable.delete(sid);
    this.#met.add(sid);
  }

  #tick(): void {
    for (const sid of this.#answers.due(this.#now)) this.#notify(sid);
    this.#decide();
    const search = this.#search;
    if (!search || this.#now < search.resendAt) return;
    search.intervalMs = Math.min(2 * search.intervalMs, this.#options.maxIntervalMs); // never shorter again (T22)
    search.resendAt = this.#now + search.intervalMs;
    this.#broadcast();
  }

  /** While LOOKING, a newer config is used at once; if it has other members, the election starts over with them. */
  #considerConfig(text: string | null): void {
    if (text === null || text === this.#gossip || !this.#options.adoptConfigs) return;
    this.#gossip = text;
    const config = parseConfig(text);
    if (!config || config.version <= this.#config.version) return;
    this.#effects.push({ kind: 'adoptConfig', config });
    this.#reconfigure(config, this.#lastSeen);
  }

  #reconfigure(config: EnsembleConfig, lastSeen: EnsembleConfig | null): void {
    const votersBefore = this.#quorums.voters;
    const isSame = this.#config.sameMembers(config);
    this.#config = config;
    this.#lastSeen = lastSeen;
    this.#quorums = new JointQuorum(config, lastSeen);
    this.#configText = config.toText();
    this.#role = config.observers.has(this.sid) ? 'observer' : 'participant'; // absent: a non-voting follower (13.5)
    const search = this.#search;
    if (!search || (isSame && sameSids(votersBefore, this.#quorums.voters))) return;
    this.#look(search.lastLogged, search.currentEpoch);
  }

  #broadcast(): void {
    for (const sid of this.#quorums.voters) {
      if (sid === this.sid) continue;
      this.#answers.settle(sid);
      this.#notify(sid);
    }
  }

  #answer(sid: Sid): void {
    if (this.#answers.allows(sid, this.#now)) this.#notify(sid);
  }

  /**
   * Tells one server our newest vote. Apache tells non-voters the outcome of the last election even while it holds
   * another, and has observers chase a leader that is gone (T24); they too get the running proposal from us.
   */
  #notify(to: Sid): void {
    if (this.#state === null) return;
    const electionEpoch = this.#isVoter(to) ? this.#vote.electionEpoch : this.#round;
    const message: Notification = {
      ...this.#vote,
      electionEpoch,
      state: this.#state,
      version: NOTIFICATION_VERSION,
      config: this.#configText,
    };
    this.#effects.push({ kind: 'notify', to, message });
  }

  #ballot(): CastVote {
    return { ...this.#vote, state: ServerState.LOOKING, version: 0 };
  }

  #isVoter(sid: bigint): boolean {
    return this.#quorums.voters.has(sid as Sid);
  }

  #isBetter(vote: Vote, other: Vote): boolean {
    return this.#isVoter(vote.leader) && supersedes(vote, other, (sid) => this.#config.weightOf(sid));
  }
}

function voteOf({ leader, zxid, peerEpoch }: Vote, electionEpoch: bigint): Vote {
  return { leader, zxid, electionEpoch, peerEpoch };
}

function castVote(message: Notification, version: number): CastVote {
  return { ...voteOf(message, message.electionEpoch), state: message.state, version };
}

/** What does not parse is not adopted; the vote that came with it is as good as any (T27). */
function parseConfig(text: string): EnsembleConfig | null {
  try {
    return EnsembleConfig.parse(text);
  } catch {
    return null;
  }
}

function sameSids(a: ReadonlySet<Sid>, b: ReadonlySet<Sid>): boolean {
  return a.size === b.size && [...a].every((sid) => b.has(sid));
}
