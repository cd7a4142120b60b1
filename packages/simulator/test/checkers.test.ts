import { OpCode, asSessionId, asZxid, type Txn, type TxnBody } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { Model } from '../src/model.ts';

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
