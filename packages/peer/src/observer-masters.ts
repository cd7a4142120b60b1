import type { EnsembleConfig, ServerSpec, Sid } from '@zk/protocol';
import type { Random } from './world.ts';

/** Followers take observers only once they are synced themselves: after an election they are asked this often at first. */
const ROUNDS_WITHOUT_LEADER = 10;

/**
 * Whom an observer asks next when followers serve observers (`observerMasterPort`, quorum.md 15.4): they do so on a port
 * of their own, the same on each of them, and speak as a leader does. Every observer goes through them in an order of its
 * own, which spreads the load; after a loss it goes on with the next.
 *
 * When they have all refused for a while, the leader is asked, on its quorum port. Apache never does, and goes round for
 * ever where no follower is a master.
 */
export class ObserverMasters {
  readonly #port: number;
  readonly #random: Random;
  #config: EnsembleConfig | null = null;
  #leader: Sid | null = null;
  #queue: ServerSpec[] = [];
  /** Rounds begun since the last one that was of use. */
  #rounds = 0;

  constructor(port: number, random: Random) {
    this.#port = port;
    this.#random = random;
  }

  /** Every master was tried: time for a pause. */
  get isRoundOver(): boolean {
    return this.#config !== null && this.#queue.length === 0;
  }

  /** The server to dial; its quorum port is the port it takes observers on. */
  next(config: EnsembleConfig, leader: ServerSpec): ServerSpec {
    if (config !== this.#config || leader.sid !== this.#leader) {
      this.#config = config;
      this.#leader = leader.sid;
      this.#queue = [];
      this.#rounds = 0;
    }
    if (this.#queue.length === 0) this.#beginRound(config, leader);
    return this.#queue.shift() ?? leader;
  }

  /** The one dialed last took us. */
  linked(): void {
    this.#rounds = 0;
  }

  #beginRound(config: EnsembleConfig, leader: ServerSpec): void {
    const followers = [...config.voters].filter((sid) => sid !== leader.sid);
    this.#queue = this.#shuffled(followers).map((sid) => this.#asMaster(config.servers.get(sid)!));
    if (++this.#rounds % ROUNDS_WITHOUT_LEADER === 0) this.#queue.push(leader);
  }

  #asMaster(spec: ServerSpec): ServerSpec {
    return { ...spec, addresses: spec.addresses.map((address) => ({ ...address, quorumPort: this.#port })) };
  }

  #shuffled(sids: Sid[]): Sid[] {
    return sids.map((sid) => ({ sid, at: this.#random.next() })).sort((a, b) => a.at - b.at).map(({ sid }) => sid);
  }
}
