import { EnsembleConfig, type SessionId, type Sid } from '@zk/protocol';
import { freePorts } from './free-ports.ts';
import { Member, sidOf, type MemberHost, type Seat } from './member.ts';
import { describeSession, EmbeddingError, sessionIdOf, type EmbeddingOptions, type SessionName } from './options.ts';
import { Progress } from './progress.ts';

const PATIENCE_MS = 30_000;

export interface GroupOptions extends EmbeddingOptions {
  readonly participants: number;
  readonly observers: number;
  /** Of a server on its own; any free one unless given. */
  readonly clientPort?: number;
}

/** The servers of one `startServer()` or `startEnsemble()`, and which of them cannot see each other. */
export class Group implements MemberHost {
  readonly options: EmbeddingOptions;
  readonly members: readonly Member[];
  readonly serverLines: readonly string[];
  readonly #ensemble: EnsembleConfig | null;
  readonly #progress = new Progress();
  readonly #cuts = new Map<Member, Set<Member>>();

  private constructor(options: GroupOptions, seats: readonly Seat[]) {
    this.options = options;
    this.serverLines = seats.length === 1 ? [] : seats.map(serverLine);
    this.#ensemble = seats.length === 1 ? null : EnsembleConfig.parse(this.serverLines.join('\n'));
    this.members = seats.map((seat) => new Member(seats.length === 1 ? { ...seat, sid: 0 } : seat, this));
  }

  /** Starts every member; resolves when all of them serve. */
  static async start(options: GroupOptions): Promise<Group> {
    const group = new Group(options, await takeSeats(options));
    try {
      await Promise.all(group.members.map((member) => member.boot()));
      await group.settled();
    } catch (error) {
      await group.stop();
      throw error;
    }
    return group;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.shutDown()));
  }

  changed(): void {
    this.#progress.changed();
  }

  /** Resolves when every server serves that can, under one leader, and no server serves that cannot. */
  async settled(): Promise<void> {
    await this.#until(() => this.#isSettled(), () => 'the servers have not settled');
  }

  async expireSession(name: SessionName): Promise<void> {
    const session = sessionIdOf(name);
    await this.settled();
    if (!this.#isKnown(session)) throw new EmbeddingError(`no server knows ${describeSession(session)}`);
    // Each is told: a global session's time runs on the leader, a local one's where its client is.
    for (const member of this.members) member.expire(session);
    await this.#until(() => !this.#isKnown(session), () => `${describeSession(session)} has not ended`);
  }

  cut(some: readonly Member[], others: readonly Member[]): void {
    for (const [a, b] of [...pairs(some, others), ...pairs(others, some)]) if (a !== b) this.#cutsOf(a).add(b);
    this.#applyCuts();
  }

  heal(): void {
    this.#cuts.clear();
    this.#applyCuts();
  }

  cutFrom(member: Member): ReadonlySet<Sid> {
    return new Set([...this.#cutsOf(member)].map(sidOf));
  }

  #applyCuts(): void {
    for (const member of this.members) member.cutOff(this.cutFrom(member));
  }

  #cutsOf(member: Member): Set<Member> {
    const cuts = this.#cuts.get(member) ?? new Set();
    this.#cuts.set(member, cuts);
    return cuts;
  }

  #isSettled(): boolean {
    const running = this.members.filter(({ isRunning }) => isRunning);
    const leaders = running.filter(({ role }) => role === 'leader' || role === 'standalone');
    const [leader] = leaders;
    if (leader === undefined) return running.every((member) => !servesWrites(member) && !this.#reachesQuorum(member));
    if (leaders.length > 1 || !this.#reachesQuorum(leader)) return false; // one of them has not noticed yet
    return running.every((member) => member === leader || (this.#sees(member, leader) ? servesUnder(member, leader) : !servesWrites(member)));
  }

  #reachesQuorum(member: Member): boolean {
    const seen = this.members.filter((other) => other.isRunning && this.#sees(member, other));
    return this.#ensemble === null || this.#ensemble.isQuorum(new Set(seen.filter(({ seat }) => seat.role === 'participant').map(sidOf)));
  }

  #sees(member: Member, other: Member): boolean {
    return this.#cuts.get(member)?.has(other) !== true;
  }

  #isKnown(session: SessionId): boolean {
    return this.members.some((member) => member.knowsSession(session));
  }

  async #until(isReached: () => boolean, what: () => string): Promise<void> {
    const patienceMs = this.options.patienceMs ?? PATIENCE_MS;
    const describe = (): Error => new EmbeddingError(`${what()} within ${patienceMs} ms: ${this.members.map(stateOf).join(', ')}`);
    await this.#progress.until(isReached, describe, patienceMs);
  }
}

function servesWrites({ role }: Member): boolean {
  return role !== null && role !== 'readOnly';
}

function servesUnder(member: Member, leader: Member): boolean {
  return servesWrites(member) && member.status?.leader === sidOf(leader);
}

function stateOf(member: Member): string {
  const { status } = member;
  return `server ${member.sid} ${status === null ? 'is stopped' : (status.serving ?? `is ${status.role}`)}`;
}

function pairs(some: readonly Member[], others: readonly Member[]): (readonly [Member, Member])[] {
  return some.flatMap((a) => others.map((b) => [a, b] as const));
}

async function takeSeats({ participants, observers, clientPort }: GroupOptions): Promise<Seat[]> {
  const count = participants + observers;
  const ports = await freePorts(3 * count);
  return Array.from({ length: count }, (_, i): Seat => {
    const [client, quorumPort, electionPort] = ports.slice(3 * i, 3 * i + 3) as [number, number, number];
    return { sid: i + 1, role: i < participants ? 'participant' : 'observer', clientPort: clientPort ?? client, quorumPort, electionPort };
  });
}

function serverLine({ sid, role, quorumPort, electionPort }: Seat): string {
  return `server.${sid}=127.0.0.1:${quorumPort}:${electionPort}:${role}`;
}
