import { ServerState } from '@zk/protocol';
import type { Sid } from '@zk/protocol';
import { agree } from './vote.ts';
import type { CastVote } from './vote.ts';

/** The newest vote of every server heard. */
export class Tally {
  readonly #votes = new Map<Sid, CastVote>();

  /** Later votes replace earlier ones: the first on a fresh connection may be stale (T17). */
  record(from: Sid, vote: CastVote): void {
    this.#votes.set(from, vote);
  }

  of(sid: Sid): CastVote | undefined {
    return this.#votes.get(sid);
  }

  /** The servers whose vote counts as this one. */
  supporters(vote: CastVote): Set<Sid> {
    const supporters = new Set<Sid>();
    for (const [sid, cast] of this.#votes) if (agree(cast, vote)) supporters.add(sid);
    return supporters;
  }

  /** Whether that server itself says that it leads: what its followers say of it is not enough (T20). */
  leads(leader: bigint): boolean {
    return this.#votes.get(leader as Sid)?.state === ServerState.LEADING;
  }
}
