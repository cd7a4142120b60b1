import type { LinkInput, Role } from './member.ts';

/** Before the start, and after the stop. */
export class Stopped implements Role {
  readonly name = 'stopped';
  readonly leader = null;
  readonly isServing = false;

  start(): void {}

  link(input: LinkInput): void {
    if (input.kind === 'learnerLinked' || input.kind === 'leaderLinked') input.link.close('stopped');
  }

  tick(): void {}

  nextDeadline(): number {
    return Infinity;
  }

  close(): void {}

  lastCommitted(): null {
    return null;
  }

  learners(): readonly [] {
    return [];
  }
}
