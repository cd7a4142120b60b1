import type { Millis } from '@zk/protocol';
import type { Member } from './member.ts';
import { unreachable } from './member.ts';

/** Without a quorum for this long (or a tick, if longer), a server that may serves reads (client.md 5.7). */
const READ_ONLY_AFTER_MS = 2000;

/** Reads for clients that ask for no more, from a member that is part of no quorum, if readonlymode.enabled says so. */
export class ReadOnlyService {
  readonly #member: Member;
  #at: Millis = Infinity;

  constructor(member: Member) {
    this.#member = member;
    const { config, world, history } = member;
    if (config.readOnlyMode && history.isTrusted) this.#at = world.clock.now() + Math.max(READ_ONLY_AFTER_MS, config.tickTime);
  }

  nextDeadline(): Millis {
    return this.#at;
  }

  tick(now: Millis): void {
    if (now < this.#at) return;
    this.#at = Infinity;
    this.#member.serve(
      {
        role: 'readOnly',
        takesWrites: false,
        nextZxid: () => unreachable('a read-only server gives no zxids'),
        propose: () => unreachable('a read-only server proposes nothing'),
        request: () => unreachable('a read-only server forwards nothing'),
        sync: () => unreachable('a read-only server has no syncs'),
        revalidate: () => unreachable('a read-only server has no global sessions'),
      },
      this.#member.epochs.current,
    );
  }

  /** It does not begin any more. */
  cancel(): void {
    this.#at = Infinity;
  }
}
