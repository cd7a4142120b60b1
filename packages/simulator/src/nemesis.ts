import type { Cluster } from './cluster.ts';
import type { SimNode } from './node.ts';
import { DISK_OPERATIONS, ORDINARY_DISK, type DiskOperation } from './disk.ts';
import { ORDINARY_NETWORK } from './network.ts';
import type { Rng } from './rng.ts';
import { CreateMode } from './sim-client.ts';

/** How often something goes wrong, at the most, simulated ms. */
const PAUSE_MS = { min: 50, max: 4_000 };
const LONGEST_FREEZE_MS = 6_000;
const LONGEST_SLOWNESS_MS = 10_000;
const LONGEST_SHORTAGE_MS = 8_000;
/** Long enough for a new leader, and for the old one to come back under it, ms. */
const DEPOSED_MS = 4_500;
const QUIET_MS = 7_000;

/** How often a member that starts dies in the middle of what its disk has to do for that. */
const DIES_STARTING = 0.3;

/** What can go wrong with one member, and between two. What is named twice happens twice as often. */
const ALONE = ['crash', 'crash', 'crashAll', 'crashAtDiskOperation', 'crashAtDiskOperation', 'freeze', 'slowDisk', 'clockDrift', 'clockJump', 'bitRot', 'diskFailure', 'diskFull', 'diskFull'] as const;
const TOGETHER = ['partition', 'partition', 'depose', 'depose', 'depose', 'oneWayPartition', 'heal', 'heal', 'connectionReset', 'halfOpen', 'slowNetwork', 'lossyNetwork'] as const;

/** Every kind of fault, as reports name it. */
export const FAULTS: ReadonlySet<string> = new Set([...ALONE, ...TOGETHER, 'restart'].map(inWords));

/** Whatever can go wrong, in any order, as the seed has it. */
export class Nemesis {
  readonly #cluster: Cluster;
  readonly #rng: Rng;
  #stopped = false;
  /** How often what went wrong. */
  readonly faults = new Map<string, number>();

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
      node.disk.makeRoom();
      node.drift(1);
      cluster.restart(node);
    }
  }

  #next(): void {
    this.#after(this.#rng.between(PAUSE_MS.min, PAUSE_MS.max), () => {
      const fault = this.#strike();
      if (fault) this.faults.set(inWords(fault), (this.faults.get(inWords(fault)) ?? 0) + 1);
      this.#next();
    });
  }

  /** What went wrong; null where there was nothing to break. */
  #strike(): string | null {
    const { nodes } = this.#cluster;
    const dead = nodes.filter((node) => !node.alive);
    if (dead.length > 0 && this.#rng.chance(0.35)) return this.#restart(this.#rng.pick(dead));
    const fault = this.#rng.pick(nodes.length > 1 ? [...ALONE, ...TOGETHER] : ALONE);
    return this[fault]() ? fault : null;
  }

  #restart(node: SimNode): string {
    if (this.#rng.chance(DIES_STARTING)) this.#dieAfter(node, this.#rng.pick(DISK_OPERATIONS), 1);
    this.#cluster.restart(node);
    return 'restart';
  }

  crash(): boolean {
    const living = this.#living();
    if (living.length > 0) this.#cluster.crash(this.#rng.pick(living));
    return living.length > 0;
  }

  crashAll(): boolean {
    if (this.#rng.chance(0.6)) return false;
    this.#cluster.crash(...this.#living());
    return true;
  }

  /** In the middle of what its disk does next: of the operations of one sync, some are on the platter and some are not. */
  crashAtDiskOperation(): boolean {
    const [node] = this.#rng.shuffled(this.#living());
    if (!node) return false;
    if (this.#rng.chance(0.5)) this.#dieAfter(node, this.#rng.pick(DISK_OPERATIONS), 1);
    else this.#dieAfter(node, null, this.#rng.between(1, 6));
    return true;
  }

  #dieAfter(node: SimNode, kind: DiskOperation | null, operations: number): void {
    node.disk.blowAfter(operations, (after) => {
      if (this.#stopped) return;
      this.#cluster.checkers.saw(`crash right after: ${after}`);
      this.#cluster.crash(node);
    }, kind);
  }

  freeze(): boolean {
    const [node] = this.#rng.shuffled(this.#living());
    node?.freeze(this.#rng.between(10, LONGEST_FREEZE_MS));
    return node !== undefined;
  }

  slowDisk(): boolean {
    const { disk } = this.#rng.pick(this.#cluster.nodes);
    disk.speed = { ...disk.speed, slow: this.#rng.next() };
    this.#after(this.#rng.between(500, LONGEST_SLOWNESS_MS), () => (disk.speed = ORDINARY_DISK));
    return true;
  }

  clockDrift(): boolean {
    this.#rng.pick(this.#cluster.nodes).drift(0.8 + 0.4 * this.#rng.next());
    return true;
  }

  clockJump(): boolean {
    this.#rng.pick(this.#cluster.nodes).wallOffsetMs += this.#rng.between(-3_600_000, 3_600_000);
    return true;
  }

  /** The member has to leave at once; it is repaired, its data intact. */
  diskFailure(): boolean {
    const [node] = this.#rng.shuffled(this.#living());
    node?.disk.fail();
    return node !== undefined;
  }

  /** Now and then everybody's, as of machines that are all alike. */
  diskFull(): boolean {
    const { nodes } = this.#cluster;
    const full = this.#rng.chance(0.2) ? nodes : [this.#rng.pick(nodes)];
    for (const { disk } of full) disk.fill();
    this.#after(this.#rng.between(10, LONGEST_SHORTAGE_MS), () => {
      for (const { disk } of full) disk.makeRoom();
    });
    return true;
  }

  /** One member's at a time: of two copies of a txn that a third never had, one may go. */
  bitRot(): boolean {
    const { voters } = this.#cluster;
    if (voters.length < 3 || voters.some(({ disk }) => disk.damaged)) return false;
    return this.#rng.pick(voters).disk.rot();
  }

  heal(): boolean {
    const { network } = this.#cluster;
    const wasBad = network.partitioned || network.speed !== ORDINARY_NETWORK;
    network.heal();
    network.speed = ORDINARY_NETWORK;
    return wasBad;
  }

  partition(): boolean {
    const shuffled = this.#rng.shuffled(this.#cluster.nodes);
    const cut = this.#rng.between(1, shuffled.length - 1);
    this.#cluster.partition(shuffled.slice(0, cut), shuffled.slice(cut));
    return true;
  }

  /** The leader is left alone with what it is being asked, and nobody asks its successor: who has a tail must give it up. */
  depose(): boolean {
    const cluster = this.#cluster;
    const leader = cluster.voters.find((node) => node.status?.serving === 'leader');
    if (!leader) return false;
    const client = cluster.client();
    client.connect(leader);
    this.#after(this.#rng.between(20, 80), () => {
      cluster.partition([leader], cluster.nodes.filter((node) => node !== leader));
      for (let i = this.#rng.between(1, 3); i > 0; i--) client.create('/tail-', client.name, () => undefined, CreateMode.SEQUENTIAL);
    });
    this.#after(this.#rng.between(90, 300), () => {
      cluster.quietUntil = cluster.scheduler.now + QUIET_MS;
      if (this.#rng.chance(0.5)) cluster.crash(leader);
    });
    this.#after(DEPOSED_MS, () => {
      cluster.heal();
      if (this.#rng.chance(DIES_STARTING)) this.#dieAfter(leader, this.#rng.pick(['truncate', 'image']), 1);
      cluster.restart(leader);
    });
    cluster.scheduler.after(DEPOSED_MS, () => client.disconnect());
    return true;
  }

  /** `a` hears `b`, but not the other way round. */
  oneWayPartition(): boolean {
    const [a, b] = this.#two();
    this.#cluster.network.block(a.sid, b.sid);
    return true;
  }

  connectionReset(): boolean {
    const [a, b] = this.#two();
    this.#cluster.network.reset(a.sid, b.sid);
    return true;
  }

  halfOpen(): boolean {
    const [a, b] = this.#two();
    this.#cluster.network.silence(a.sid, b.sid);
    return true;
  }

  slowNetwork(): boolean {
    const { network } = this.#cluster;
    network.speed = { ...network.speed, maxMs: this.#rng.between(1, 300) };
    return true;
  }

  /** Packets are lost: what TCP makes of it is bursts that come late, and connections that take long to come about. */
  lossyNetwork(): boolean {
    const { network } = this.#cluster;
    network.speed = { ...network.speed, loss: this.#rng.next() * 0.2 };
    return true;
  }

  /** Unless faults have stopped by then. */
  #after(ms: number, run: () => void): void {
    this.#cluster.scheduler.after(ms, () => {
      if (!this.#stopped) run();
    });
  }

  #living(): SimNode[] {
    return this.#cluster.nodes.filter((node) => node.alive);
  }

  #two(): [SimNode, SimNode] {
    return this.#rng.shuffled(this.#cluster.nodes) as [SimNode, SimNode];
  }
}

/** crashAtDiskOperation → crash at disk operation */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
