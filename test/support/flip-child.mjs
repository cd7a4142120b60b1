/**
 * For a test that changes every byte of a checkpoint: a process that LMDB may take down. `prepare <dataDir>` makes a member
 * with a little of everything in its checkpoint; `flip <dataDir> <mask> <offset>…` starts on a copy with that one byte changed,
 * and prints where the copy is, and then what came of it: `exact`, `reported` (and the next start was exact), or `wrong: …`;
 * `start <dataDir>` tells that of a directory as it is. Runs the built packages.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf } from '@zk/protocol';
import { DamageError, FileStore } from '@zk/store';
import { DataTree } from '@zk/tree';

const DATA = 'version-2/checkpoint/data.mdb';
const NOT_THERE = ['/none', '/a/none', '/many/n99', '/many/n0/none', '/zookeeper/quota/none'];
const SESSION = asSessionId(0x100n);

const open = (dataDir) => FileStore.open({ dataDir, checkpoint: 'lmdb', preAllocKb: 1 });
const closed = (store) => new Promise((resolve) => store.close(resolve));
const create = (path, data, ephemeral = false) => ({ type: OpCode.create, path, data: Buffer.from(data), acl: [...OPEN_ACL], ephemeral, parentCVersion: -1 });

function bodies() {
  const many = Array.from({ length: 40 }, (_, n) => create(`/many/n${n}`, `data ${n}`));
  return [
    { type: OpCode.createSession, timeOut: 4000 },
    create('/a', 'a'),
    create('/a/ephemeral', 'e', true),
    create('/many', ''),
    { type: OpCode.multi, txns: many },
    { type: OpCode.setACL, path: '/a', acl: [{ perms: 1, id: { scheme: 'ip', id: '10.0.0.1' } }], version: 1 },
    create(`/${'x'.repeat(600)}`, 'a name longer than a key'),
  ];
}

/** Everything a client can see, through lookups of single znodes. */
function seen(tree, paths) {
  const node = (path) => {
    const found = tree.node(path);
    return found ? `${found.data?.toString('base64')} ${JSON.stringify(found.persisted(), (_, v) => (typeof v === 'bigint' ? String(v) : v))} ${JSON.stringify(found.acl)} ${tree.children(path).sort()}` : 'none';
  };
  return [...paths, ...NOT_THERE].map((path) => `${path} ${node(path)}`);
}

function summary(tree) {
  return `${tree.lastZxid} ${tree.digest} ${tree.nodeCount} ${[...tree.sessions]} ${[...tree.ephemeralsOf(SESSION)]}`;
}

async function prepare(dataDir) {
  const store = open(dataDir);
  store.recover();
  const tree = new DataTree();
  const all = bodies();
  for (const [i, body] of all.entries()) {
    const header = { clientId: SESSION, cxid: 0, zxid: asZxid(BigInt(i + 1)), time: 1n, type: body.type };
    tree.apply({ header, body, digest: null });
    const digest = { version: 2, treeDigest: BigInt.asIntN(64, tree.digest) };
    store.append(proposalOf({ header, body, digest }), () => {});
    if (i === all.length - 1) await new Promise((resolve) => store.checkpoint(tree.image(), resolve));
  }
  await closed(store);
  const paths = ['/', ...Array.from(tree.image().nodes, ({ path }) => path).filter((path) => path !== '' && path !== '/zookeeper/config')];
  writeFileSync(join(dataDir, 'expected.json'), JSON.stringify({ paths, seen: seen(tree, paths), summary: summary(tree) }));
}

async function outcome(dataDir, expected) {
  const store = open(dataDir);
  let hasFailed = false; // then nothing calls back any more
  store.onFatal = () => void (hasFailed = true);
  try {
    const { image, txns } = store.recover();
    const tree = image ? DataTree.fromImage(image) : new DataTree();
    for (const { txn } of txns) tree.apply(txn);
    const found = seen(tree, expected.paths);
    const different = found.findIndex((line, i) => line !== expected.seen[i]);
    if (different >= 0) return `wrong: ${found[different]} instead of ${expected.seen[different]}`;
    while (tree.isReading) tree.readMore(100);
    return summary(tree) === expected.summary ? 'exact' : `wrong: ${summary(tree)} instead of ${expected.summary}`;
  } catch (error) {
    if (error instanceof DamageError) return 'reported';
    return `wrong: ${error.stack}`;
  } finally {
    if (!hasFailed) await closed(store);
  }
}

async function start(dataDir) {
  const expected = JSON.parse(readFileSync(join(dataDir, 'expected.json'), 'utf8'));
  const first = await outcome(dataDir, expected);
  const next = first === 'reported' ? await outcome(dataDir, expected) : 'exact';
  return (next === 'exact' ? first : `wrong: reported, and then ${next}`).replaceAll('\n', ' | ');
}

async function flip(dataDir, mask, offsets) {
  const content = readFileSync(join(dataDir, DATA));
  for (const offset of offsets) {
    const copy = `${dataDir}.${process.pid}.${offset}`; // a new path: LMDB knows its environments by theirs
    cpSync(dataDir, copy, { recursive: true });
    const flipped = Buffer.from(content);
    flipped[offset] ^= mask;
    writeFileSync(join(copy, DATA), flipped);
    console.log(copy);
    console.log(await start(copy));
    rmSync(copy, { recursive: true, force: true });
  }
}

const [mode, dataDir, mask, ...offsets] = process.argv.slice(2);
if (mode === 'prepare') await prepare(dataDir);
else if (mode === 'start') console.log(await start(dataDir));
else await flip(dataDir, Number(mask), offsets.map(Number));
