import { peerConfig, type PeerSettings } from '@zk/peer';
import { EnsembleConfig, asSid, type Sid } from '@zk/protocol';
import { Checkers } from './checkers.ts';
import { LinkAudit } from './link-audit.ts';
import { Network } from './network.ts';
import { SimNode, type StoreWrapper } from './node.ts';
import { Rng } from './rng.ts';
import { Scheduler } from './scheduler.ts';
import { SimClient } from './sim-client.ts';
import { StoryClient } from './story-client.ts';
import { Transcript } from './transcript.ts';
import { check } from './violation.ts';
import { votingOf, type Voting } from './voting.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly observers?: number;
  /** Observers have the smallest ids, not the greatest. */
  readonly observersFirst?: boolean;
  /** The voters in groups of two, of weights 2 and 1: a quorum is a majority of groups, each with a majority of its weight. */
  readonly hierarchical?: boolean;
  /** What members are told beyond their membership: `snapCount`, `tickTime`, … */
  readonly settings?: Partial<Omit<PeerSettings, 'sid' | 'ensemble'>>;
  /** Comes between every member and its store. */
  readonly store?: StoreWrapper;
  /** Hears everything that happens, a line each. */
  readonly transcript?: (line: string) => void;
}

/** How long faults are given to heal, in simulated ms. */
const SETTLE_MS = 120_000;
const TICK_TIME_MS = 500;
const LOOK_EVERY_MS = 20;

/**
 * An ensemble under one seed, and the words stories about it are told in:
 * `cluster(3, { seed }).settle()`, `zk.partition(…)`, `zk.crash(…)`, `zk.heal()`, `zk.agrees()`.
 */
export class Cluster {
  readonly scheduler = new Scheduler();
  readonly rng: Rng;
  readonly network: Network;
  readonly checkers: Checkers;
  readonly nodes: readonly SimNode[];
  readonly voters: readonly SimNode[];
  readonly voting: Voting;
  /** Until then clients ask for nothing. */
  quietUntil = 0;
  #clients = 0;

  constructor(voters: number, options: ClusterOptions) {
    this.rng = new Rng(options.seed);
    this.network = new Network(this.scheduler, this.rng.fork());
    const observers = options.observers ?? 0;
    const sids = Array.from({ length: voters + observers }, (_, i) => asSid(BigInt(i + 1)));
    const firstVoter = options.observersFirst ? observers : 0;
    const voting = sids.slice(firstVoter, firstVoter + voters);
    const ensemble = sids.length === 1 ? null : ensembleOf(sids, voting, options.hierarchical ?? false);
    this.voting = votingOf(voting, ensemble);
    this.checkers = new Checkers(this.voting, { localSessions: options.settings?.localSessionsEnabled ?? false });
    const transcript = options.transcript && new Transcript(this.scheduler, options.transcript);
    const observer = transcript?.before(this.checkers) ?? this.checkers;
    this.nodes = sids.map((sid) => {
      const config = peerConfig({ tickTime: TICK_TIME_MS, initLimit: 20, syncLimit: 6, ...options.settings, sid, ensemble });
      return new SimNode(config, this.scheduler, this.network, this.rng.fork(), observer, options.store);
    });
    this.voters = this.nodes.filter(({ sid }) => voting.includes(sid));
    this.checkers.watch(this.nodes, this.voters);
    this.network.watch = (learner, leader) => {
      const ends = [this.#node(learner), this.#node(leader)] as const;
      const audit = new LinkAudit(...ends, this.checkers);
      return transcript?.link(...ends, audit) ?? audit;
    };
    this.network.voted = (from, _to, message) => this.checkers.voted(this.#node(from), message);
    for (const node of this.nodes) node.start();
  }

  get leader(): SimNode {
    const leader = this.nodes.find(leads);
    if (!leader) throw new Error('nobody leads');
    return leader;
  }

  get followers(): SimNode[] {
    return this.voters.filter((node) => node !== this.leader);
  }

  server(sid: number): SimNode {
    return this.nodes[sid - 1] as SimNode;
  }

  #node(sid: Sid): SimNode {
    return this.server(Number(sid));
  }

  /** Time passes. */
  run(ms: number): this {
    this.scheduler.run(ms);
    return this;
  }

  /** Until every living member serves the same leader's epoch, and nothing is under way between them. */
  settle(withinMs = SETTLE_MS): this {
    const end = this.scheduler.now + withinMs;
    while (!this.#settled() && this.scheduler.now < end) this.scheduler.run(LOOK_EVERY_MS);
    check(this.#settled(), 'Liveness', () => `not settled after ${withinMs} ms: ${this.describe()}`);
    return this;
  }

  #settled(): boolean {
    const living = this.nodes.filter((node) => node.alive);
    if (!this.#isQuorum(living)) return true;
    if (this.network.partitioned) return this.#quorumSettled(living);
    const [leader, another] = living.filter(leads);
    if (!leader || another) return false;
    const { currentEpoch } = leader.peer.inspect();
    return living.every((node) => {
      const status = node.peer.inspect();
      return status.serving !== null && status.serving !== 'readOnly' && status.currentEpoch === currentEpoch
        && status.tree.lastZxid >= this.checkers.history.lastZxid && status.pendingTxns === 0;
    });
  }

  #isQuorum(nodes: readonly SimNode[]): boolean {
    return this.voting.isQuorum(nodes.map(({ sid }) => sid).filter((sid) => this.voting.voters.includes(sid)));
  }

  /** With a partition in place: one leader that a quorum of the voters can reach, and they serve with it. */
  #quorumSettled(living: readonly SimNode[]): boolean {
    return living.filter(leads).some((leader) => {
      const epoch = leader.peer.inspect().currentEpoch;
      const side = living.filter((node) => !this.network.isBlocked(node.sid, leader.sid) && !this.network.isBlocked(leader.sid, node.sid));
      return this.#isQuorum(side) && side.every((node) => {
        const status = node.peer.inspect();
        return status.serving !== null && status.currentEpoch === epoch;
      });
    });
  }

  /** No message passes between the two groups, in either direction. */
  partition(one: readonly SimNode[], other: readonly SimNode[]): this {
    for (const a of one) {
      for (const b of other) {
        this.network.block(a.sid, b.sid);
        this.network.block(b.sid, a.sid);
      }
    }
    return this;
  }

  heal(): this {
    this.network.heal();
    return this;
  }

  crash(...nodes: SimNode[]): this {
    for (const node of nodes) {
      if (node.alive && leads(node)) this.checkers.saw('leader crash');
      node.crash(this.rng.chance(0.3));
      this.checkers.crashed(node);
    }
    return this;
  }

  /** SIGTERM, and until their processes have ended; nothing goes wrong with the network meanwhile. */
  stop(...nodes: SimNode[]): this {
    this.network.closesOrderly = true;
    for (const node of nodes) node.stop();
    this.scheduler.runUntil(() => nodes.every((node) => !node.alive), SETTLE_MS);
    this.network.closesOrderly = false;
    for (const node of nodes) this.checkers.crashed(node);
    return this;
  }

  restart(...nodes: SimNode[]): this {
    for (const node of nodes) node.start();
    return this;
  }

  /** A client of a story: it waits for each answer. */
  connect(node: SimNode): StoryClient {
    return new StoryClient(this, this.client(), node);
  }

  /** @param takesReadOnly content with a member that is cut off and serves reads only */
  client(takesReadOnly = false): SimClient {
    return new SimClient(`client ${++this.#clients}`, this.scheduler, this.checkers, takesReadOnly);
  }

  /** One history and one tree, on every living member, and nothing acknowledged is missing. */
  agrees(): this {
    this.checkers.atRest(this.nodes.filter((node) => node.alive));
    return this;
  }

  describe(): string {
    return this.nodes
      .map((node) => {
        const status = node.status;
        if (!status) return `${node.sid}: down${node.fatal ? ` (${node.fatal})` : ''}`;
        return `${node.sid}: ${status.role} leader=${status.leader} epoch=${status.currentEpoch} zxid=0x${status.tree.lastZxid.toString(16)} pending=${status.pendingTxns}`;
      })
      .join(', ');
  }
}

export function cluster(voters: number, options: ClusterOptions): Cluster {
  return new Cluster(voters, options);
}

function leads(node: SimNode): boolean {
  const serving = node.status?.serving;
  return serving === 'leader' || serving === 'standalone';
}

function ensembleOf(sids: readonly Sid[], voters: readonly Sid[], hierarchical: boolean): EnsembleConfig {
  return EnsembleConfig.of(
    sids.map((sid) => ({
      sid,
      addresses: [{ host: `zoo${sid}`, quorumPort: 2888, electionPort: 3888 }],
      role: voters.includes(sid) ? ('participant' as const) : ('observer' as const),
      client: null,
      clientInText: false,
    })),
    hierarchical ? inPairs(voters) : {},
  );
}

function inPairs(voters: readonly Sid[]): { groups: Map<bigint, Sid[]>; weights: Map<Sid, number> } {
  const groups = new Map<bigint, Sid[]>();
  voters.forEach((sid, i) => groups.set(BigInt(i >> 1), [...(groups.get(BigInt(i >> 1)) ?? []), sid]));
  return { groups, weights: new Map(voters.map((sid, i) => [sid, i % 2 === 0 ? 2 : 1])) };
}
