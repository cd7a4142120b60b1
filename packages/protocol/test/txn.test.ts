import { readFileSync } from 'node:fs';
import { encode, JuteError, Reader } from '@zk/jute';
import { describe, expect, test } from 'vitest';
import { asSessionId, asZxid, decodeTxn, encodeTxn, OpCode, OPEN_ACL, parseProposal, proposalOf, TxnHeader } from '@zk/protocol';
import type { Txn, TxnBody } from '@zk/protocol';
import { bytesOf } from './bytes.ts';

const openAcl = [...OPEN_ACL];
const world = '00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65';
const digest = { version: 2, treeDigest: 0x341a929fn };
const digestBytes = '00000002 00000000341a929f';

function header(type: number): TxnHeader {
  return { clientId: asSessionId(0x1000012e7810000n), cxid: 7, zxid: asZxid(0x100000003n), time: 1795227652481n, type };
}

function txnBytes(type: number, rest: string): Buffer {
  return Buffer.concat([encode(TxnHeader, header(type)), bytesOf(rest)]);
}

/** The entries of a log written by Java 3.8.0, cut behind its last record. */
function entriesOf(file: string): Buffer[] {
  const reader = new Reader(readFileSync(new URL(`fixtures/${file}`, import.meta.url)));
  reader.skip(16); // file header
  const entries: Buffer[] = [];
  while (reader.remaining > 0) {
    reader.long(); // checksum
    entries.push(reader.buffer()!);
    reader.byte(); // 'B'
  }
  return entries;
}

describe('a real log', () => {
  const entries = [...entriesOf('java-3.8.0.log.1'), ...entriesOf('java-3.8.0.log.3c')];
  const txns = new Map(entries.map((entry) => [Number(decodeTxn(entry).header.zxid), decodeTxn(entry)]));
  const txn = (zxid: number): Txn => txns.get(zxid)!;

  test('every entry comes back byte for byte', () => {
    expect(entries).toHaveLength(68);
    for (const entry of entries) expect(encodeTxn(decodeTxn(entry)).toString('hex')).toBe(entry.toString('hex'));
  });

  test('its zxids have no gap: failed writes are in it', () => {
    expect([...txns.keys()]).toEqual(Array.from({ length: 68 }, (_, index) => index + 1));
    expect(txn(0x1f)).toMatchObject({ header: { type: -1 }, body: { type: OpCode.error, err: -110 }, digest: null });
  });

  test.each<[string, number, TxnBody, bigint]>([
    ['createSession', 0x1, { type: OpCode.createSession, timeOut: 30_000 }, 1371985504n],
    ['create', 0x2, { type: OpCode.create, path: '/app', data: Buffer.from('root of app'), acl: openAcl, ephemeral: false, parentCVersion: 1 }, 5062714595n],
    ['setData', 0x15, { type: OpCode.setData, path: '/app/config', data: Buffer.from('{"a":2}'), version: 1 }, 50105093462n],
    ['delete', 0x1b, { type: OpCode.delete, path: '/app/tmp/c1' }, 52889338198n],
    ['setACL', 0x1c, { type: OpCode.setACL, path: '/app/bin', acl: [{ perms: 19, id: { scheme: 'world', id: 'anyone' } }], version: 1 }, 53204634899n],
    ['failed multi', 0x1e, { type: OpCode.multi, txns: [
      { type: OpCode.create, path: '/app/multi2', data: Buffer.from('never'), acl: openAcl, ephemeral: false, parentCVersion: 8 },
      { type: OpCode.error, err: -103 },
      { type: OpCode.error, err: -2 },
    ] }, 54629222072n],
    ['null data', 0x24, { type: OpCode.create, path: '/app/null', data: null, acl: openAcl, ephemeral: false, parentCVersion: 8 }, 59778589343n],
    ['container', 0x25, { type: OpCode.createContainer, path: '/cont', data: Buffer.from('container'), acl: openAcl, parentCVersion: 5 }, 61160633085n],
    ['TTL', 0x27, { type: OpCode.createTTL, path: '/ttl', data: Buffer.from('ttl one day'), acl: openAcl, parentCVersion: 6, ttl: 86_400_000n }, 67058639106n],
    ['closeSession', 0x3a, { type: OpCode.closeSession, paths: ['/live/b', '/locks/lock-0000000001'] }, 83662944846n],
  ])('%s', (_, zxid, body, treeDigest) => {
    expect(txn(zxid)).toMatchObject({ body, digest: { version: 2, treeDigest } });
  });
});

describe('what must be read although it is not written like that any more', () => {
  test('a create from before 3.4, without parentCVersion', () => {
    const { body, digest: none } = decodeTxn(txnBytes(OpCode.create, `00000002 2f61 00000001 78 ${world} 01`));
    expect(body).toEqual({ type: OpCode.create, path: '/a', data: Buffer.from('x'), acl: openAcl, ephemeral: true, parentCVersion: -1 });
    expect(none).toBeNull();
  });

  test('only type 1 was ever written like that', () => {
    expect(() => decodeTxn(txnBytes(OpCode.create2, `00000002 2f61 00000001 78 ${world} 01`))).toThrow('CreateTxn.parentCVersion takes 4 bytes');
  });

  test('a closeSession without a list', () => {
    expect(decodeTxn(txnBytes(OpCode.closeSession, '')).body).toEqual({ type: OpCode.closeSession, paths: null });
  });

  test('a closeSession without a list but with a digest', () => {
    expect(decodeTxn(txnBytes(OpCode.closeSession, digestBytes)))
      .toMatchObject({ body: { paths: null }, digest: { version: 2, treeDigest: 0x341a929fn } });
  });

  test('a closeSession whose list ends too early has no list', () => {
    expect(decodeTxn(txnBytes(OpCode.closeSession, '00000003 00000002 2f61'))).toMatchObject({ body: { paths: null }, digest: null });
  });

  test('a list of 12 bytes is a list', () => {
    expect(decodeTxn(txnBytes(OpCode.closeSession, '00000001 00000004 2f616263')).body).toMatchObject({ paths: ['/abc'] });
  });

  test('a txn without a digest, and one with a piece of it', () => {
    expect(decodeTxn(txnBytes(OpCode.delete, '00000002 2f61')).digest).toBeNull();
    expect(decodeTxn(txnBytes(OpCode.delete, '00000002 2f61 00000002 00000000')).digest).toBeNull();
  });

  test('a failed multi as Java re-sends it: the first operation typed as error, its body still attached', () => {
    const create = `00000003 2f6d32 00000001 32 ${world} 00 00000002`;
    const dump = `00000003 ffffffff 0000002c ${create} ffffffff 00000004 ffffff92 ffffffff 00000004 fffffffe 00000002 00000001572e73f7`;
    expect(decodeTxn(txnBytes(OpCode.multi, dump))).toMatchObject({
      body: { txns: [{ type: OpCode.error }, { type: OpCode.error, err: -110 }, { type: OpCode.error, err: -2 }] },
      digest: { treeDigest: 0x1572e73f7n },
    });
  });

  test('a null ACL, which stands for the open one', () => {
    expect(decodeTxn(txnBytes(OpCode.setACL, '00000002 2f61 ffffffff 00000001')).body).toMatchObject({ acl: openAcl });
  });
});

describe('what is refused', () => {
  test.each([
    ['an unknown type', 99, '', 'TxnHeader.type op99 is not the type of a txn'],
    ['a check by itself', OpCode.check, '00000002 2f61 00000000', 'TxnHeader.type check is not the type of a txn'],
    ['a multi in a multi', OpCode.multi, '00000001 0000000e 00000004 00000000', 'MultiTxn cannot hold a multi'],
    ['a session in a multi', OpCode.multi, '00000001 fffffff6 00000004 00001770', 'MultiTxn cannot hold a createSession'],
    ['an operation without a body', OpCode.multi, '00000001 00000002 ffffffff', 'MultiTxn has no body for its delete'],
    ['an operation cut short', OpCode.multi, '00000001 00000002 00000006 00000009 2f61', 'DeleteTxn.path claims 9 bytes at 0, 2 are left'],
    ['2³¹−1 operations', OpCode.multi, '7fffffff', 'MultiTxn.txns claims 2147483647 items at 32, 0 bytes are left'],
    ['a path that ends too early', OpCode.delete, '00000009 2f61', 'DeleteTxn.path claims 9 bytes at 32, 2 are left'],
  ])('%s', (_, type, rest, message) => {
    expect(() => decodeTxn(txnBytes(type, rest))).toThrow(message);
  });

  test('a header cut short', () => {
    expect(() => decodeTxn(Buffer.alloc(31))).toThrow(JuteError);
  });
});

describe('proposals', () => {
  const body: TxnBody = { type: OpCode.multi, txns: [
    { type: OpCode.create2, path: '/m', data: null, acl: openAcl, ephemeral: true, parentCVersion: 3 },
    { type: OpCode.check, path: '/m', version: 1 },
    { type: OpCode.deleteContainer, path: '/c' },
  ] };

  test('carry the txn and its bytes', () => {
    const txn: Txn = { header: header(OpCode.multi), body, digest };
    const proposal = proposalOf(txn);
    expect(proposal.zxid).toBe(0x100000003n);
    expect(parseProposal(proposal.bytes)).toEqual(proposal);
  });

  test('own their bytes once they are parsed', () => {
    const frame = proposalOf({ header: header(OpCode.setData), body: { type: OpCode.setData, path: '/a', data: Buffer.from('kept'), version: 1 }, digest }).bytes;
    const proposal = parseProposal(frame);
    frame.fill(0xee);
    expect(proposal.txn.body).toMatchObject({ path: '/a', data: Buffer.from('kept') });
    expect(proposal.bytes).not.toEqual(frame);
  });
});
