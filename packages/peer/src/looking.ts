import type { Millis, Sid } from '@zk/protocol';
import type { LinkInput, Member, Role } from './member.ts';
import { unreachable } from './member.ts';

/** How long nobody is told that we wait; from then on the pauses double, up to a minute. */
const FIRST_WORD_AFTER_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** Without a quorum for this long (or a tick, if longer), a server that may serves reads (client.md 5.7). */
const READ_ONLY_AFTER_MS = 2000;

/** What the looking member needs from the one that owns the election. */
export interface Search {
  /** Starts a round of the election. */
  look(): void;
  /** Voters that have not been heard of. */
  missing(): readonly Sid[];
}

/** Between leaders. The election itself belongs to the member, because it also answers for the other roles. */
export class Looking implements Role {
  readonly name = 'looking';
  readonly leader = null;
  readonly isServing = false;
  readonly #member: Member;
  readonly #search: Search;
  readonly #since: Millis;
  #lookAt: Millis;
  #wordAt: Millis;
  #pauseMs = FIRST_WORD_AFTER_MS;
  #readOnlyAt = Infinity;

  /** `delayMs`: an observer that lost its leader does not come back at once (quorum.md 3.6). */
  constructor(member: Member, search: Search, delayMs: Millis) {
    this.#member = member;
    this.#search = search;
    this.#since = member.world.clock.now();
    this.#lookAt = this.#since + delayMs;
    this.#wordAt = this.#since + FIRST_WORD_AFTER_MS;
    const mayServeReads = member.config.readOnlyMode && member.history.isTrusted;
    if (mayServeReads) this.#readOnlyAt = this.#since + Math.max(READ_ONLY_AFTER_MS, member.config.tickTime);
  }

  start(): void {
    this.tick(this.#since);
  }

  link(input: LinkInput): void {
    if (input.kind === 'learnerLinked' || input.kind === 'leaderLinked') input.link.close('looking for a leader');
  }

  tick(now: Millis): void {
    if (now >= this.#readOnlyAt) this.#serveReads();
    if (now >= this.#wordAt) this.#tellPatience(now);
    if (now < this.#lookAt) return;
    this.#lookAt = Infinity;
    this.#search.look(); // last: it may end this role
  }

  nextDeadline(): Millis {
    return Math.min(this.#lookAt, this.#wordAt, this.#readOnlyAt);
  }

  close(): void {
    this.#wordAt = this.#lookAt = this.#readOnlyAt = Infinity;
  }

  lastCommitted(): null {
    return null;
  }

  learners(): readonly [] {
    return [];
  }

  #tellPatience(now: Millis): void {
    this.#member.world.trace({ kind: 'waiting', missing: this.#search.missing(), forMs: now - this.#since });
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#wordAt = now + this.#pauseMs;
  }

  #serveReads(): void {
    this.#readOnlyAt = Infinity;
    this.#member.serve(
      {
        role: 'readOnly',
        nextZxid: () => unreachable('a read-only server gives no zxids'),
        propose: () => unreachable('a read-only server proposes nothing'),
        request: () => unreachable('a read-only server forwards nothing'),
        sync: () => unreachable('a read-only server has no syncs'),
        revalidate: () => unreachable('a read-only server has no global sessions'),
      },
      this.#member.epochs.current,
    );
  }
}
