import { beforeEach, describe, expect, test } from 'vitest';
import { ErrorCode, OPEN_ACL, OpCode, READ_ACL, type Zxid } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { ALICE, Applier, BOB } from './txns.ts';

let tree: DataTree;
let zk: Applier;

beforeEach(() => {
  tree = new DataTree({ extendedTypes: true });
  zk = new Applier(tree);
});

const dataOf = (path: string): string | null => tree.node(path)?.data?.toString() ?? null;

describe('a new tree (client.md 2.3)', () => {
  test.each([
    ['/', { numChildren: 1, cversion: -1, aversion: 0 }, OPEN_ACL],
    ['/zookeeper', { numChildren: 2, cversion: -2, aversion: 0 }, OPEN_ACL],
    ['/zookeeper/quota', { numChildren: 0, cversion: 0, aversion: 0 }, OPEN_ACL],
    ['/zookeeper/config', { numChildren: 0, cversion: 0, aversion: -1 }, READ_ACL],
  ])('has %s', (path, counts, acl) => {
    const node = tree.node(path)!;
    expect(node.stat()).toEqual({
      czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, ephemeralOwner: 0n, dataLength: 0, pzxid: 0n, ...counts,
    });
    expect(node.acl).toEqual(acl);
    expect(node.data).toEqual(Buffer.alloc(0));
  });

  test('has these four and no more, and the size Apache reports', () => {
    expect(tree.nodeCount).toBe(4);
    expect(tree.approximateDataSize).toBe(44);
    expect(tree.node('')?.path).toBe('');
    expect(tree.nodeAt(Buffer.from('x/zookeeper/quota'), 1)?.path).toBe('/zookeeper/quota');
    expect(tree.nodeAt(Buffer.from('/'))?.numChildren).toBe(1);
  });

  test('knows no malformed path', () => {
    for (const path of ['a', '/zookeeper/', '//', '/zookeeper/quota/x', '\ud800']) expect(tree.node(path)).toBeUndefined();
  });
});

describe('a reply', () => {
  test('is copied from the stat as it lies in memory', () => {
    zk.create('/a', 'hello', { ephemeral: true });
    const target = Buffer.alloc(70, 0xff);
    tree.node('/a')!.copyStat(new DataView(target.buffer, target.byteOffset, target.length), 1);
    expect(target.subarray(1, 69)).toEqual(tree.node('/a')!.statBytes());
    expect(target.readBigInt64BE(1)).toBe(1n);
    expect(target.readBigInt64BE(1 + 44)).toBe(ALICE);
    expect([target[0], target[69]]).toEqual([0xff, 0xff]);
  });

  test('hides the owners that are no sessions', () => {
    zk.apply({ type: OpCode.createContainer, path: '/c', data: null, acl: [...OPEN_ACL], parentCVersion: 1 });
    zk.apply({ type: OpCode.createTTL, path: '/t', data: null, acl: [...OPEN_ACL], parentCVersion: 2, ttl: 500n });
    const [container, ttl] = [tree.node('/c')!, tree.node('/t')!];
    expect([container.kind, container.stat().ephemeralOwner, container.owner]).toEqual(['container', 0n, -(2n ** 63n)]);
    expect([ttl.kind, ttl.stat().ephemeralOwner, ttl.ttlMs]).toEqual(['ttl', 0n, 500]);
    expect([...tree.containers(), ...tree.ttls()]).toEqual(['/c', '/t']);
    expect(tree.node('/')!.ttlMs).toBe(0);
  });

  test('to create has no stat, to create2 and setData the stat of that moment', () => {
    expect(zk.create('/a', 'x').stat).toBeNull();
    expect(zk.create('/b', 'xy', { type: OpCode.create2 }).stat).toMatchObject({ czxid: 2n, dataLength: 2, ctime: 1002n });
    expect(zk.setData('/b', 'x').stat).toMatchObject({ mzxid: 3n, version: 1, dataLength: 1, mtime: 1003n });
    expect(tree.node('/b')).toMatchObject({ ctimeMs: 1002, mtimeMs: 1003 });
  });

  test('to a multi has the stat after each operation, not after the last', () => {
    const txns = [zk.createBody('/a', 'x', { type: OpCode.create2 }), zk.createBody('/a/b', '', { parentCVersion: 1 })];
    const { results, changes } = zk.apply({ type: OpCode.multi, txns });
    expect(results?.[0]?.stat?.numChildren).toBe(0);
    expect(changes.map(({ path }) => path)).toEqual(['/a', '/a/b']);
  });
});

describe('applying', () => {
  test('a create below a missing parent, a set or delete of nothing: NONODE', () => {
    const body = zk.createBody('/x/y', '');
    for (const outcome of [zk.apply(body), zk.setData('/x', ''), zk.delete('/x'), zk.delete('/'), zk.create('x')]) {
      expect([outcome.err, outcome.changes]).toEqual([ErrorCode.NONODE, []]);
    }
  });

  test('a delete raises the pzxid of the parent, even when the znode is gone, and never lowers it', () => {
    zk.delete('/gone');
    expect(tree.node('/')!.pzxid).toBe(1n);
    tree.apply(zk.txn({ type: OpCode.delete, path: '/gone' }, 0n));
    expect(tree.node('/')!.pzxid).toBe(1n);
    expect(tree.node('/')!.cversion).toBe(0);
  });

  test('a create of what exists takes its ACL and raises the parent, nothing else (fuzzy images, ZOOKEEPER-1046, 3145, 4846)', () => {
    zk.create('/a', 'first');
    const again = zk.create('/a', 'second', { acl: READ_ACL, parentCVersion: 5 });
    expect(again.err).toBe(ErrorCode.NODEEXISTS);
    expect(tree.node('/a')).toMatchObject({ acl: READ_ACL, czxid: 1n, aversion: 0 });
    expect(dataOf('/a')).toBe('first');
    expect(tree.node('/')).toMatchObject({ cversion: 5, pzxid: 2n });
  });

  test('an old create txn without parentCVersion counts one more', () => {
    zk.create('/a', '', { parentCVersion: 7 });
    zk.create('/b', '', { parentCVersion: -1 });
    expect(tree.node('/')!.cversion).toBe(8);
  });

  test('a create of an exhausted parent moves neither its counter nor its pzxid', () => {
    zk.create('/a', '', { parentCVersion: 2 ** 31 - 1 });
    zk.create('/b', '', { parentCVersion: -(2 ** 31) });
    expect(tree.node('/')).toMatchObject({ cversion: 2 ** 31 - 1, pzxid: 1n, numChildren: 3 });
  });

  test('a reconfig sets the version to what it says, −1', () => {
    zk.apply({ type: OpCode.reconfig, path: '/zookeeper/config', data: Buffer.from('v'), version: -1 });
    expect(tree.node('/zookeeper/config')).toMatchObject({ version: -1, mzxid: 1n });
  });

  test('a setACL changes ACL and aversion, and fires nothing', () => {
    zk.create('/a');
    const { changes, stat } = zk.apply({ type: OpCode.setACL, path: '/a', acl: [...READ_ACL], version: 1 });
    expect(changes).toEqual([]);
    expect(stat).toMatchObject({ aversion: 1, mzxid: 1n });
    expect(tree.node('/a')!.acl).toEqual(READ_ACL);
  });

  test('a failed multi does nothing: 0 before the error, the error, then RUNTIMEINCONSISTENCY', () => {
    const txns = [zk.createBody('/a', ''), { type: OpCode.error, err: ErrorCode.BADVERSION }, zk.createBody('/b', '')];
    const outcome = zk.apply({ type: OpCode.multi, txns });
    expect(outcome.results?.map(({ type, err }) => [type, err])).toEqual([[-1, 0], [-1, -103], [-1, -2]]);
    expect([outcome.err, outcome.changes, tree.nodeCount]).toEqual([-103, [], 4]);
  });

  test('an empty multi', () => {
    expect(zk.apply({ type: OpCode.multi, txns: [] })).toMatchObject({ err: 0, results: [] });
    expect(tree.lastZxid).toBe(1n);
  });

  test('data keep null and empty apart, whatever length they had before', () => {
    zk.create('/a', null);
    for (const data of ['', 'x', 'y'.repeat(5000), null, 'z'.repeat(600_000), 'short', null, '']) {
      zk.setData('/a', data);
      expect(dataOf('/a')).toBe(data);
      expect(tree.node('/a')!.dataLength).toBe(data?.length ?? 0);
    }
  });

  test('changes name the ACLs that decide who hears of them', () => {
    zk.create('/a', '', { acl: READ_ACL });
    expect(zk.create('/a/b').changes).toEqual([{ event: 'created', path: '/a/b', parent: '/a', acl: OPEN_ACL, parentAcl: READ_ACL }]);
    expect(zk.setData('/a/b', 'x').changes).toEqual([{ event: 'dataChanged', path: '/a/b', parent: null, acl: OPEN_ACL, parentAcl: [] }]);
    expect(zk.delete('/a/b').changes[0]).toMatchObject({ event: 'deleted', acl: OPEN_ACL, parentAcl: READ_ACL });
    expect(zk.delete('/a').changes[0]).toMatchObject({ parent: '/', acl: READ_ACL });
  });
});

describe('a session', () => {
  beforeEach(() => {
    zk.apply({ type: OpCode.createSession, timeOut: 4000 });
    zk.create('/a', '', { ephemeral: true });
    zk.create('/b', '', { ephemeral: true });
    zk.create('/c', '', { ephemeral: true, session: BOB });
  });

  test('is in the table with its timeout and owns its ephemerals', () => {
    expect(tree.sessions).toEqual(new Map([[ALICE, 4000]]));
    expect(tree.ephemeralsOf(ALICE)).toEqual(new Set(['/a', '/b']));
    expect(tree.ephemeralCount).toBe(3);
    expect([...tree.ephemeralOwners()]).toEqual([ALICE, BOB]);
  });

  test('that is closed takes the listed znodes, whoever owns them, then its own that are left', () => {
    const { changes } = zk.apply({ type: OpCode.closeSession, paths: ['/c', '/gone', '/b'] });
    expect(changes.map(({ path }) => path)).toEqual(['/c', '/b', '/a']);
    expect([tree.sessions.size, tree.ephemeralCount, tree.nodeCount]).toEqual([0, 0, 4]);
    expect(tree.node('/')).toMatchObject({ pzxid: 5n, cversion: 3 });
  });

  test('that is closed by an old log, without a list, takes what the tree knows', () => {
    zk.apply({ type: OpCode.closeSession, paths: null });
    expect(tree.children('/').sort()).toEqual(['c', 'zookeeper']);
  });

  test('in no table is an orphan: its ephemerals are killed after recovery', () => {
    const changes = tree.killOrphans();
    expect(changes.map(({ event, path }) => [event, path])).toEqual([['deleted', '/c']]);
    expect(tree.ephemeralsOf(BOB).size).toBe(0);
    expect(tree.ephemeralsOf(ALICE).size).toBe(2);
  });
});

describe('the rest', () => {
  test('all children are counted, of the root and of others', () => {
    for (const path of ['/a', '/a/b', '/a/b/c', '/a/d']) zk.create(path);
    expect([tree.allChildrenNumber('/a'), tree.allChildrenNumber('/'), tree.allChildrenNumber('/x')]).toEqual([3, 7, 0]);
    expect(tree.children('/a').sort()).toEqual(['b', 'd']);
  });

  test('the config is written in memory, and outside of the digest', () => {
    const { digest } = tree;
    tree.setConfig('server.1=a', 0x100n, 77n);
    expect(tree.node('/zookeeper/config')).toMatchObject({ version: -1, mzxid: 0x100n, mtime: 77n, czxid: 0n });
    expect(dataOf('/zookeeper/config')).toBe('server.1=a');
    expect(tree.digest).toBe(digest);
  });

  test('a tree from before 3.5 gets its config znode then', () => {
    const { zxid, sessions, acls, nodes } = tree.image();
    const old = DataTree.fromImage({ zxid, sessions, acls, nodes: [...nodes].filter(({ path }) => path !== '/zookeeper/config') });
    old.setConfig('x', 1n, 1n);
    expect(old.node('/zookeeper/config')).toMatchObject({ aversion: -1, acl: READ_ACL });
  });

  test('an image without a root, or with a child before its parent, is refused', () => {
    const [root, ...others] = tree.image().nodes;
    const image = (nodes: Iterable<NonNullable<typeof root>>) => ({ zxid: 0n as Zxid, sessions: [], acls: [], nodes });
    expect(() => DataTree.fromImage(image([]))).toThrow('image: there is no root');
    expect(() => DataTree.fromImage(image(others))).toThrow('comes before its parent');
  });

  test('a znode whose ACL an image lacks lets nobody in until replay brings the list (ZOOKEEPER-4846)', () => {
    zk.create('/a', '', { acl: READ_ACL });
    const { zxid, nodes } = tree.image();
    const copy = DataTree.fromImage({ zxid, sessions: [], acls: [], nodes });
    expect(copy.node('/a')!.acl.map(({ perms }) => perms)).toEqual([0]);
    new Applier(copy).create('/a', '', { acl: READ_ACL });
    expect(copy.node('/a')!.acl).toEqual(READ_ACL);
  });

  test('with extended types off the top byte ff is a session like any other', () => {
    const plain = new DataTree();
    plain.apply(zk.txn({ type: OpCode.createTTL, path: '/t', data: null, acl: [...OPEN_ACL], parentCVersion: 1, ttl: 5n }, 1n));
    expect(plain.node('/t')!.kind).toBe('ephemeral');
  });
});
