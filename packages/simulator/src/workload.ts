import type { Stat } from '@zk/protocol';
import type { Cluster } from './cluster.ts';
import type { Rng } from './rng.ts';
import type { Outcome } from './sim-session.ts';
import { CreateMode, type Part, type SimClient } from './sim-client.ts';

const KEYS = 6;
const CONTAINERS = 2;
/** How many clients are content with a member that is cut off. */
const TAKES_READ_ONLY = 0.25;
const TTL_MS = 1_500;
const { EPHEMERAL, SEQUENTIAL, CONTAINER, TTL } = CreateMode;

/** One client that keeps asking for things, moves between members, and sometimes ends its session. */
export class Workload {
  readonly #cluster: Cluster;
  readonly #client: SimClient;
  readonly #rng: Rng;
  readonly #pauseMs: number;
  #stopped = false;
  #writes = 0;
  /** Of each znode, as last seen. */
  readonly #versions = new Map<string, number>();

  /** @param pauseMs the longest pause between two requests */
  constructor(cluster: Cluster, pauseMs: number) {
    this.#cluster = cluster;
    this.#pauseMs = pauseMs;
    this.#rng = cluster.rng.fork();
    this.#client = cluster.client(this.#rng.chance(TAKES_READ_ONLY));
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
    // Sessions of the ensemble are refused there: who wants to read nevertheless comes without one.
    if (!this.#client.mayWatch && node.status?.serving === 'readOnly') this.#client.forgetSession();
    this.#client.connect(node);
  }

  #ask(): void {
    if (this.#client.readOnly) return this.#read(this.#key());
    const dice = this.#rng.next();
    if (dice < 0.48) this.#write(this.#key(), this.#value());
    else if (dice < 0.6) this.#createSpecial(this.#value());
    else if (dice < 0.88) this.#read(this.#key());
    else if (dice < 0.92) this.#client.sync(ignore);
    else this.#move();
  }

  #write(path: string, value: string): void {
    const client = this.#client;
    const dice = this.#rng.next();
    if (dice < 0.35) client.create(path, value, ignore);
    else if (dice < 0.6) client.setData(path, value, -1, this.#remember(path));
    else if (dice < 0.75) client.setData(path, value, this.#versionOf(path), this.#remember(path));
    else if (dice < 0.85) client.delete(path, this.#rng.chance(0.3) ? this.#versionOf(path) : -1, ignore);
    else client.multi(this.#parts(path, value), ignore);
  }

  /** Two znodes that change together, or a znode that changes only with another one as it was. */
  #parts(path: string, value: string): Part[] {
    const other = this.#key();
    const set: Part = { kind: 'setData', path, data: value, version: -1 };
    if (this.#rng.chance(0.5)) return [{ kind: 'check', path: other, data: '', version: this.#versionOf(other) }, set];
    return [set, { kind: this.#rng.pick(['create', 'delete', 'setData'] as const), path: other, data: value, version: -1 }];
  }

  #createSpecial(value: string): void {
    const client = this.#client;
    const dice = this.#rng.next();
    const container = `/c${this.#rng.between(1, CONTAINERS)}`;
    if (dice < 0.4) client.create('/seq-', value, ignore, SEQUENTIAL);
    else if (dice < 0.7) client.create('/eph-', value, ignore, EPHEMERAL | SEQUENTIAL);
    else if (dice < 0.78) client.create(container, value, ignore, CONTAINER);
    else if (dice < 0.86) client.create(`${container}/x`, value, ignore);
    else if (dice < 0.94) client.delete(`${container}/x`, -1, ignore);
    else client.create(`/ttl${this.#rng.between(1, KEYS)}`, value, ignore, TTL, TTL_MS);
  }

  #read(path: string): void {
    const client = this.#client;
    const watch = client.mayWatch && this.#rng.chance(0.5);
    const dice = this.#rng.next();
    if (dice < 0.6) client.getData(path, watch, (outcome) => this.#remember(path)('ok' in outcome ? { ok: outcome.ok.stat } : outcome));
    else if (dice < 0.85) client.exists(path, watch, this.#remember(path));
    else client.getChildren('/', ignore, watch);
  }

  #move(): void {
    const client = this.#client;
    const dice = this.#rng.next();
    if (dice < 0.2) client.closeSession(ignore);
    else if (dice < 0.45) client.disconnect();
    else if (dice < 0.75) client.connect(this.#rng.pick(this.#cluster.nodes));
    else this.#moveSilently();
  }

  /** The old connection is half-open: what was sent on it arrives all the same, perhaps after the session has moved. */
  #moveSilently(): void {
    this.#client.vanish();
    this.#cluster.checkers.saw('client vanished from a connection');
    this.#client.connect(this.#rng.pick(this.#cluster.nodes));
  }

  #key(): string {
    return `/k${this.#rng.between(1, KEYS)}`;
  }

  #value(): string {
    return `${this.#client.name}#${++this.#writes}`;
  }

  #versionOf(path: string): number {
    return this.#versions.get(path) ?? 0;
  }

  #remember(path: string): (outcome: Outcome<Stat>) => void {
    return (outcome) => {
      if ('ok' in outcome) this.#versions.set(path, outcome.ok.version);
    };
  }
}

function ignore(): void {}
