import { expect, test } from 'vitest';
import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf, type Proposal, type TxnBody } from '@zk/protocol';
import { DamageError, FileStore } from '@zk/store';
import { closed, flushed } from '@zk/store/testing';
import { DataTree } from '@zk/tree';
import { VolatileDisk } from '../packages/store/test/volatile-disk.ts';

const VERSION_2 = '/data/version-2';

/** `ZK_FLIPS=all`: each byte is changed into all 255 others. */
const MASKS = process.env['ZK_FLIPS'] === 'all' ? Array.from({ length: 255 }, (_, i) => i + 1) : [0x42, 0xff]; // 'B' becomes 0

/** The history: a session, znodes of several kinds, a multi, changes, and a removal; as it comes from a leader, digests included. */
function history(): Proposal[] {
  const create = (path: string, data: string): TxnBody => ({ type: OpCode.create, path, data: Buffer.from(data), acl: [...OPEN_ACL], ephemeral: false, parentCVersion: 1 });
  const bodies: TxnBody[] = [
    { type: OpCode.createSession, timeOut: 4000 },
    create('/a', 'first'),
    create('/b', ''),
    { type: OpCode.create, path: '/b/e', data: null, acl: [...OPEN_ACL], ephemeral: true, parentCVersion: 1 },
    { type: OpCode.setData, path: '/a', data: Buffer.alloc(60, 'x'), version: 1 },
    { type: OpCode.multi, txns: [create('/c', 'multi'), { type: OpCode.setData, path: '/b', data: Buffer.from('B'), version: 1 }] },
    { type: OpCode.setACL, path: '/b', acl: [{ perms: 1, id: { scheme: 'ip', id: '10.0.0.1' } }], version: 1 },
    { type: OpCode.delete, path: '/c' },
    { type: OpCode.error, err: -101 },
    create('/last', 'the last record of the log'),
  ];
  const tree = new DataTree();
  return bodies.map((body, i) => {
    const header = { clientId: asSessionId(0x100n), cxid: i, zxid: asZxid(BigInt(i + 1)), time: 1_700_000_000_000n + BigInt(i), type: body.type };
    tree.apply({ header, body, digest: null });
    return proposalOf({ header, body, digest: { version: 2, treeDigest: BigInt.asIntN(64, tree.digest) } });
  });
}

type Files = ReadonlyMap<string, Buffer>;

interface Directory {
  readonly files: Files;
  /** What a start is to find. */
  readonly intact: string;
}

/** All of the history, with an Apache snapshot and a new log file after the sixth txn. */
async function directory(): Promise<Directory> {
  const disk = new VolatileDisk();
  const store = FileStore.open({ dataDir: '/data', disk, preAllocKb: 1 });
  store.recover();
  const tree = new DataTree();
  for (const [i, proposal] of history().entries()) {
    if (i === 6) await new Promise((resolve) => store.checkpoint(tree.image(), resolve));
    tree.apply(proposal.txn);
    store.append(proposal, () => {});
    await flushed(store);
  }
  await closed(store);
  const files = new Map(disk.list(VERSION_2).map((name) => [name, contentOf(disk, `${VERSION_2}/${name}`)]));
  return { files, intact: describe(tree, tree.lastZxid) };
}

function contentOf(disk: VolatileDisk, path: string): Buffer {
  const content = Buffer.alloc(disk.size(path));
  disk.read(disk.open(path, 'r'), content, 0, content.length, 0);
  return content;
}

function diskWith(files: Files): VolatileDisk {
  const disk = new VolatileDisk();
  disk.makeDirectory(VERSION_2);
  for (const [name, content] of files) disk.write(disk.open(`${VERSION_2}/${name}`, 'w'), content, 0, content.length, 0);
  return disk;
}

/** What a start makes of these files: the tree, or why there is none. */
function started(files: Files): string {
  try {
    const { image, txns, lastZxid } = FileStore.open({ dataDir: '/data', disk: diskWith(files), preAllocKb: 1 }).recover();
    const tree = image ? DataTree.fromImage(image) : new DataTree();
    for (const { txn } of txns) tree.apply(txn);
    tree.settle();
    return tree.imageMismatch ? 'reported: the digest of the image differs' : describe(tree, lastZxid);
  } catch (error) {
    if (error instanceof DamageError) return `reported: ${error.message}`;
    throw error;
  }
}

function describe(tree: DataTree, lastZxid: bigint): string {
  const sessions = [...tree.sessions].map(([id, timeOut]) => `${id}/${timeOut}`).join(' ');
  return `${lastZxid} digest ${tree.digest} nodes ${tree.nodeCount} sessions ${sessions}`;
}

/** Changes every byte of `file`, one at a time: the state is exact, or the damage is reported. @returns how often it was */
function flipEverywhere({ files, intact }: Directory, file: string): number {
  const content = files.get(file) as Buffer;
  const wrong: string[] = [];
  let reported = 0;
  for (let offset = 0; offset < content.length; offset++) {
    for (const mask of MASKS) {
      const flipped = Buffer.from(content);
      flipped[offset] = (flipped[offset] as number) ^ mask;
      const outcome = started(new Map([...files, [file, flipped]]));
      if (outcome.startsWith('reported')) reported++;
      else if (outcome !== intact) wrong.push(`${file}: ${mask} at ${offset}: ${outcome}`);
    }
  }
  expect(wrong).toEqual([]);
  return reported;
}

test('any byte of any log changes: nothing is lost, and nothing wrong is believed', { timeout: 1_200_000 }, async () => {
  const made = await directory();
  expect([...made.files.keys()].sort()).toEqual(['log.1', 'log.7', 'snapshot.0', 'snapshot.6']);
  flipEverywhere(made, 'log.1'); // behind the snapshot: read for its last record alone
  expect(flipEverywhere(made, 'log.7')).toBeGreaterThan(400 * MASKS.length);
});

test('any byte of any snapshot changes: an older one and more of the log make up for it', { timeout: 1_200_000 }, async () => {
  const made = await directory();
  for (const snapshot of ['snapshot.0', 'snapshot.6']) flipEverywhere(made, snapshot);
});

test('a log without its snapshot, any byte of it changed: likewise', { timeout: 1_200_000 }, async () => {
  const { files, intact } = await directory();
  const withoutNewest = new Map([...files].filter(([name]) => name !== 'snapshot.6'));
  expect(started(withoutNewest)).toBe(intact);
  expect(flipEverywhere({ files: withoutNewest, intact }, 'log.1')).toBeGreaterThan(600 * MASKS.length);
});
