import { describe, expect, test } from 'vitest';
import { asSessionId, ErrorCode, OPEN_ACL, OpCode, type StatPersisted, type Txn, type TxnBody, type Zxid } from '@zk/protocol';
import { DataTree, DIGEST_VERSION, nodeDigest } from '../src/index.ts';

const EPOCH = 0x1_0000_0000n;
const SESSION = asSessionId(0x01000016813f0000n);
const ZERO: StatPersisted = {
  czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, pzxid: 0n,
};

function txn(counter: bigint, time: bigint, body: TxnBody, treeDigest?: bigint): Txn {
  const header = { clientId: SESSION, cxid: 1, zxid: (EPOCH + counter) as Zxid, time, type: body.type };
  return { header, body, digest: treeDigest === undefined ? null : { version: DIGEST_VERSION, treeDigest } };
}

const create = (path: string, data: string, parentCVersion: number, ephemeral = false): TxnBody => ({
  type: OpCode.create, path, data: Buffer.from(data), acl: [...OPEN_ACL], ephemeral, parentCVersion,
});
const setData = (path: string, data: string, version: number): TxnBody => ({ type: OpCode.setData, path, data: Buffer.from(data), version });
const error = (err: number): TxnBody => ({ type: OpCode.error, err });

describe('the digest (quorum.md 14)', () => {
  test('the components of the empty tree', () => {
    expect(nodeDigest('', Buffer.alloc(0), ZERO)).toBe(0x04128908n);
    expect(nodeDigest('/', null, ZERO)).toBe(0x04128908n);
    expect(nodeDigest('/zookeeper', Buffer.alloc(0), ZERO)).toBe(0x4db44d58n);
    expect(nodeDigest('/zookeeper/quota', Buffer.alloc(0), ZERO)).toBe(0n);
    expect(new DataTree().digest).toBe(0x51c6d660n);
  });

  test('the history seen on a live 3.9.5 leader', () => {
    const tree = new DataTree();
    const steps: [bigint, bigint, TxnBody, bigint][] = [
      [1n, 0n, { type: OpCode.createSession, timeOut: 30000 }, 0x51c6d660n],
      [2n, 0x1a1fbebbb3bn, create('/a', 'hello', 1), 0x1a540520en],
      [3n, 0x1a1fbebbb46n, create('/e', 'eph', 2, true), 0x215145d5an],
      [4n, 0x1a1fbebbb52n, setData('/a', 'world', 1), 0x24d6536aan],
      [5n, 0x1a1fbebbb58n, error(ErrorCode.NODEEXISTS), 0x24d6536aan],
      [6n, 0x1a1fbebbb60n, { type: OpCode.multi, txns: [create('/m1', '1', 3), setData('/a', 'm', 2)] }, 0x3341a929fn],
      [7n, 0x1a1fbebbb64n, { type: OpCode.multi, txns: [create('/x', '', 4), error(ErrorCode.NONODE)] }, 0x3341a929fn],
      [8n, 0x1a1fbebbb70n, { type: OpCode.closeSession, paths: ['/e'] }, 0x257d8fef4n],
    ];
    for (const [counter, time, body, digest] of steps) {
      tree.apply(txn(counter, time, body));
      expect(tree.digest, `after ${counter}`).toBe(digest);
    }
  });

  test('a mismatch is reported with both values and stops nothing', () => {
    const tree = new DataTree();
    const outcome = tree.apply(txn(1n, 0n, create('/a', '', 1), 42n));
    expect(outcome.digestMismatch).toEqual({ expected: 42n, actual: tree.digest });
    expect(outcome.err).toBe(0);
  });

  test('another digest version is not compared', () => {
    const tree = new DataTree();
    const other = { ...txn(1n, 0n, create('/a', '', 1)), digest: { version: 1, treeDigest: 42n } };
    expect(tree.apply(other).digestMismatch).toBeUndefined();
  });

  test('without digests nothing is kept or compared', () => {
    const tree = new DataTree({ digest: false });
    expect(tree.apply(txn(1n, 0n, create('/a', '', 1), 42n)).digestMismatch).toBeUndefined();
    expect(tree.digest).toBe(0n);
    expect(tree.image().digest).toBeUndefined();
  });

  describe('after an image', () => {
    const image = (digest?: { zxid: bigint; value: bigint }): DataTree => {
      const base = new DataTree().image();
      const section = digest && { zxid: digest.zxid as Zxid, version: DIGEST_VERSION, value: digest.value };
      return DataTree.fromImage({ zxid: 0n as Zxid, sessions: base.sessions, acls: base.acls, nodes: base.nodes, digest: section });
    };

    test('that is exact and differs, the tree says so', () => {
      const base = new DataTree().image();
      const section = { zxid: 1n as Zxid, version: DIGEST_VERSION, value: 7n };
      const tree = DataTree.fromImage({ zxid: 1n as Zxid, sessions: [], acls: base.acls, nodes: base.nodes, digest: section });
      expect(tree.imageMismatch).toEqual({ expected: 7n, actual: 0x51c6d660n });
    });

    test('nothing is compared before the zxid its digest belongs to; there its digest is', () => {
      const tree = image({ zxid: EPOCH + 2n, value: 7n });
      expect(tree.apply(txn(1n, 0n, create('/a', '', 1), 42n)).digestMismatch).toBeUndefined();
      expect(tree.fuzzy).toBe(true);
      expect(tree.apply(txn(2n, 0n, create('/b', '', 2), tree.digest)).digestMismatch?.expected).toBe(7n);
      expect(tree.fuzzy).toBe(false);
      expect(tree.apply(txn(3n, 0n, create('/c', '', 3), 42n)).digestMismatch?.expected).toBe(42n);
    });

    test('that says nothing of digests, comparing begins with the first match', () => {
      const tree = image();
      expect(tree.apply(txn(1n, 0n, create('/a', '', 1), 42n)).digestMismatch).toBeUndefined();
      const before = tree.digest;
      tree.apply(txn(2n, 0n, error(ErrorCode.NONODE), before));
      expect(tree.fuzzy).toBe(false);
      expect(tree.apply(txn(3n, 0n, error(ErrorCode.NONODE), 42n)).digestMismatch).toBeDefined();
    });

    test('or when the caller knows that the fuzzy range is over', () => {
      const tree = image();
      tree.settle();
      expect(tree.apply(txn(1n, 0n, error(ErrorCode.NONODE), 42n)).digestMismatch).toBeDefined();
    });
  });
});
