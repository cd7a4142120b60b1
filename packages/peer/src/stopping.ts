import type { Millis } from '@zk/protocol';
import type { Checkpoints } from './checkpoints.ts';
import type { PeerConfig } from './config.ts';
import type { MemberHistory } from './history.ts';
import type { World } from './world.ts';

/** What a stop asks about the member, and of it. */
export interface Stoppable {
  readonly config: PeerConfig;
  readonly world: World;
  readonly history: MemberHistory;
  /** The role serves clients: something may have been asked that is not answered yet. */
  readonly isServing: boolean;
  readonly hasRoom: boolean;
  /** Takes nothing new in; what was asked is still answered. */
  retire(): void;
  /** Everything that was asked has been answered, and nothing is proposed that is not committed. */
  isIdle(): boolean;
  /** The role ends. Once its log is durable, {@link Stopping.finish} is called for. */
  leave(reason: string): void;
  /** The store is closed: nothing is left to be done. */
  stopped(reason: string): void;
}

const REASON = 'stopping';

/**
 * The end of a member that is asked to: it takes nothing new in, answers what was asked, and only then goes. A leader has
 * told its learners of every commit by then: nothing is in doubt, and they look for its successor the moment it hangs up.
 * What is left behind is a durable log and, where it may be saved, the tree.
 */
export class Stopping {
  readonly #member: Stoppable;
  readonly #checkpoints: Checkpoints;
  #isAsked = false;
  /** While it waits for what was asked before it: until when at most. */
  #until: Millis | null = null;
  #isClosing = false;

  constructor(member: Stoppable, checkpoints: Checkpoints) {
    this.#member = member;
    this.#checkpoints = checkpoints;
  }

  /** The member is to stop, or has. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** When {@link proceed} has to be called even if nothing happens. */
  nextDeadline(): Millis {
    return this.#until ?? Infinity;
  }

  begin(): void {
    const { isServing, hasRoom, world, config } = this.#member;
    this.#isAsked = true;
    this.#checkpoints.retryNoMore();
    if (!isServing || !hasRoom) return this.#member.leave(REASON); // nothing is answered without room
    this.#until = world.clock.now() + config.shutdownTimeout;
    this.#member.retire();
  }

  /** After every step. */
  proceed(): void {
    if (this.#until === null) return;
    if (this.#member.isIdle() || this.#member.world.clock.now() >= this.#until) this.#member.leave(REASON);
  }

  /** A role ends, whatever for: there is nobody left to wait for. */
  roleEnds(): void {
    this.#until = null;
  }

  /** The last role is over, and its log is durable. The next start is to have nothing to replay. */
  finish(reason: string): void {
    const { config, history } = this.#member;
    if (config.checkpointAtStop) this.#checkpoints.takeLast(history.tree);
    this.#checkpoints.whenIdle(() => this.close(reason));
  }

  /** Without a last checkpoint. */
  close(reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#member.world.store.close(() => this.#member.stopped(reason));
  }
}
