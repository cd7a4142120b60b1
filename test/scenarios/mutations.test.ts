import { afterEach, vi } from 'vitest';
import { Election, type ElectionInput, type Vote } from '@zk/election';
import { OpCode, PacketType, asZxid, type Proposal, type SessionId, type Txn, type Zxid } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { EpochQuorum, Learner, type LearnerEffect, type LearnerInput } from '@zk/zab';
import type { PendingRequest } from '../../packages/peer/src/connections.ts';
import { ExpiryQueue, type Expiring } from '../../packages/peer/src/expiry-queue.ts';
import { MemberHistory } from '../../packages/peer/src/history.ts';
import { Notifier } from '../../packages/peer/src/notifier.ts';
import { reads } from '../../packages/peer/src/operations/index.ts';
import { Outstanding } from '../../packages/peer/src/outstanding.ts';
import { RequestQueue } from '../../packages/peer/src/request-queue.ts';
import { Broadcast } from '../../packages/zab/src/broadcast.ts';
import { LearnerHandler } from '../../packages/zab/src/learner-handler.ts';
import { delegating } from '../support/delegating-store.ts';
import { mutation, patch, restoreRules } from '../support/mutation.ts';

// Tests of the tests: each breaks one rule that quorum.md section 17 or client.md calls for, and the simulation must notice
// within 500 seeds. A mutation that nothing notices is a rule that nothing guards.

const comparison = vi.hoisted(() => ({ supersedes: null as ((vote: Vote, other: Vote) => boolean) | null }));
vi.mock('../../packages/election/src/vote.ts', async (original) => {
  const { supersedes, ...rest } = await original<typeof import('../../packages/election/src/vote.ts')>();
  return { ...rest, supersedes: (...votes: Parameters<typeof supersedes>) => (comparison.supersedes ?? supersedes)(...votes) };
});

const versions = vi.hoisted(() => ({ areIgnored: false }));
vi.mock('../../packages/peer/src/operations/version.ts', async (original) => {
  const { requireVersion } = await original<typeof import('../../packages/peer/src/operations/version.ts')>();
  return { requireVersion: (...args: Parameters<typeof requireVersion>) => (versions.areIgnored ? undefined : requireVersion(...args)) };
});

const watches = vi.hoisted(() => ({ areTakenAsUpToDate: false }));
vi.mock('../../packages/tree/src/set-watches.ts', async (original) => {
  const { restoreWatches } = await original<typeof import('../../packages/tree/src/set-watches.ts')>();
  const restore: typeof restoreWatches = (set, tree, watcher, request, tell) => {
    const relativeZxid = watches.areTakenAsUpToDate ? tree.lastZxid : request.relativeZxid;
    restoreWatches(set, tree, watcher, { ...request, relativeZxid }, tell);
  };
  return { restoreWatches: restore };
});

afterEach(() => {
  restoreRules();
  comparison.supersedes = null;
  versions.areIgnored = false;
  watches.areTakenAsUpToDate = false;
});

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
    node.written('epochs');
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

mutation('a leader counts its own log before it is synced (T2)', () => {
  patch(Broadcast, 'propose', ({ value }) => ({
    value(this: Broadcast, ...[proposal, now]: Parameters<Broadcast['propose']>): void {
      (value as Broadcast['propose']).call(this, proposal, now);
      this.persisted(proposal.zxid);
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

mutation('a follower applies what it is proposed (9.3)', () => {
  patch(Learner, 'step', ({ value }) => ({
    value(this: Learner, input: LearnerInput, now: number): LearnerEffect[] {
      const step = value as Learner['step'];
      const effects = step.call(this, input, now);
      if (input.kind !== 'packet' || input.packet.type !== PacketType.PROPOSAL) return effects;
      return [...effects, ...step.call(this, { kind: 'packet', packet: { ...input.packet, type: PacketType.COMMIT, data: null } }, now)];
    },
  }));
}, 'CommitQuorum', 'TotalOrder');

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

mutation('what happened while a session moved is not told when its watches are set again (client.md 4.6)', () => {
  watches.areTakenAsUpToDate = true;
}, 'WatchLost');

mutation('a read is answered before the writes of its session (client.md 1.5)', () => {
  patch(RequestQueue, 'enqueue', ({ value }) => ({
    value(this: RequestQueue, pending: PendingRequest): void {
      const { connection, ids, xid, op, frame, receivedAt } = pending;
      const read = pending.ready && frame ? reads.get(op) : undefined;
      if (read && frame) this.reply(connection, xid, op, this.read(connection, ids, xid, read, frame), receivedAt);
      else (value as RequestQueue['enqueue']).call(this, pending);
    },
  }));
}, 'ClientOrder');

mutation('a write is done whatever version it asks for', () => {
  versions.areIgnored = true;
}, 'Linearizable');

mutation('a session that closes leaves an ephemeral (T58, ZOOKEEPER-2355)', () => {
  patch(Outstanding, 'ephemeralsOf', ({ value }) => ({
    value(this: Outstanding, session: SessionId): string[] {
      return (value as Outstanding['ephemeralsOf']).call(this, session).slice(1);
    },
  }));
}, 'SessionSafety', 'DigestAgreement');

mutation('a member applies one txn in a hundred otherwise than the others (quorum.md 14)', () => {
  const applied = new WeakMap<DataTree, number>();
  patch(DataTree, 'apply', ({ value }) => ({
    value(this: DataTree, txn: Txn): unknown {
      const count = (applied.get(this) ?? 0) + 1;
      applied.set(this, count);
      const body = txn.body.type === OpCode.setData && count % 100 === 0 ? { ...txn.body, version: txn.body.version + 1 } : txn.body;
      return (value as DataTree['apply']).call(this, { ...txn, body });
    },
  }));
}, 'DigestAgreement', 'ReadsCommitted', 'NoMemberEndsByItself');
