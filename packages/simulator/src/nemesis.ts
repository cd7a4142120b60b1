import type { Cluster } from './cluster.ts';
import type { SimNode } from './node.ts';
import { ORDINARY_DISK } from './disk.ts';
import { ORDINARY_NETWORK } from './network.ts';
import type { Rng } from './rng.ts';

/** How often something goes wrong, at the most, simulated ms. */
const PAUSE_MS = { min: 50, max: 4_000 };
const LONGEST_FREEZE_MS = 6_000;
/** Long enough for a new leader, and for the old one to come back under it, ms. */
const DEPOSED_MS = 4_500;
const QUIET_MS = 7_000;

/** What can go wrong with one member, and between two. What is named twice happens twice as often. */
const ALONE = ['crash', 'crash', 'crashAll', 'crashAtDiskOperation', 'crashAtDiskOperation', 'freeze', 'slowDisk', 'clock', 'bitRot', 'diskFailure'] as const;
const TOGETHER = ['partition', 'partition', 'depose', 'depose', 'oneWay', 'heal', 'heal', 'reset', 'halfOpen', 'slowNetwork'] as const;

/** Whatever can go wrong, in any order, as the seed has it. */
export class Nemesis {
  readonly #cluster: Cluster;
  readonly #rng: Rng;
  #stopped = false;
  faults = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#rng = cluster.rng.fork();
    this.#next();
  }

  /** Faults stop: everybody is up and everything flows. */
  stop(): void {
    this.#stopped = true;
    const cluster = this.#cluster;
    cluster.heal();
    cluster.network.speed = ORDINARY_NETWORK;
    for (const node of cluster.nodes) {
      node.disk.speed = ORDINARY_DISK;
      node.disk.repair();
      node.drift(1);
      cluster.restart(node);
    }
  }

  #next(): void {
    this.#cluster.scheduler.after(this.#rng.between(PAUSE_MS.min, PAUSE_MS.max), () => {
      if (this.#stopped) return;
      this.#strike();
      this.faults += 1;
      this.#next();
    });
  }

  #strike(): void {
    const { nodes } = this.#cluster;
    const dead = nodes.filter((node) => !node.alive);
    if (dead.length > 0 && this.#rng.chance(0.35)) return void this.#cluster.restart(this.#rng.pick(dead));
    const fault = this.#rng.pick(nodes.length > 1 ? [...ALONE, ...TOGETHER] : ALONE);
    this[fault]();
  }

  crash(): void {
    const living = this.#living();
    if (living.length > 0) this.#cluster.crash(this.#rng.pick(living));
  }

  crashAll(): void {
    if (this.#rng.chance(0.4)) this.#cluster.crash(...this.#living());
  }

  /** In the middle of what its disk does next: of the operations of one sync, some are on the platter and some are not. */
  crashAtDiskOperation(): void {
    const [node] = this.#rng.shuffled(this.#living());
    node?.disk.blowAfter(this.#rng.between(1, 6), () => {
      if (this.#stopped) return;
      this.#cluster.checkers.saw('crash at a disk operation');
      this.#cluster.crash(node);
    });
  }

  freeze(): void {
    const [node] = this.#rng.shuffled(this.#living());
    node?.freeze(this.#rng.between(10, LONGEST_FREEZE_MS));
    this.#cluster.checkers.saw('frozen');
  }

  slowDisk(): void {
    const node = this.#rng.pick(this.#cluster.nodes);
    this.#cluster.checkers.saw('slow disk');
    node.disk.speed = { ...node.disk.speed, slow: this.#rng.next() };
  }

  clock(): void {
    const node = this.#rng.pick(this.#cluster.nodes);
    if (this.#rng.chance(0.5)) node.drift(0.8 + 0.4 * this.#rng.next());
    else node.wallOffsetMs += this.#rng.between(-3_600_000, 3_600_000);
    this.#cluster.checkers.saw('clock drift or jump');
  }

  /** The member has to leave at once; it is repaired, its data intact. */
  diskFailure(): void {
    const [node] = this.#rng.shuffled(this.#living());
    node?.disk.fail();
  }

  /** One member's at a time: of two copies of a txn that a third never had, one may go. */
  bitRot(): void {
    const { voters, checkers } = this.#cluster;
    if (voters.length < 3 || voters.some(({ disk }) => disk.damaged)) return;
    if (this.#rng.pick(voters).disk.rot()) checkers.saw('bit rot');
  }

  heal(): void {
    this.#cluster.heal();
  }

  partition(): void {
    const shuffled = this.#rng.shuffled(this.#cluster.nodes);
    const cut = this.#rng.between(1, shuffled.length - 1);
    this.#cluster.partition(shuffled.slice(0, cut), shuffled.slice(cut));
  }

  /** The leader is left alone with what it is being asked, and nobody asks its successor: who has a tail must give it up. */
  depose(): void {
    const cluster = this.#cluster;
    const leader = cluster.voters.find((node) => node.status?.serving === 'leader');
    if (!leader) return;
    cluster.partition([leader], cluster.nodes.filter((node) => node !== leader));
    cluster.checkers.saw('leader left alone');
    cluster.scheduler.after(this.#rng.between(10, 200), () => {
      if (this.#stopped) return;
      cluster.quietUntil = cluster.scheduler.now + QUIET_MS;
      if (this.#rng.chance(0.5)) cluster.crash(leader);
    });
    cluster.scheduler.after(DEPOSED_MS, () => {
      if (this.#stopped) return;
      cluster.heal();
      cluster.restart(leader);
    });
  }

  /** `a` hears `b`, but not the other way round. */
  oneWay(): void {
    const [a, b] = this.#two();
    this.#cluster.network.block(a.sid, b.sid);
    this.#cluster.checkers.saw('one-way partition');
  }

  reset(): void {
    const [a, b] = this.#two();
    this.#cluster.network.reset(a.sid, b.sid);
    this.#cluster.checkers.saw('connection reset');
  }

  halfOpen(): void {
    const [a, b] = this.#two();
    this.#cluster.network.silence(a.sid, b.sid);
    this.#cluster.checkers.saw('half-open connections');
  }

  slowNetwork(): void {
    this.#cluster.network.speed = { minMs: 0.1, maxMs: this.#rng.between(1, 300) };
    this.#cluster.checkers.saw('slow network');
  }

  #living(): SimNode[] {
    return this.#cluster.nodes.filter((node) => node.alive);
  }

  #two(): [SimNode, SimNode] {
    return this.#rng.shuffled(this.#cluster.nodes) as [SimNode, SimNode];
  }
}
