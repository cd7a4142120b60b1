import type { Millis } from '@zk/protocol';
import type { LinkInput, Role } from './member.ts';
import type { RoleName } from './world.ts';

/** What the roles without a leader have in common: nobody is linked with, nothing is committed. */
export abstract class Leaderless implements Role {
  abstract readonly name: RoleName;
  readonly leader = null;
  readonly isServing = false;
  readonly #refusal: string;

  /** @param refusal what a server hears that links with this one all the same */
  constructor(refusal: string) {
    this.#refusal = refusal;
  }

  abstract start(): void;
  abstract tick(now: Millis): void;
  abstract nextDeadline(): Millis;
  abstract close(): void;

  link(input: LinkInput): void {
    if (input.kind === 'learnerLinked' || input.kind === 'leaderLinked') input.link.close(this.#refusal);
  }

  lastCommitted(): null {
    return null;
  }

  learners(): readonly [] {
    return [];
  }
}
