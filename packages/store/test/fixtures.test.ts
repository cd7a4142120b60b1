import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hex } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { describe, expect, test } from 'vitest';
import { DamageError, FileStore, type Recovered } from '../src/index.ts';
import { dataDirWith, filesOf, FIXTURES } from './support.ts';

interface Expected {
  lastZxid: string;
  treeDigest?: { version: number; value: string };
  recovery?: { snapshot: string; txnsReplayed?: number };
  sessions: { id: string; timeoutMs: number }[];
  nodeCount: number;
  nodes: Record<string, ExpectedNode>;
}

interface ExpectedNode {
  data: string | null;
  acl: { perms: number; scheme: string; id: string }[];
  stat: Record<string, string | number>;
  stored?: { cversion: number; ephemeralOwner: string };
}

const READABLE = [
  'java-3.8.0', 'java-3.8.0/large', 'java-3.8.0/torn', 'java-3.8.0/torn-zeroed', 'java-3.8.0/snapshot-corrupt',
  'java-3.8.0/snapshot-truncated', 'java-3.8.0/compressed-gz', 'java-3.8.0/compressed-snappy', 'java-3.8.0/ensemble-leader',
  'java-3.9.5', 'java-3.9.5/no-digest',
];

function expectedOf(fixture: string): Expected {
  return JSON.parse(readFileSync(join(FIXTURES, fixture, 'expected.json'), 'utf8')) as Expected;
}

function recoverTree(dataDir: string): { recovered: Recovered; tree: DataTree; replayed: number } {
  const recovered = FileStore.open({ dataDir }).recover();
  const options = { extendedTypes: true };
  const tree = recovered.image ? DataTree.fromImage(recovered.image, options) : new DataTree(options);
  let replayed = 0;
  for (const { txn } of recovered.txns) {
    tree.apply(txn);
    replayed++;
  }
  return { recovered, tree, replayed };
}

/** The tree in the words of expected.json. */
function nodeAsExpected(tree: DataTree, path: string, like: ExpectedNode): ExpectedNode {
  const node = tree.node(path);
  if (!node) throw new Error(`${path} is missing`);
  const { czxid, mzxid, pzxid, ephemeralOwner, ctime, mtime, ...rest } = node.stat();
  const zxids = { czxid: hex(czxid), mzxid: hex(mzxid), pzxid: hex(pzxid), ephemeralOwner: hex(ephemeralOwner) };
  const described: ExpectedNode = {
    data: node.data?.toString('base64') ?? null,
    acl: node.acl.map(({ perms, id }) => ({ perms, scheme: id.scheme, id: id.id })),
    stat: { ...rest, ...zxids, ctime: Number(ctime), mtime: Number(mtime) },
  };
  const stored = node.persisted();
  if (like.stored) described.stored = { cversion: stored.cversion, ephemeralOwner: hex(stored.ephemeralOwner) };
  return described;
}

/** Rewritten by a start from the tree as it is then (storage.md 3.3.7), so the file alone does not have it. */
const isQuotaStats = (path: string): boolean => path.startsWith('/zookeeper/quota/') && path.endsWith('/zookeeper_stats');

function expectState(tree: DataTree, recovered: Recovered, expected: Expected): void {
  expect(hex(recovered.lastZxid)).toBe(expected.lastZxid);
  const paths = Object.keys(expected.nodes).filter((path) => !isQuotaStats(path));
  const actual = Object.fromEntries(paths.map((path) => [path, nodeAsExpected(tree, path, expected.nodes[path] as ExpectedNode)]));
  expect(actual).toEqual(Object.fromEntries(paths.map((path) => [path, expected.nodes[path]])));
  expect(tree.nodeCount).toBe(expected.nodeCount);
  const sessions = [...tree.sessions].map(([id, timeoutMs]) => ({ id: hex(id), timeoutMs })).sort((a, b) => (a.id < b.id ? -1 : 1));
  expect(sessions).toEqual(expected.sessions.map(({ id, timeoutMs }) => ({ id, timeoutMs })).sort((a, b) => (a.id < b.id ? -1 : 1)));
  if (expected.treeDigest) expect(BigInt.asUintN(64, tree.digest)).toBe(BigInt(expected.treeDigest.value));
}

describe("data directories written by Apache's servers", () => {
  test.each(READABLE)('%s is read to exactly the state that Java served from it', (fixture) => {
    const expected = expectedOf(fixture);
    const { recovered, tree, replayed } = recoverTree(dataDirWith(fixture));
    expectState(tree, recovered, expected);
    if (expected.recovery) {
      expect(`snapshot.${recovered.image?.zxid.toString(16)}`).toBe(expected.recovery.snapshot.replace(/\.(gz|snappy)$/, ''));
    }
    if (expected.recovery?.txnsReplayed !== undefined) expect(replayed).toBe(expected.recovery.txnsReplayed);
  });

  test.each(['snapshot.c3d', 'snapshot.7a8', 'snapshot.379'])('large: the same state without %s and anything newer', (newest) => {
    const dataDir = dataDirWith('java-3.8.0/large');
    const all = ['snapshot.c3d', 'snapshot.7a8', 'snapshot.379'];
    for (const name of all.slice(0, all.indexOf(newest) + 1)) rmSync(join(dataDir, 'version-2', name));
    const { recovered, tree } = recoverTree(dataDir);
    expectState(tree, recovered, expectedOf('java-3.8.0/large'));
  });

  test('epoch files are taken over', () => {
    const { epochs } = FileStore.open({ dataDir: dataDirWith('java-3.8.0/ensemble-leader') }).recover();
    expect(epochs).toEqual({ accepted: 1n, current: 1n });
  });

  test('a bad checksum on the very last record is damage, and nothing is changed', () => {
    const dataDir = dataDirWith('java-3.8.0/crc-mismatch');
    const before = filesOf(dataDir).map((name) => readFileSync(join(dataDir, 'version-2', name)));
    const damage = catchDamage(() => FileStore.open({ dataDir }).recover());
    expect(damage.file).toBe(join(dataDir, 'version-2', 'log.3c'));
    expect(damage.zxid).toBe(0x43n);
    expect(damage.message).toContain('CRC check failed');
    expect(filesOf(dataDir).map((name) => readFileSync(join(dataDir, 'version-2', name)))).toEqual(before);
  });

  test.each(['java-3.8.0/torn', 'java-3.8.0/torn-zeroed'])('%s: the tail is cut, once, and reported', (fixture) => {
    const dataDir = dataDirWith(fixture);
    expect(FileStore.open({ dataDir }).recover().notes.join('\n')).toContain('log.3c: the torn tail has been cut');
    expect(FileStore.open({ dataDir }).recover().notes).toEqual([]);
  });

  test('a snapshot that cannot be read is reported, and the one before it is used', () => {
    const { notes } = FileStore.open({ dataDir: dataDirWith('java-3.8.0/snapshot-corrupt') }).recover();
    expect(notes).toEqual(['problem reading snap file snapshot.3b: CRC corruption']);
  });
});

function catchDamage(run: () => void): DamageError {
  try {
    run();
  } catch (error) {
    if (error instanceof DamageError) return error;
    throw error;
  }
  throw new Error('no damage was reported');
}
