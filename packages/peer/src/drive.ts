import { Fifo, type Image, type Millis, type Proposal, type Zxid } from '@zk/protocol';
import type { Epochs, Recovered, Store } from '@zk/store';
import type { Peer } from './peer.ts';
import type { Clock, Input, World } from './world.ts';

/** What the loop needs to know of a peer. */
export type Driven = Pick<Peer, 'step' | 'nextDeadline'>;

/** A peer that lives. */
export interface Running<P extends Driven = Peer> {
  readonly peer: P;
  /** Hands an input to the peer: at once, or, from within a step, right after it. */
  feed(input: Input): void;
  /** What `feedAll` feeds came in together: it is dated alike, and the alarm is set once behind it. */
  together(feedAll: () => void): void;
}

/**
 * The only loop: one input at a time, the store's callbacks among them, and an alarm no later than the peer's next
 * deadline. The world given to `makePeer` is `world` with a store that calls back through the loop.
 */
export function drive<P extends Driven>(makePeer: (world: World) => P, world: World): Running<P> {
  const inbox = new Fifo<Input>();
  const clock = new HeldClock(world.clock);
  let stepping = false;
  let gathering = false;
  let armedFor = Infinity;

  const feed = (input: Input): void => {
    if (stepping) return inbox.push(input); // an input that arrives mid-step waits its turn: steps never nest
    stepping = true;
    clock.hold();
    peer.step(input);
    for (let next = inbox.shift(); next; next = inbox.shift()) peer.step(next);
    stepping = false;
    if (!gathering) settle();
  };

  const together = (feedAll: () => void): void => {
    gathering = true;
    try {
      feedAll();
    } finally {
      gathering = false;
      settle();
    }
  };

  const settle = (): void => {
    clock.letGo();
    arm();
  };

  // Most inputs put a deadline off. The alarm stays where it is then, and is set anew when it goes off for nothing.
  const arm = (): void => {
    const deadline = peer.nextDeadline();
    if (deadline === Infinity ? armedFor === Infinity : deadline >= armedFor) return;
    armedFor = deadline;
    if (deadline === Infinity) world.timer.disarm();
    else world.timer.arm(deadline, alarm);
  };

  const alarm = (): void => {
    armedFor = Infinity;
    feed({ kind: 'tick' });
  };

  const peer = makePeer({ ...worldOf(world), clock, store: new LoopedStore(world.store, feed) });
  return { peer, feed, together };
}

/**
 * Stands still while inputs that came together are taken: reading a clock costs as much as looking up a znode, and a batch
 * of commits would read it for each of hundreds.
 */
class HeldClock implements Clock {
  readonly #clock: Clock;
  #isHeld = false;
  #now: Millis | null = null;
  #wallTime: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    this.#now = null;
    this.#wallTime = null;
  }

  now(): Millis {
    return this.#isHeld ? (this.#now ??= this.#clock.now()) : this.#clock.now();
  }

  wallTime(): number {
    return this.#isHeld ? (this.#wallTime ??= this.#clock.wallTime()) : this.#clock.wallTime();
  }

  readAnew(): Millis {
    this.#now = null;
    return this.now();
  }
}

/** A world may be a class instance: its methods are taken along with it. */
function worldOf(world: World): Omit<World, 'clock' | 'store'> {
  return {
    random: world.random,
    timer: world.timer,
    electors: world.electors,
    learners: world.learners,
    ...(world.nextSheet && { nextSheet: world.nextSheet.bind(world) }),
    trace: (event) => world.trace(event),
    ...(world.traceCommit && { traceCommit: world.traceCommit.bind(world) }),
    ...(world.traceAudit && { traceAudit: world.traceAudit.bind(world) }),
    fatal: (code, reason) => world.fatal(code, reason),
  };
}

/** The store, calling back with `stored` inputs. */
class LoopedStore implements Store {
  readonly #store: Store;
  readonly #feed: (input: Input) => void;
  /** The same function again gets the same wrapper: the store tells consecutive appends by it. */
  #persisted: ((upTo: Zxid) => void) | null = null;
  #wrapped: (upTo: Zxid) => void = () => {};

  constructor(store: Store, feed: (input: Input) => void) {
    this.#store = store;
    this.#feed = feed;
  }

  recover(): Recovered {
    return this.#store.recover();
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    if (persisted !== this.#persisted) {
      this.#persisted = persisted;
      this.#wrapped = (upTo) => this.#feed({ kind: 'stored', run: () => persisted(upTo) });
    }
    this.#store.append(proposal, this.#wrapped);
  }

  flush(done: () => void): void {
    this.#store.flush(this.#later(done));
  }

  saveEpochs(epochs: Partial<Epochs>, done: () => void): void {
    this.#store.saveEpochs(epochs, this.#later(done));
  }

  truncate(to: Zxid, done: (recovered: Recovered | null) => void): void {
    this.#store.truncate(to, (recovered) => this.#feed({ kind: 'stored', run: () => done(recovered) }));
  }

  replaceWith(image: Image, done: () => void): void {
    this.#store.replaceWith(image, this.#later(done));
  }

  checkpoint(image: Image, done: (failure: Error | null) => void): void {
    this.#store.checkpoint(image, (failure) => this.#feed({ kind: 'stored', run: () => done(failure) }));
  }

  readLog(from: Zxid): Iterable<Proposal> | null {
    return this.#store.readLog(from);
  }

  logSizeFrom(from: Zxid): number {
    return this.#store.logSizeFrom(from);
  }

  newestImageSize(): number {
    return this.#store.newestImageSize();
  }

  close(done?: () => void): void {
    this.#store.close(done && this.#later(done));
  }

  get onFatal(): (error: Error) => void {
    return this.#store.onFatal;
  }

  set onFatal(handler: (error: Error) => void) {
    this.#store.onFatal = (error) => this.#feed({ kind: 'stored', run: () => handler(error) });
  }

  get onShortage(): (shortage: Error | null) => void {
    return this.#store.onShortage;
  }

  set onShortage(handler: (shortage: Error | null) => void) {
    this.#store.onShortage = (shortage) => this.#feed({ kind: 'stored', run: () => handler(shortage) });
  }

  #later(done: () => void): () => void {
    return () => this.#feed({ kind: 'stored', run: done });
  }
}
