import type { LinkInput, Member, Role } from './member.ts';

/**
 * Between a role and the next vote: everything logged becomes durable, and then part of the tree, so that the vote
 * covers it. A txn logged after the vote was computed could be truncated although it was acked (quorum.md T5).
 */
export class Draining implements Role {
  readonly name = 'draining';
  readonly leader = null;
  readonly isServing = false;
  readonly #member: Member;
  readonly #whenIdle: (action: () => void) => void;
  readonly #drained: () => void;
  #closed = false;

  /** `whenIdle` runs its action once no checkpoint reads the tree any more. */
  constructor(member: Member, whenIdle: (action: () => void) => void, drained: () => void) {
    this.#member = member;
    this.#whenIdle = whenIdle;
    this.#drained = drained;
  }

  start(): void {
    this.#member.world.store.flush(() => this.#whenIdle(() => this.#fastForward()));
  }

  link(input: LinkInput): void {
    if (input.kind === 'learnerLinked' || input.kind === 'leaderLinked') input.link.close('changing roles');
  }

  tick(): void {}

  nextDeadline(): number {
    return Infinity;
  }

  /** Asked to stop meanwhile: another drain takes over. */
  close(): void {
    this.#closed = true;
  }

  lastCommitted(): null {
    return null;
  }

  learners(): readonly [] {
    return [];
  }

  #fastForward(): void {
    if (this.#closed) return;
    const { history, world } = this.#member;
    if (history.fastForward() > 0) world.trace({ kind: 'treeReplaced', by: 'fastForward', zxid: history.lastLogged });
    this.#drained();
  }
}
