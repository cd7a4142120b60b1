import { Peer, drive, type Input, type PeerConfig, type PeerStatus, type Running, type TraceEvent, type World } from '@zk/peer';
import type { Millis, Sid, Zxid } from '@zk/protocol';
import type { SimClientLink } from './client-link.ts';
import { Disk } from './disk.ts';
import type { Host, Network } from './network.ts';
import type { Rng } from './rng.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

/** What is told about a member as it lives. */
export interface NodeObserver {
  traced(node: SimNode, event: TraceEvent): void;
  committed(node: SimNode, zxid: Zxid, bytes: Buffer): void;
}

/** 2026-01-01; what txns carry as their time is this plus simulated time plus the member's own error. */
const WALL_CLOCK_START = 1_767_225_600_000;

/** One member of a simulated ensemble: the real peer on a made-up machine, which can crash and start again. */
export class SimNode implements Host {
  readonly sid: Sid;
  readonly disk: Disk;
  readonly #config: PeerConfig;
  readonly #scheduler: Scheduler;
  readonly #network: Network;
  readonly #rng: Rng;
  readonly #observer: NodeObserver;
  readonly #links = new Set<SimClientLink>();
  #running: Running | null = null;
  #alarm: Scheduled | null = null;
  /** How fast this member's clock runs, and how wrong its wall clock is. */
  clockRate = 1;
  wallOffsetMs = 0;
  /** Why the member ended by itself; null while it has not. */
  fatal: string | null = null;

  constructor(config: PeerConfig, scheduler: Scheduler, network: Network, rng: Rng, observer: NodeObserver) {
    this.sid = config.sid;
    this.#config = config;
    this.#scheduler = scheduler;
    this.#network = network;
    this.#rng = rng;
    this.#observer = observer;
    this.disk = new Disk(scheduler, rng.fork());
    network.add(this);
  }

  get alive(): boolean {
    return this.#running !== null;
  }

  get peer(): Peer {
    if (!this.#running) throw new Error(`server.${this.sid} is down`);
    return this.#running.peer;
  }

  get status(): PeerStatus | null {
    return this.#running?.peer.inspect() ?? null;
  }

  feed(input: Input): void {
    this.#running?.feed(input);
  }

  start(): void {
    if (this.#running) return;
    this.fatal = null;
    const store = this.disk.attach();
    const recovered = store.recover();
    const world: World = {
      clock: { now: () => this.#scheduler.now * this.clockRate, wallTime: () => Math.floor(WALL_CLOCK_START + this.#scheduler.now + this.wallOffsetMs) },
      random: this.#rng.fork(),
      timer: { arm: (deadline, fire) => this.#arm(deadline, fire), disarm: () => this.#alarm?.cancel() },
      store,
      electors: this.#network.electors(this),
      learners: this.#network.learners(this),
      trace: (event) => this.#observer.traced(this, event),
      traceCommit: (zxid, bytes) => this.#observer.committed(this, zxid, bytes),
      fatal: (_code, reason) => this.#died(reason),
    };
    this.#running = drive((looped) => new Peer(this.#config, looped, recovered), world);
    this.#running.feed({ kind: 'start' });
  }

  /** kill -9, or, `silently`, a power cut: nobody is told. */
  crash(silently = false): void {
    if (!this.#running) return;
    this.#running = null;
    this.#alarm?.cancel();
    this.disk.crash();
    this.#network.died(this.sid, silently);
    for (const link of this.#links) link.serverDied();
    this.#links.clear();
  }

  /** A client connection to this member: from now on its link belongs to the peer. */
  accept(link: SimClientLink): void {
    this.#links.add(link);
    this.feed({ kind: 'clientOpened', link });
  }

  forget(link: SimClientLink): void {
    this.#links.delete(link);
  }

  #arm(deadline: Millis, fire: () => void): void {
    this.#alarm?.cancel();
    this.#alarm = this.#scheduler.at(deadline / this.clockRate, fire);
  }

  #died(reason: string): void {
    this.fatal = reason;
    // After the step under way: a process that exits does not unwind its own stack first.
    this.#scheduler.after(0, () => this.crash());
  }
}
