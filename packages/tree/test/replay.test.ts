import { describe, expect, test } from 'vitest';
import { OpCode, type Txn } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { fixture, readLog, readSnapshot } from './java-files.ts';

interface Expected {
  treeDigest: { value: string };
  nodeCount: number;
  sessions: { id: string; timeoutMs: number }[];
  nodes: Record<string, { data: string | null; acl: object[]; stat: Record<string, string | number>; stored: { cversion: number; ephemeralOwner: string } }>;
}

const expected = JSON.parse(fixture('main/expected.json').toString()) as Expected;
const log = [...readLog(fixture('main/log.1')), ...readLog(fixture('main/log.3c'))];

/** Replays and counts the txns whose digest could be compared, all of which must match. */
function replay(tree: DataTree, txns: Txn[]): number {
  let compared = 0;
  for (const txn of txns) {
    const { digestMismatch } = tree.apply(txn);
    expect(digestMismatch, `digest of 0x${txn.header.zxid.toString(16)}`).toBeUndefined();
    if (txn.digest && !tree.fuzzy) compared += 1;
  }
  return compared;
}

function recovered(snapshot: string, zxid: bigint): DataTree {
  return DataTree.fromImage(readSnapshot(fixture(`main/${snapshot}`), zxid), { extendedTypes: true });
}

/** A tree as the expected.json of a fixture describes one. */
function described(tree: DataTree): Record<string, object> {
  const nodes: Record<string, object> = {};
  for (const { path, data, stat: stored } of tree.image().nodes) {
    const node = tree.node(path)!;
    const { czxid, mzxid, pzxid, ephemeralOwner, ctime, mtime, ...numbers } = node.stat();
    nodes[path || '/'] = {
      data: data?.toString('base64') ?? null,
      acl: node.acl.map(({ perms, id }) => ({ perms, ...id })),
      stat: { ...numbers, ctime: Number(ctime), mtime: Number(mtime), czxid: hex(czxid), mzxid: hex(mzxid), pzxid: hex(pzxid), ephemeralOwner: hex(ephemeralOwner) },
      stored: { cversion: stored.cversion, ephemeralOwner: hex(stored.ephemeralOwner) },
    };
  }
  return nodes;
}

const hex = (n: bigint): string => `0x${BigInt.asUintN(64, n).toString(16)}`;

describe('the log of a Java server', () => {
  test.each([
    ['snapshot.0', 0n, 68],
    ['snapshot.3b', 0x3bn, 9],
  ])('replayed over %s gives the state that server had, every digest matching', (snapshot, zxid, txns) => {
    const tree = recovered(snapshot, zxid);
    expect(tree.imageMismatch).toBeUndefined();
    const tail = log.filter(({ header }) => header.zxid > zxid);
    expect(tail).toHaveLength(txns);
    const withDigest = tail.filter(({ digest }) => digest !== null).length;
    expect(replay(tree, tail)).toBe(withDigest);
    expect(tree.digest).toBe(BigInt(expected.treeDigest.value));
    expect(tree.nodeCount).toBe(expected.nodeCount);
    expect(described(tree)).toEqual(expected.nodes);
    expect([...tree.sessions].map(([id, timeoutMs]) => ({ id: hex(id), timeoutMs })).sort(byId)).toEqual(
      expected.sessions.map(({ id, timeoutMs }) => ({ id, timeoutMs })),
    );
  });

  test('replayed twice changes nothing more', () => {
    const tree = recovered('snapshot.0', 0n);
    replay(tree, log);
    const once = described(tree);
    for (const txn of log) tree.apply(txn);
    expect(described(tree)).toEqual(once);
    expect(tree.digest).toBe(BigInt(expected.treeDigest.value));
  });

  test('has every kind of txn', () => {
    const kinds = new Set(log.map(({ body }) => body.type));
    for (const type of [OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL, OpCode.multi, OpCode.setACL, OpCode.closeSession]) {
      expect(kinds).toContain(type);
    }
  });
});

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
