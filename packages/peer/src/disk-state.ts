import type { Millis } from '@zk/protocol';
import type { World } from './world.ts';

/** Why a role ends that cannot do its part any more. */
export const NO_ROOM = 'the disk is full';

/** What keeps a member from writing, and for how long it has. */
export interface Trouble {
  readonly reason: string;
  readonly forMs: Millis;
}

/** A member's disk, as far as the member can tell. */
export interface DiskStatus {
  /** Nothing can be logged: the disk is full. Null: it can. */
  readonly shortage: Trouble | null;
  /** The last checkpoint could not be written. Null: it could, or there was none yet. */
  readonly checkpoint: Trouble | null;
}

/** One kind of trouble: since when, if at all. */
export class TroubleClock {
  readonly #world: World;
  #reason: string | null = null;
  #since: Millis = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get isNow(): boolean {
    return this.#reason !== null;
  }

  /** A new reason for old trouble does not make it any younger. */
  begin(reason: string): void {
    if (this.#reason === null) this.#since = this.#world.clock.now();
    this.#reason = reason;
  }

  /** @returns how long it was, ms */
  end(): Millis {
    this.#reason = null;
    return this.#world.clock.now() - this.#since;
  }

  status(): Trouble | null {
    return this.#reason === null ? null : { reason: this.#reason, forMs: this.#world.clock.now() - this.#since };
  }
}
