import { Group } from './group.ts';
import type { EmbeddedServer, Member } from './member.ts';
import { EmbeddingError, type EmbeddingOptions, type SessionName } from './options.ts';

export interface EnsembleOptions extends EmbeddingOptions {
  /** Servers that vote, 3 unless given. Their numbers begin at 1. */
  readonly servers?: number;
  /** Observers besides them; none unless given. Their numbers follow. */
  readonly observers?: number;
}

/** One server or several, by their numbers. */
export type Sids = number | readonly number[];

/** An ensemble in this process. Whatever changes it resolves when the servers have come to terms with the change. */
export interface EmbeddedEnsemble extends AsyncDisposable {
  /** `127.0.0.1:port,127.0.0.1:port,…`: every member, also stopped ones. */
  readonly connectString: string;
  readonly servers: readonly EmbeddedServer[];
  /** @throws EmbeddingError when nobody leads */
  readonly leader: EmbeddedServer;
  /** Those that serve and do not lead, observers included. */
  readonly followers: readonly EmbeddedServer[];
  /** @throws EmbeddingError for a number that is none of a member */
  server(sid: number): EmbeddedServer;
  /** Ends a session everywhere, as if its client had been silent for too long: ephemerals vanish, watches fire. */
  expireSession(session: SessionName): Promise<void>;
  /**
   * Cuts the connections between these servers and those, and lets no new ones come up; `those` are all others unless
   * given. Clients still reach every server. A leader that has lost its quorum stops serving, and who has one elects.
   */
  partition(these: Sids, those?: Sids): Promise<void>;
  /** Ends every partition. */
  heal(): Promise<void>;
  restart(sid: number): Promise<void>;
  /** Stops every server. */
  stop(): Promise<void>;
}

/** An ensemble on 127.0.0.1, for other people's test suites. Errors as for `startServer()`. */
export async function startEnsemble(options: EnsembleOptions = {}): Promise<EmbeddedEnsemble> {
  const { servers = 3, observers = 0, ...common } = options;
  if (!(servers >= 1 && observers >= 0)) throw new EmbeddingError(`an ensemble of ${servers} servers and ${observers} observers cannot be started`);
  return new Ensemble(await Group.start({ ...common, participants: servers, observers }));
}

class Ensemble implements EmbeddedEnsemble {
  readonly #group: Group;

  constructor(group: Group) {
    this.#group = group;
  }

  get connectString(): string {
    return this.servers.map(({ connectString }) => connectString).join(',');
  }

  get servers(): readonly EmbeddedServer[] {
    return this.#group.members;
  }

  get leader(): EmbeddedServer {
    const leader = this.servers.find(leads);
    if (leader === undefined) throw new EmbeddingError('nobody leads');
    return leader;
  }

  get followers(): readonly EmbeddedServer[] {
    return this.servers.filter((server) => server.role !== null && !leads(server));
  }

  server(sid: number): EmbeddedServer {
    return this.#member(sid);
  }

  async expireSession(session: SessionName): Promise<void> {
    await this.#group.expireSession(session);
  }

  async partition(these: Sids, those?: Sids): Promise<void> {
    const some = this.#members(these);
    this.#group.cut(some, those === undefined ? this.#group.members.filter((member) => !some.includes(member)) : this.#members(those));
    await this.#group.settled();
  }

  async heal(): Promise<void> {
    this.#group.heal();
    await this.#group.settled();
  }

  async restart(sid: number): Promise<void> {
    await this.#member(sid).restart();
  }

  async stop(): Promise<void> {
    await this.#group.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #members(sids: Sids): Member[] {
    return (typeof sids === 'number' ? [sids] : sids).map((sid) => this.#member(sid));
  }

  #member(sid: number): Member {
    const member = this.#group.members.find((other) => other.sid === sid);
    if (member === undefined) throw new EmbeddingError(`there is no server ${sid}, only ${this.servers.map((server) => server.sid).join(', ')}`);
    return member;
  }
}

function leads({ role }: EmbeddedServer): boolean {
  return role === 'leader' || role === 'standalone';
}
