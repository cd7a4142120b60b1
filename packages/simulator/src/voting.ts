import type { EnsembleConfig, Sid } from '@zk/protocol';

/** Who votes, and how many of them are enough: what checkers count by, whatever the members believe. */
export interface Voting {
  readonly voters: readonly Sid[];
  isQuorum(sids: readonly Sid[]): boolean;
}

/** @param ensemble null: `voters` is one standalone server */
export function votingOf(voters: readonly Sid[], ensemble: EnsembleConfig | null): Voting {
  return { voters, isQuorum: (sids) => (ensemble ? ensemble.isQuorum(new Set(sids)) : sids.length === voters.length) };
}
