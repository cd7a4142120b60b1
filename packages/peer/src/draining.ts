import type { Millis } from '@zk/protocol';
import { Leaderless } from './leaderless.ts';
import type { Member } from './member.ts';
import { ReadOnlyService } from './read-only-service.ts';

export interface DrainingOptions {
  /** Runs its action once no checkpoint reads the tree any more. */
  whenIdle(action: () => void): void;
  /** False: the tail stays out of the tree, because nobody will vote with it, and the tree is to be saved. */
  readonly appliesTail: boolean;
  /** Reads may be served if this takes long: the member has not been asked to stop. */
  readonly mayServeReads: boolean;
  /** @param applied txns of the tail that are part of the tree now, and may yet be truncated */
  drained(applied: number): void;
}

/**
 * Between a role and the next vote: everything logged becomes durable, and then part of the tree, so that the vote
 * covers it. A txn logged after the vote was computed could be truncated although it was acked (quorum.md T5).
 *
 * With a full disk this lasts until there is room: a member that cannot write its log is no part of any quorum, and all
 * it has to offer meanwhile are reads for those who ask for no more.
 */
export class Draining extends Leaderless {
  readonly name = 'draining';
  readonly #member: Member;
  readonly #options: DrainingOptions;
  readonly #readOnly: ReadOnlyService;
  #closed = false;

  constructor(member: Member, options: DrainingOptions) {
    super('changing roles');
    this.#member = member;
    this.#options = options;
    this.#readOnly = new ReadOnlyService(member);
    if (!options.mayServeReads) this.#readOnly.cancel();
  }

  start(): void {
    this.#member.world.store.flush(() => this.#options.whenIdle(() => this.#fastForward()));
  }

  tick(now: Millis): void {
    this.#readOnly.tick(now);
  }

  nextDeadline(): Millis {
    return this.#readOnly.nextDeadline();
  }

  /** Asked to stop meanwhile: another drain takes over. */
  close(): void {
    this.#closed = true;
    this.#readOnly.cancel();
  }

  #fastForward(): void {
    if (this.#closed) return;
    const { history, world } = this.#member;
    this.#readOnly.cancel();
    this.#member.endService('the log is durable'); // nobody reads what is not committed
    const applied = this.#options.appliesTail ? history.fastForward() : 0;
    if (applied > 0) world.trace({ kind: 'treeReplaced', by: 'fastForward', zxid: history.lastLogged });
    this.#options.drained(applied);
  }
}
