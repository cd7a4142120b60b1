import { afterEach, expect, test, vi } from 'vitest';
import { Election, type ElectionInput, type Vote } from '@zk/election';
import { asZxid, type Proposal, type Zxid } from '@zk/protocol';
import { simulate, type StoreWrapper } from '@zk/simulator';
import { EpochAckQuorum, EpochQuorum } from '@zk/zab';
import { ExpiryQueue, type Expiring } from '../../packages/peer/src/expiry-queue.ts';
import { MemberHistory } from '../../packages/peer/src/history.ts';
import { Notifier } from '../../packages/peer/src/notifier.ts';
import { Broadcast } from '../../packages/zab/src/broadcast.ts';
import { LearnerHandler } from '../../packages/zab/src/learner-handler.ts';
import { delegating } from '../support/delegating-store.ts';
import { nextTurn } from '../support/next-turn.ts';

// Tests of the tests: each breaks one rule that quorum.md section 17 calls for, and the simulation must notice within
// 500 seeds. A mutation that nothing notices is a rule that nothing guards.
const SEEDS = 500;
const FAULTS_FOR_MS = 10_000;
/** A seed takes a fraction of a second, and nearly every mutation is noticed by the first few. */
const TIMEOUT_MS = 300_000;

const comparison = vi.hoisted(() => ({ supersedes: null as ((vote: Vote, other: Vote) => boolean) | null }));
vi.mock('../../packages/election/src/vote.ts', async (original) => {
  const { supersedes, ...rest } = await original<typeof import('../../packages/election/src/vote.ts')>();
  return { ...rest, supersedes: (...votes: Parameters<typeof supersedes>) => (comparison.supersedes ?? supersedes)(...votes) };
});

const undo: (() => void)[] = [];
afterEach(() => {
  for (const restore of undo.splice(0)) restore();
  comparison.supersedes = null;
});

/** Replaces a method or a getter of a class until the end of the test; `make` is given the original. */
function patch<T extends object>(type: { prototype: T }, name: keyof T & string, make: (original: PropertyDescriptor) => PropertyDescriptor): void {
  const original = Object.getOwnPropertyDescriptor(type.prototype, name);
  if (!original) throw new Error(`there is no ${name} to change`);
  Object.defineProperty(type.prototype, name, { ...original, ...make(original) });
  undo.push(() => Object.defineProperty(type.prototype, name, original));
}

/** The simulation must notice, and by one of `rules`: a mutation that is caught for another reason is not understood. */
function mutation(rule: string, change: () => StoreWrapper | void, ...rules: string[]): void {
  test(`is noticed: ${rule}`, { timeout: TIMEOUT_MS }, async () => {
    const store = change() ?? undefined;
    for (let seed = 1; seed <= SEEDS; seed++) {
      await nextTurn();
      const { violation } = simulate(seed, { faultsForMs: FAULTS_FOR_MS, store });
      if (!violation) continue;
      console.log(`${rule}: noticed by seed ${seed}, ${violation.message.split('\n')[0]}`);
      expect(rules).toContain(violation.rule);
      return;
    }
    throw new Error(`not noticed by ${SEEDS} seeds`);
  });
}

// ---- durability (quorum.md 17.1)

mutation('a txn is acked before it is synced (T2)', () => (store) => delegating(store, {
  append(proposal, persisted) {
    store.append(proposal, () => undefined);
    persisted(proposal.zxid);
  },
}), 'AckDurable', 'CommitQuorum');

mutation('ACKEPOCH leaves before acceptedEpoch is on disk (T3)', () => (store) => delegating(store, {
  saveEpochs(epochs, done) {
    if (epochs.accepted === undefined) return store.saveEpochs(epochs, done);
    store.saveEpochs(epochs, () => undefined);
    done();
  },
}), 'PromiseKept');

mutation('NEWLEADER is acked before currentEpoch is on disk (T3)', () => (store) => delegating(store, {
  saveEpochs(epochs, done) {
    if (epochs.current === undefined) return store.saveEpochs(epochs, done);
    store.saveEpochs(epochs, () => undefined);
    done();
  },
}), 'AckDurable', 'PromiseKept');

mutation('currentEpoch is on disk before the history it stands for (T3, ZOOKEEPER-4643)', () => (store, node) => delegating(store, {
  flush: (done) => done(),
  saveEpochs(epochs, done) {
    const { durable } = node.disk;
    durable.epochs = { ...(durable.epochs ?? { accepted: 0n, current: 0n }), ...epochs };
    node.written();
    done();
  },
}), 'HistoryBeforeEpoch', 'AckDurable', 'VoteIsTrue');

mutation('the vote is cast before the log is quiet (T5)', () => (store) => delegating(store, { flush: (done) => done() }), 'VoteIsTrue');

mutation('the vote counts what is committed, not what is logged (T4)', () => {
  const committed = new WeakMap<MemberHistory, Zxid>();
  patch(MemberHistory, 'fastForward', ({ value }) => ({
    value(this: MemberHistory): number {
      committed.set(this, this.tree.lastZxid);
      return (value as () => number).call(this);
    },
  }));
  patch(MemberHistory, 'claimed', ({ get }) => ({
    get(this: MemberHistory): Zxid {
      return committed.get(this) ?? (get as () => Zxid).call(this);
    },
  }));
}, 'VoteIsTrue');

mutation('TRUNC is skipped (8.4)', () => (store) => delegating(store, {
  truncate(to, done) {
    const { txns, image, ...rest } = store.recover();
    const kept: Proposal[] = [...txns].filter(({ zxid }) => zxid <= to);
    store.flush(() => done({ ...rest, image, txns: kept, lastZxid: kept.at(-1)?.zxid ?? image?.zxid ?? asZxid(0n) }));
  },
}), 'LearnerEqualsLeader', 'LeaderComplete', 'CommittedNotTruncated', 'NoMemberEndsByItself', 'TotalOrder', 'DigestAgreement', 'VoteIsTrue');

// ---- agreement (quorum.md 6, 7, 9)

mutation('a minority commits', () => {
  patch(Broadcast, 'begin', ({ value }) => ({
    value(this: Broadcast, epoch: bigint): void {
      (value as (epoch: bigint, quorum: object) => void).call(this, epoch, { isQuorum: (acks: Set<bigint>) => acks.size > 0 });
    },
  }));
}, 'CommitQuorum');

mutation('a leader serves before a quorum has acked NEWLEADER', () => {
  patch(LearnerHandler, 'hasAckedNewLeader', () => ({ get: () => true }));
}, 'EpochQuorum', 'CommitQuorum');

mutation('proposals are not forwarded to a learner that is being synced (T9)', () => {
  patch(LearnerHandler, 'isForwarding', () => ({
    get(this: LearnerHandler): boolean {
      return this.isParticipant && this.phase === 'synced';
    },
  }));
}, 'Contiguous', 'CommitKnown');

mutation('a new leader takes an epoch that was promised before', () => {
  patch(EpochQuorum, 'hear', ({ value }) => ({
    value(this: EpochQuorum, sid: bigint, accepted: bigint, isParticipant: boolean): void {
      (value as typeof this.hear).call(this, sid as never, accepted - 1n, isParticipant);
    },
  }));
}, 'Leadership', 'Liveness', 'PromiseKept', 'TotalOrder', 'ZxidUnique');

// ---- election (quorum.md 3)

mutation('the vote ignores the history', () => votesWith(({ currentEpoch }) => ({ lastLogged: asZxid(0n), currentEpoch })), 'VoteIsTrue');

mutation('the vote ignores the epoch', () => votesWith(({ lastLogged }) => ({ lastLogged, currentEpoch: 0n })), 'VoteIsTrue');

mutation('of two votes the greater sid wins, whatever it knows (3.2)', () => {
  comparison.supersedes = (vote, other) => vote.leader > other.leader;
}, 'BestVote');

mutation('votes are compared without their epochs (3.2)', () => {
  comparison.supersedes = (vote, other) => (vote.zxid === other.zxid ? vote.leader > other.leader : vote.zxid > other.zxid);
}, 'BestVote');

function votesWith(change: (look: Extract<ElectionInput, { kind: 'look' }>) => { lastLogged: bigint; currentEpoch: bigint }): void {
  patch(Election, 'step', ({ value }) => ({
    value(this: Election, input: ElectionInput, now: number): unknown {
      const changed = input.kind === 'look' ? { ...input, ...change(input) } : input;
      return (value as typeof this.step).call(this, changed, now);
    },
  }));
}

// ---- clients

mutation('a session is never given up (client.md 5.3)', () => {
  patch(ExpiryQueue<Expiring>, 'touch', () => ({ value: () => undefined }));
}, 'SessionsExpire');

mutation('a watch is told one txn late (client.md 4.5)', () => {
  const waiting = new WeakMap<Notifier, Parameters<Notifier['fire']>>();
  patch(Notifier, 'fire', ({ value }) => ({
    value(this: Notifier, ...event: Parameters<Notifier['fire']>): void {
      const before = waiting.get(this);
      waiting.set(this, event);
      if (before) (value as typeof this.fire).apply(this, before);
    },
  }));
}, 'WatchBeforeData', 'WatchOrder', 'WatchLost');
