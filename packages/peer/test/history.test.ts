import { describe, expect, test } from 'vitest';
import { OPEN_ACL, OpCode, asSessionId, asSid, asZxid, proposalOf } from '@zk/protocol';
import type { Proposal } from '@zk/protocol';
import { DamageError, MemoryDisk, MemoryStore } from '@zk/store';
import type { Recovered } from '@zk/store';
import { DataTree } from '@zk/tree';
import { peerConfig } from '../src/config.ts';
import { MemberHistory } from '../src/history.ts';
import type { TraceEvent, World } from '../src/world.ts';

function create(zxid: bigint, path: string): Proposal {
  return proposalOf({
    header: { clientId: asSessionId(7n), cxid: 1, zxid: asZxid(zxid), time: 1n, type: OpCode.create },
    body: { type: OpCode.create, path, data: null, acl: [...OPEN_ACL], ephemeral: false, parentCVersion: -1 },
    digest: null,
  });
}

/** A history over a memory store whose work is done by `work()`. */
function historyOf(change: Partial<Recovered> = {}) {
  const traces: TraceEvent[] = [];
  const pending: (() => void)[] = [];
  const store = new MemoryStore(new MemoryDisk(), (run) => void pending.push(run));
  const world: World = {
    clock: { now: () => 0, wallTime: () => 0 },
    random: { next: () => 0 },
    timer: { arm: () => {}, disarm: () => {} },
    store,
    electors: { send: () => {} },
    learners: { listen: () => {}, unlisten: () => {}, dial: () => {} },
    trace: (event) => void traces.push(event),
    fatal: () => {},
  };
  const config = peerConfig({ sid: asSid(1n), ensemble: null });
  const history = new MemberHistory(config, world, { ...store.recover(), ...change }, () => {});
  const work = (): void => {
    for (let run = pending.shift(); run; run = pending.shift()) run();
  };
  return { history, traces, work, store };
}

const noop = (): void => {};
const paths = (history: MemberHistory): string[] => [...history.tree.children('/')].filter((name) => name !== 'zookeeper').sort();

/** What a leader with /theirs at 0x9 would send. */
function imageOfOthers() {
  const tree = new DataTree();
  tree.apply(create(9n, '/theirs').txn);
  return tree.image();
}

describe("a member's history", () => {
  test('is rebuilt from what was recovered, and offers it to learners', () => {
    const { history } = historyOf({ txns: [create(1n, '/a'), create(2n, '/b')], lastZxid: asZxid(2n) });
    expect(paths(history)).toEqual(['a', 'b']);
    expect([history.lastLogged, history.committed.min, history.committed.max]).toEqual([2n, 1n, 2n]);
  });

  test('has a tail of what is logged and not committed, which only fast-forwarding applies', () => {
    const { history } = historyOf();
    for (const proposal of [create(1n, '/a'), create(2n, '/b'), create(3n, '/c')]) history.append(proposal, noop);
    history.leaveTail(create(1n, '/a'));
    history.apply(create(1n, '/a'));
    expect([paths(history), history.tailLength, history.lastLogged]).toEqual([['a'], 2, 3n]);
    expect(history.fastForward()).toBe(2);
    expect([paths(history), history.tailLength, history.tree.lastZxid]).toEqual([['a', 'b', 'c'], 0, 3n]);
    expect(history.committed.max).toBe(3n);
  });

  test('refuses commits out of order', () => {
    const { history } = historyOf();
    history.append(create(1n, '/a'), noop);
    expect(() => history.leaveTail(create(2n, '/b'))).toThrow('commits follow the order of the log');
  });

  test('forgets a received tree that never became durable', () => {
    const { history } = historyOf();
    history.append(create(1n, '/ours'), noop);
    history.receive(DataTree.fromImage(imageOfOthers()));
    expect(paths(history)).toEqual([]);
    history.dropReceived();
    history.fastForward();
    expect([paths(history), history.lastLogged]).toEqual([['ours'], 1n]);
  });

  test('becomes the received one, tail included, when that is saved', () => {
    const { history, work } = historyOf();
    history.append(create(1n, '/ours'), noop);
    history.receive(DataTree.fromImage(imageOfOthers()));
    let saved = false;
    history.adoptReceived(() => (saved = true));
    work();
    expect([saved, paths(history), history.lastLogged, history.tailLength]).toEqual([true, ['theirs'], 9n, 0]);
  });

  test('is cut back to where TRUNC says', () => {
    const { history, work } = historyOf();
    for (const proposal of [create(1n, '/a'), create(2n, '/b')]) history.append(proposal, noop);
    work();
    history.fastForward();
    const ends: (bigint | null)[] = [];
    history.truncate(asZxid(1n), (end) => ends.push(end));
    work();
    expect([ends, paths(history), history.lastLogged]).toEqual([[1n], ['a'], 1n]);
  });

  test('that is found damaged when it is to be cut is not trusted any more', () => {
    const { history, work, traces, store } = historyOf();
    history.append(create(1n, '/a'), noop);
    work();
    history.fastForward();
    const damage = new DamageError('log.1', 100, asZxid(0n), 'CRC check failed');
    store.truncate = (_to, done) => done({ image: null, txns: [], epochs: null, lastZxid: asZxid(0n), notes: [], trusted: false, damage });
    const ends: (bigint | null)[] = [];
    history.truncate(asZxid(1n), (end) => ends.push(end));
    expect([ends, history.claimed, paths(history)]).toEqual([[null], -1n, ['a']]);
    expect(traces).toEqual([{ kind: 'damage', reason: `${damage.message}: this member does not vote or lead until a leader has sent it a snapshot` }]);
  });

  test('claims nothing while it is not trusted, until a leader has given it another', () => {
    const { history, work } = historyOf({ trusted: false });
    expect(history.claimed).toBe(-1n);
    history.receive(DataTree.fromImage(imageOfOthers()));
    history.adoptReceived(noop);
    work();
    expect(history.claimed).toBe(9n);
    history.distrust();
    expect(history.claimed).toBe(-1n);
  });

  test('tells of a txn whose digest is another than the tree has', () => {
    const { history, traces } = historyOf();
    const { txn } = create(1n, '/a');
    history.apply(proposalOf({ ...txn, digest: { version: 2, treeDigest: 1n } }));
    expect(traces).toMatchObject([{ kind: 'digestMismatch', zxid: 1n, expected: 1n }]);
  });
});
