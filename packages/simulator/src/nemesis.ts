import type { Cluster } from './cluster.ts';
import type { SimNode } from './node.ts';
import type { Rng } from './rng.ts';

/** How often something goes wrong, at the most, simulated ms. */
const PAUSE_MS = { min: 50, max: 4_000 };

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
    for (const node of cluster.nodes) {
      node.disk.speed = { ...node.disk.speed, slow: 0.01 };
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
    const cluster = this.#cluster;
    const nodes = cluster.nodes;
    const dead = nodes.filter((node) => !node.alive);
    const living = nodes.filter((node) => node.alive);
    const dice = this.#rng.next();
    if (dead.length > 0 && dice < 0.35) return void cluster.restart(this.#rng.pick(dead));
    if (dice < 0.5 && living.length > 0) return void cluster.crash(this.#rng.pick(living));
    if (dice < 0.56) return void cluster.crash(...living);
    if (dice < 0.7 && nodes.length > 1) return this.#partition();
    if (dice < 0.76 && nodes.length > 1) return this.#oneWay();
    if (dice < 0.86) return void cluster.heal();
    if (dice < 0.94 && nodes.length > 1) return this.#reset();
    const node = this.#rng.pick(nodes);
    cluster.checkers.saw('slow disk');
    node.disk.speed = { ...node.disk.speed, slow: this.#rng.next() };
  }

  #partition(): void {
    const shuffled = this.#rng.shuffled(this.#cluster.nodes);
    const cut = this.#rng.between(1, shuffled.length - 1);
    this.#cluster.partition(shuffled.slice(0, cut), shuffled.slice(cut));
  }

  /** `a` hears `b`, but not the other way round. */
  #oneWay(): void {
    const [a, b] = this.#rng.shuffled(this.#cluster.nodes) as [SimNode, SimNode];
    this.#cluster.network.block(a.sid, b.sid);
    this.#cluster.checkers.saw('one-way partition');
  }

  #reset(): void {
    const [a, b] = this.#rng.shuffled(this.#cluster.nodes) as [SimNode, SimNode];
    this.#cluster.network.reset(a.sid, b.sid);
    this.#cluster.checkers.saw('connection reset');
  }
}
