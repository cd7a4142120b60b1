import type { Millis, Sid } from '@zk/protocol';
import { Leaderless } from './leaderless.ts';
import type { Member } from './member.ts';
import { ReadOnlyService } from './read-only-service.ts';

/** How long nobody is told that we wait; from then on the pauses double, up to a minute. */
const FIRST_WORD_AFTER_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** What the looking member needs from the one that owns the election. */
export interface Search {
  /** Starts a round of the election. */
  look(): void;
  /** Voters that have not been heard of. */
  missing(): readonly Sid[];
  /** Voters that are there, this one perhaps, and have lost their history: they count in no election. */
  distrusted(): readonly Sid[];
}

/** Between leaders. The election itself belongs to the member, because it also answers for the other roles. */
export class Looking extends Leaderless {
  readonly name = 'looking';
  readonly #member: Member;
  readonly #search: Search;
  readonly #since: Millis;
  readonly #readOnly: ReadOnlyService;
  #lookAt: Millis;
  #wordAt: Millis;
  #pauseMs = FIRST_WORD_AFTER_MS;

  /** `delayMs`: an observer that lost its leader does not come back at once (quorum.md 3.6). */
  constructor(member: Member, search: Search, delayMs: Millis) {
    super('looking for a leader');
    this.#member = member;
    this.#search = search;
    this.#since = member.world.clock.now();
    this.#lookAt = this.#since + delayMs;
    this.#wordAt = this.#since + FIRST_WORD_AFTER_MS;
    this.#readOnly = new ReadOnlyService(member);
  }

  start(): void {
    this.tick(this.#since);
  }

  tick(now: Millis): void {
    this.#readOnly.tick(now);
    if (now >= this.#wordAt) this.#tellPatience(now);
    if (now < this.#lookAt) return;
    this.#lookAt = Infinity;
    this.#search.look(); // last: it may end this role
  }

  nextDeadline(): Millis {
    return Math.min(this.#lookAt, this.#wordAt, this.#readOnly.nextDeadline());
  }

  close(): void {
    this.#wordAt = this.#lookAt = Infinity;
    this.#readOnly.cancel();
  }

  #tellPatience(now: Millis): void {
    this.#member.world.trace({ kind: 'waiting', missing: this.#search.missing(), distrusted: this.#search.distrusted(), forMs: now - this.#since });
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#wordAt = now + this.#pauseMs;
  }
}
