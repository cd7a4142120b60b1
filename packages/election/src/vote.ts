import { hex, NO_VOTE, ServerState } from '@zk/protocol';
import type { Sid } from '@zk/protocol';

/** Who should lead, and what that server was known to have when the vote was cast (quorum.md 3.1). */
export interface Vote {
  /** The sid voted for; NO_VOTE from a server that may not elect and knows of nobody. */
  readonly leader: bigint;
  /** The last zxid that server had logged. */
  readonly zxid: bigint;
  /** The round the vote belongs to. */
  readonly electionEpoch: bigint;
  /** That server's currentEpoch; once it leads and has synchronised its followers, the epoch it established. */
  readonly peerEpoch: bigint;
}

/** A vote as it was received, with what is needed to compare it to others. */
export interface CastVote extends Vote {
  /** Of the server that cast it. */
  readonly state: ServerState;
  /** Of the notification format. */
  readonly version: number;
}

/**
 * Whether the first vote is for a better leader: by epoch, then zxid, then sid; the round plays no part (quorum.md 3.2).
 * Everything is compared signed, so NO_VOTE loses to all (T29). A server of weight 0 is never better.
 */
export function supersedes(vote: Vote, other: Vote, weightOf: (sid: Sid) => number): boolean {
  if (weightOf(vote.leader as Sid) === 0) return false;
  if (vote.peerEpoch !== other.peerEpoch) return vote.peerEpoch > other.peerEpoch;
  if (vote.zxid !== other.zxid) return vote.zxid > other.zxid;
  return vote.leader > other.leader;
}

/**
 * Whether two votes count as one (quorum.md 3.3). Votes of servers that have found a leader need only name the same
 * leader and epoch: their zxid and round may differ between servers that joined at different times (ZOOKEEPER-1805).
 */
export function agree(a: CastVote, b: CastVote): boolean {
  if (a.leader !== b.leader) return false;
  if (a.state === ServerState.LOOKING || b.state === ServerState.LOOKING) {
    return a.zxid === b.zxid && a.electionEpoch === b.electionEpoch && a.peerEpoch === b.peerEpoch;
  }
  // Servers without ZOOKEEPER-1732 do not report the established epoch.
  return a.version > 0 !== b.version > 0 || a.peerEpoch === b.peerEpoch;
}

/** `3 (epoch 1, zxid 0x100000002)`, or `nobody`; the round is told by whoever prints it. */
export function describeVote(vote: Vote): string {
  const leader = vote.leader === NO_VOTE ? 'nobody' : vote.leader;
  return vote.zxid === NO_VOTE ? `${leader}` : `${leader} (epoch ${vote.peerEpoch}, zxid ${hex(vote.zxid)})`;
}
