import type { Sid } from './zxid.ts';

/** Decides which sets of servers are large enough that any two of them share a member. */
export interface QuorumSystem {
  /** Only voters are counted: acks of observers and of servers outside the config change nothing. */
  isQuorum(acks: ReadonlySet<Sid>): boolean;
  /** A server of weight 0 is never elected (quorum.md 1.3). Unknown servers weigh 0 in a hierarchical system. */
  weightOf(sid: Sid): number;
}

/** More than half of the voters; every sid weighs 1, known or not, as in Apache's. */
export function majority(voters: ReadonlySet<Sid>): QuorumSystem {
  const half = Math.floor(voters.size / 2);
  return {
    isQuorum: (acks) => countIn(voters, acks) > half,
    weightOf: () => 1,
  };
}

function countIn(voters: ReadonlySet<Sid>, acks: ReadonlySet<Sid>): number {
  let count = 0;
  for (const sid of acks) if (voters.has(sid)) count++;
  return count;
}

/**
 * More than half of the groups, where a group counts once more than half of its weight has acked. Groups whose whole
 * weight is 0 are left out of the reckoning (quorum.md 1.3).
 */
export function hierarchical(
  voters: ReadonlySet<Sid>,
  groups: ReadonlyMap<bigint, readonly Sid[]>,
  weights: ReadonlyMap<Sid, number>,
): QuorumSystem {
  const weightOf = (sid: Sid): number => weights.get(sid) ?? 0;
  const weigh = (sids: readonly Sid[]): number => sids.reduce((sum, sid) => sum + weightOf(sid), 0);
  const counted = [...groups.values()]
    .map((sids) => ({ sids, half: Math.floor(weigh(sids) / 2), weight: weigh(sids) }))
    .filter(({ weight }) => weight > 0);
  const half = Math.floor(counted.length / 2);
  return {
    isQuorum: (acks) => {
      const acked = (sid: Sid): boolean => acks.has(sid) && voters.has(sid);
      return counted.filter((group) => weigh(group.sids.filter(acked)) > group.half).length > half;
    },
    weightOf,
  };
}

/** What a joint quorum needs to know of a config. */
export interface VotingConfig extends QuorumSystem {
  readonly voters: ReadonlySet<Sid>;
  readonly version: bigint;
}

/**
 * The config in force, and beside it the last one proposed while that is newer: from a reconfig's proposal to its
 * activation everything needs a quorum of both (quorum.md 13.3).
 */
export class JointQuorum {
  readonly committed: VotingConfig;
  /** Null unless a newer config than the committed one has been seen. */
  readonly next: VotingConfig | null;
  /** Voters of either config: the valid senders, targets and recipients of votes (quorum.md 1.4). */
  readonly voters: ReadonlySet<Sid>;

  constructor(committed: VotingConfig, lastSeen?: VotingConfig | null) {
    this.committed = committed;
    this.next = lastSeen && lastSeen.version > committed.version ? lastSeen : null;
    this.voters = this.next ? new Set([...committed.voters, ...this.next.voters]) : committed.voters;
  }

  isQuorum(acks: ReadonlySet<Sid>): boolean {
    return this.committed.isQuorum(acks) && (this.next === null || this.next.isQuorum(acks));
  }
}
