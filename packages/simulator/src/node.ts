import { Peer, drive, type Input, type PeerConfig, type PeerStatus, type Running, type TraceEvent, type World } from '@zk/peer';
import type { EnsembleConfig, Millis, Sid, Zxid } from '@zk/protocol';
import type { Store } from '@zk/store';
import type { SimClientLink } from './client-link.ts';
import { Clock } from './clock.ts';
import { Disk, type DiskOperation, type DiskOwner, type Interrupted } from './disk.ts';
import type { Host, Network } from './network.ts';
import type { Rng } from './rng.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';
import { SimStore } from './sim-store.ts';

/** What is told about a member as it lives. */
export interface NodeObserver {
  traced(node: SimNode, event: TraceEvent): void;
  committed(node: SimNode, zxid: Zxid, bytes: Buffer): void;
  /** Something on its disk has changed. */
  written(node: SimNode, by: DiskOperation): void;
  /** @see DiskOwner.healed */
  healed(node: SimNode): void;
  /** It died in the middle of what its disk was doing. */
  interrupted(node: SimNode, what: Interrupted): void;
}

/** Something between a member and its store; tests of the checkers put faults of ours there. */
export type StoreWrapper = (store: Store, node: SimNode) => Store;

/** 2026-01-01; what txns carry as their time is this plus simulated time plus the member's own error. */
const WALL_CLOCK_START = 1_767_225_600_000;

/** Between the end of a peer that was told to stop and the end of its process, ms: the time its last words take. */
const GOODBYE_MS = 50;

/** One member of a simulated ensemble: the real peer on a made-up machine, which can crash and start again. */
export class SimNode implements Host, DiskOwner {
  readonly sid: Sid;
  readonly disk: Disk;
  readonly clock: Clock;
  #config: PeerConfig;
  readonly #scheduler: Scheduler;
  readonly #network: Network;
  readonly #rng: Rng;
  readonly #observer: NodeObserver;
  readonly #wrap: StoreWrapper;
  readonly #links = new Set<SimClientLink>();
  #running: Running | null = null;
  #alarm: Scheduled | null = null;
  #alarmFor: { deadline: Millis; fire: () => void } | null = null;
  /** What a frozen process will find when it goes on; null while it runs. */
  #held: (() => void)[] | null = null;
  /** How wrong its wall clock is. */
  wallOffsetMs = 0;
  /** Why the member ended by itself; null while it has not. */
  fatal: string | null = null;

  constructor(config: PeerConfig, scheduler: Scheduler, network: Network, rng: Rng, observer: NodeObserver, wrap: StoreWrapper = (store) => store) {
    this.sid = config.sid;
    this.#config = config;
    this.#scheduler = scheduler;
    this.#network = network;
    this.#rng = rng;
    this.#observer = observer;
    this.#wrap = wrap;
    this.clock = new Clock(scheduler);
    this.disk = new Disk(scheduler, rng.fork());
    this.disk.owner = this;
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

  /** Somebody has edited its configuration file, which it reads at its next start. */
  configure(ensemble: EnsembleConfig): void {
    this.#config = { ...this.#config, ensemble };
  }

  feed(input: Input): void {
    const running = this.#running;
    this.wake(() => running?.feed(input));
  }

  /** @see DiskOwner.wake */
  wake(run: () => void): void {
    if (this.#held) this.#held.push(run);
    else run();
  }

  /** @see DiskOwner.written */
  written(by: DiskOperation): void {
    this.#observer.written(this, by);
  }

  /** @see DiskOwner.healed */
  healed(): void {
    this.#observer.healed(this);
  }

  start(): void {
    if (this.#running) return;
    this.fatal = null;
    const store = this.#wrap(new SimStore(this.disk), this);
    const recovered = store.recover();
    const world: World = {
      clock: { now: () => this.clock.now, wallTime: () => Math.floor(WALL_CLOCK_START + this.#scheduler.now + this.wallOffsetMs) },
      random: this.#rng.fork(),
      timer: { arm: (deadline, fire) => this.#arm(deadline, fire), disarm: () => this.#disarm() },
      store,
      electors: this.#network.electors(this),
      learners: this.#network.learners(this),
      trace: (event) => this.#traced(event),
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
    this.#held = null;
    this.#disarm();
    this.#observer.interrupted(this, this.disk.crash());
    this.#network.died(this.sid, silently);
    for (const link of this.#links) link.serverDied();
    this.#links.clear();
  }

  /** SIGTERM: the process ends when the peer has taken its leave. */
  stop(): void {
    this.feed({ kind: 'stop' });
  }

  /** Not dead, but doing nothing (SIGSTOP, a paused virtual machine): what reaches it waits until it goes on. */
  freeze(ms: Millis): void {
    const running = this.#running;
    if (!running || this.#held) return;
    this.#held = [];
    this.#scheduler.after(ms, () => {
      if (this.#running === running) this.#thaw();
    });
  }

  /** Its clock runs at another rate from now on. */
  drift(rate: number): void {
    this.clock.drift(rate);
    if (this.#alarmFor) this.#arm(this.#alarmFor.deadline, this.#alarmFor.fire);
  }

  /** A client connection to this member: from now on its link belongs to the peer. */
  accept(link: SimClientLink): void {
    this.#links.add(link);
    this.feed({ kind: 'clientOpened', link });
  }

  forget(link: SimClientLink): void {
    this.#links.delete(link);
  }

  #thaw(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const run of held) {
      if (!this.#running) return;
      run();
    }
  }

  #arm(deadline: Millis, fire: () => void): void {
    this.#alarm?.cancel();
    this.#alarmFor = { deadline, fire };
    this.#alarm = this.#scheduler.at(this.clock.timeAt(deadline), () => {
      this.#alarmFor = null;
      this.wake(fire);
    });
  }

  #disarm(): void {
    this.#alarm?.cancel();
    this.#alarmFor = null;
  }

  #traced(event: TraceEvent): void {
    this.#observer.traced(this, event);
    if (event.kind === 'role' && event.role === 'stopped') this.#scheduler.after(GOODBYE_MS, () => this.crash());
  }

  #died(reason: string): void {
    this.fatal = reason;
    // After the step under way: a process that exits does not unwind its own stack first.
    this.#scheduler.after(0, () => this.crash());
  }
}
