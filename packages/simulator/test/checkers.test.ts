import { OpCode, asSessionId, asZxid, type Txn, type TxnBody } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { History } from '../src/committed-history.ts';
import { Model } from '../src/model.ts';
import { votingOf } from '../src/voting.ts';
import { WatchChecker } from '../src/watch-checker.ts';
import { WriteChecker, type WriteRequest } from '../src/write-checker.ts';

const ALICE = 1n;
const BOB = 2n;

function txn(session: bigint, body: TxnBody): Txn {
  return { header: { clientId: asSessionId(session), cxid: 0, zxid: asZxid(0n), time: 0n, type: body.type }, body, digest: null };
}

function create(path: string, ephemeral = false): TxnBody {
  return { type: OpCode.create2, path, data: Buffer.from(path), acl: [], ephemeral, parentCVersion: 1 };
}

/** Alice and Bob have sessions; Alice owns /mine since zxid 3. */
function told(): Model {
  const model = new Model(false);
  model.apply(1n, txn(ALICE, { type: OpCode.createSession, timeOut: 1000 }));
  model.apply(2n, txn(BOB, { type: OpCode.createSession, timeOut: 1000 }));
  model.apply(3n, txn(ALICE, create('/mine', true)));
  return model;
}

describe('the model', () => {
  test('knows what every znode held at every zxid', () => {
    const model = told();
    model.apply(4n, txn(BOB, { type: OpCode.setData, path: '/mine', data: Buffer.from('new'), version: 1 }));
    model.apply(5n, txn(BOB, { type: OpCode.delete, path: '/mine' }));
    expect([2n, 3n, 4n, 5n, 9n].map((zxid) => model.at('/mine', zxid)?.data ?? null)).toEqual([null, '/mine', 'new', null, null]);
    expect([model.changedBy('/mine', 4n), model.changedBy('/mine', 6n), model.ephemeralCount]).toEqual([4n, 5n, 0]);
    expect([model.childCountAt('/', 4n), model.childCountAt('/', 5n), model.childrenChangedBy('/', 9n)]).toEqual([1, 0, 5n]);
  });

  test.each([
    ['a write of a closed session', txn(BOB, create('/late'))],
    ['an ephemeral of a closed session', txn(BOB, create('/late', true))],
  ])('refuses %s', (_, late) => {
    const model = told();
    model.apply(4n, txn(BOB, { type: OpCode.closeSession, paths: [] }));
    expect(() => model.apply(5n, late)).toThrow('SessionSafety');
  });

  test('refuses a session that closes and leaves something, or takes what is not its own', () => {
    expect(() => told().apply(4n, txn(ALICE, { type: OpCode.closeSession, paths: [] }))).toThrow('leaves /mine');
    expect(() => told().apply(4n, txn(BOB, { type: OpCode.closeSession, paths: ['/mine'] }))).toThrow('SessionSafety');
    expect(() => told().apply(4n, txn(ALICE, { type: OpCode.closeSession, paths: ['/mine'] }))).not.toThrow();
  });
});

describe('writes', () => {
  const setData = (version: number): WriteRequest => ({ kind: 'setData', path: '/mine', data: 'new', flags: 0, version });

  function writes(): WriteChecker {
    const model = told();
    model.apply(4n, txn(ALICE, { type: OpCode.setData, path: '/mine', data: Buffer.from('new'), version: 1 }));
    return new WriteChecker(new History(votingOf([], null), model), model);
  }

  test('come after every write that was acknowledged before they began', () => {
    const checker = writes();
    const early = checker.begins('alice', setData(-1));
    checker.begins('bob', setData(-1)).ends({ ok: null }, 4n, '/mine');
    expect(() => early.ends({ ok: null }, 3n, '/mine')).not.toThrow(); // they overlapped
    expect(() => checker.begins('alice', setData(-1)).ends({ ok: null }, 3n, '/mine')).toThrow('Linearizable');
  });

  test('come right after the version they asked for', () => {
    expect(() => writes().begins('alice', setData(0)).ends({ ok: null }, 4n, '/mine')).not.toThrow();
    expect(() => writes().begins('alice', setData(1)).ends({ ok: null }, 4n, '/mine')).toThrow('Linearizable');
  });

  test.each([
    ['BADVERSION', 1],
    ['NONODE', -1],
  ])('are refused with %s for a reason that was there', (error, version) => {
    expect(() => writes().begins('alice', setData(version)).ends({ error }, 4n, '/mine')).toThrow('ErrorsAreTrue');
  });

  test('that nobody committed were not acknowledged', () => {
    const checker = writes();
    checker.begins('alice', setData(-1)).ends({ ok: null }, 5n, '/mine');
    expect(() => checker.atRest()).toThrow('AcknowledgedIsDurable');
  });
});

describe('watches', () => {
  const bob = { name: 'bob', connected: true };
  const DATA_CHANGED = 3;

  /** Bob watches /mine as it was at zxid 3; at zxid 4 it changes. */
  function watching(): WatchChecker {
    const model = told();
    const checker = new WatchChecker(model);
    checker.looked(bob, '/mine', 3n, 3n, true);
    model.apply(4n, txn(ALICE, { type: OpCode.setData, path: '/mine', data: null, version: 1 }));
    return checker;
  }

  test('fire once, for what changed, before it can be seen', () => {
    const checker = watching();
    checker.notified(bob, DATA_CHANGED, '/mine', 4n, 3n);
    expect(() => checker.looked(bob, '/mine', 4n, 4n, false)).not.toThrow();
    expect(() => checker.notified(bob, DATA_CHANGED, '/mine', 4n, 3n)).toThrow('WatchOnce');
    expect(() => watching().looked(bob, '/mine', 4n, 4n, false)).toThrow('WatchBeforeData');
    expect(() => watching().notified(bob, DATA_CHANGED, '/mine', 5n, 3n)).toThrow('WatchOrder');
    expect(() => watching().notified(bob, DATA_CHANGED, '/mine', 4n, 4n)).toThrow('WatchOrder');
  });

  test('are not lost, neither in place nor when they are set again elsewhere', () => {
    expect(() => watching().atRest(3n)).not.toThrow();
    expect(() => watching().atRest(4n)).toThrow('WatchLost');
    expect(() => watching().setAgain(bob, 3n)).not.toThrow();
    expect(() => watching().setAgain(bob, 4n)).toThrow('WatchLost');
  });
});
