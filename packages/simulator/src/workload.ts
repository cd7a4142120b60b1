import type { Cluster } from './cluster.ts';
import type { Rng } from './rng.ts';
import type { SimClient } from './sim-client.ts';

const EPHEMERAL = 1;
const SEQUENTIAL = 2;
const KEYS = 6;

/** One client that keeps asking for things, moves between members, and sometimes ends its session. */
export class Workload {
  readonly #cluster: Cluster;
  readonly #client: SimClient;
  readonly #rng: Rng;
  readonly #pauseMs: number;
  #stopped = false;
  #writes = 0;

  /** @param pauseMs the longest pause between two requests */
  constructor(cluster: Cluster, pauseMs: number) {
    this.#cluster = cluster;
    this.#pauseMs = pauseMs;
    this.#client = cluster.client();
    this.#rng = cluster.rng.fork();
    this.#next();
  }

  /** No new requests; those under way may still be answered. */
  stop(): void {
    this.#stopped = true;
  }

  /** Gone without a word: its session has to expire. */
  vanish(): void {
    this.stop();
    this.#client.disconnect();
  }

  #next(): void {
    this.#cluster.scheduler.after(this.#rng.between(1, this.#pauseMs), () => {
      if (this.#stopped) return;
      if (this.#cluster.scheduler.now < this.#cluster.quietUntil) return this.#next();
      if (this.#client.connected) this.#ask();
      else this.#connect();
      this.#next();
    });
  }

  #connect(): void {
    if (this.#client.expired) {
      this.#cluster.checkers.saw('session expired for a client');
      this.#client.forgetSession();
    }
    if (this.#client.node && this.#rng.chance(0.9)) {
      // The handshake may be under way; give it its time before trying elsewhere.
      if (this.#rng.chance(0.95)) return;
    }
    const node = this.#rng.pick(this.#cluster.nodes);
    if (this.#client.session !== 0n && node !== this.#client.node) this.#cluster.checkers.saw('session moves');
    this.#client.connect(node);
  }

  #ask(): void {
    const client = this.#client;
    const path = `/k${this.#rng.between(1, KEYS)}`;
    const value = `${client.name}#${++this.#writes}`;
    const dice = this.#rng.next();
    const ignore = (): void => undefined;
    if (dice < 0.2) client.create(path, value, ignore);
    else if (dice < 0.4) client.setData(path, value, -1, ignore);
    else if (dice < 0.46) client.delete(path, -1, ignore);
    else if (dice < 0.54) client.create('/seq-', value, ignore, SEQUENTIAL);
    else if (dice < 0.6) client.create('/eph-', value, ignore, EPHEMERAL | SEQUENTIAL);
    else if (dice < 0.78) client.getData(path, this.#rng.chance(0.5), ignore);
    else if (dice < 0.88) client.exists(path, false, ignore);
    else if (dice < 0.94) client.sync(ignore);
    else if (dice < 0.96) client.closeSession(ignore);
    else if (dice < 0.98) client.disconnect();
    else client.connect(this.#rng.pick(this.#cluster.nodes));
  }
}
