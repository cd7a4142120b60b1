import { ServerState, asZxid, counterOf, decodeNotification, epochOf, hex, type Sid, type Zxid } from '@zk/protocol';
import type { History } from './committed-history.ts';
import type { SimNode } from './node.ts';
import { check } from './violation.ts';
import type { Voting } from './voting.ts';

interface Seen {
  readonly accepted: bigint;
  readonly current: bigint;
}

/** What disks say about epochs, at every instant (quorum.md 18.1: Leadership, EpochMonotonic; 17.1: T3, T5). */
export class EpochChecker {
  readonly #history: History;
  readonly #voting: Voting;
  readonly #voters: readonly SimNode[];
  readonly #seen = new Map<Sid, Seen>();
  readonly #leaders = new Map<bigint, Sid>();
  /** Where the history of each epoch begins: the leader's log when it took up the epoch. */
  readonly #beginnings = new Map<bigint, Zxid>();
  /** Votes of members for themselves that were true when they were cast. */
  readonly #trueOnce = new Set<string>();

  constructor(history: History, voting: Voting, voters: readonly SimNode[]) {
    this.#voting = voting;
    this.#history = history;
    this.#voters = voters;
  }

  /** The disk of `node` has changed. */
  written(node: SimNode): void {
    const now = node.disk.durable.epochs;
    const { lastZxid } = node.disk;
    if (this.#voters.length > 1) {
      check(epochOf(lastZxid) <= (now?.accepted ?? 0n), 'EpochMonotonic', () => `server.${node.sid} has logged ${hex(lastZxid)}, accepted is ${now?.accepted}`);
    }
    const before = this.#seen.get(node.sid);
    if (!now || (before?.accepted === now.accepted && before.current === now.current)) return;
    check(now.current <= now.accepted, 'EpochMonotonic', () => `server.${node.sid}: current ${now.current} > accepted ${now.accepted}`);
    check(
      before === undefined || (now.accepted >= before.accepted && now.current >= before.current),
      'EpochMonotonic',
      () => `server.${node.sid} went back from ${before?.accepted}/${before?.current} to ${now.accepted}/${now.current}`,
    );
    if (before && now.current > before.current) this.#takesPart(node, now.current);
    this.#seen.set(node.sid, { ...now });
  }

  /** `node` has the promise of a quorum for `epoch`, and says so. False where that was known. */
  leads(node: SimNode, epoch: bigint): boolean {
    const other = this.#leaders.get(epoch);
    check(other === undefined || other === node.sid, 'Leadership', () => `server.${other} and server.${node.sid} lead epoch ${epoch}`);
    this.#leaders.set(epoch, node.sid);
    return other === undefined;
  }

  serves(node: SimNode, epoch: bigint): void {
    this.leads(node, epoch);
    if (this.#voters.length === 1) return; // alone there is no epoch to agree on
    const established = this.#voters.filter(({ disk }) => (disk.durable.epochs?.current ?? 0n) >= epoch);
    const sids = established.map(({ sid }) => sid);
    check(this.#voting.isQuorum(sids), 'EpochQuorum', () => `server.${node.sid} serves epoch ${epoch}, which is on the disks of [${sids.join(' ')}] only`);
  }

  /**
   * A vote for oneself says what is on the own disk: not less (T4), and not what one hopes to have there (T5). A vote for
   * somebody else is for one who has more (quorum.md 3.2). One's own vote of an earlier life may come back from a voter that
   * was cut off meanwhile: it wins over a history that TRUNC made shorter, or the two would never agree (and discovery looks
   * at histories, not at votes).
   */
  voted(node: SimNode, message: Buffer): void {
    const { state, leader, zxid, peerEpoch } = decodeNotification(message);
    const epoch = node.disk.durable.epochs?.current ?? 0n;
    const { lastZxid } = node.disk;
    if (state !== ServerState.LOOKING || zxid < 0n || !this.#voters.includes(node)) return;
    const told = (): string => `server.${node.sid} votes for ${leader} with epoch ${peerEpoch}, ${hex(zxid)}; on its own disk are epoch ${epoch}, ${hex(lastZxid)}`;
    const isNotLess = peerEpoch > epoch || (peerEpoch === epoch && zxid >= lastZxid);
    if (leader !== node.sid) return check(isNotLess, 'BestVote', told);
    const vote = `${leader} ${peerEpoch} ${zxid}`;
    if (peerEpoch === epoch && zxid === lastZxid) this.#trueOnce.add(vote);
    else check(isNotLess && this.#trueOnce.has(vote), 'VoteIsTrue', told);
  }

  /** currentEpoch follows the history it stands for, never the other way round (T3, ZOOKEEPER-4643). */
  #takesPart(node: SimNode, epoch: bigint): void {
    const beginning = this.#beginnings.get(epoch);
    const last = this.#lastTxn(node.disk.lastZxid);
    if (beginning === undefined) {
      this.#beginnings.set(epoch, last); // the leader is the first to take it up
      return;
    }
    check(last >= beginning, 'HistoryBeforeEpoch', () => `server.${node.sid} takes part in epoch ${epoch} with ${hex(last)}, which begins after ${hex(beginning)}`);
  }

  /** An image may be named for the start of an epoch, where there is no txn. */
  #lastTxn(zxid: Zxid): Zxid {
    return counterOf(zxid) === 0n ? asZxid(this.#history.lastBefore(zxid)) : zxid;
  }
}
