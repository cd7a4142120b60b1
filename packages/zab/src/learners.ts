import type { Sid } from '@zk/protocol';
import type { LinkId } from './leader-io.ts';
import type { HandlerPhase, LearnerHandler } from './learner-handler.ts';

/** The connections a leader has. */
export class Learners implements Iterable<LearnerHandler> {
  readonly #handlers = new Map<LinkId, LearnerHandler>();

  add(handler: LearnerHandler): void {
    this.#handlers.set(handler.link, handler);
  }

  get(link: LinkId): LearnerHandler | undefined {
    return this.#handlers.get(link);
  }

  has(link: LinkId): boolean {
    return this.#handlers.has(link);
  }

  /**
   * What it acked is forgotten with it: on reconnecting it may be told to TRUNC that, before it logs it again
   * (quorum.md 17.3 T36).
   */
  delete(link: LinkId): boolean {
    return this.#handlers.delete(link);
  }

  inPhase(phase: HandlerPhase): LearnerHandler[] {
    return [...this].filter((handler) => handler.phase === phase);
  }

  /** Those that may vote, as far as the packet they came with tells: a quorum counts only those in its config. */
  participants(isMeant: (handler: LearnerHandler) => boolean): Set<Sid> {
    const sids = new Set<Sid>();
    for (const handler of this) if (handler.sid !== null && handler.isParticipant && isMeant(handler)) sids.add(handler.sid);
    return sids;
  }

  [Symbol.iterator](): MapIterator<LearnerHandler> {
    return this.#handlers.values();
  }
}
