/**
 * For a test that changes every byte of a checkpoint, in a process that damage could take down. `prepare <dataDir>` makes a
 * member with a little of everything in its checkpoint; `flip <dataDir> <mask> <offset>…` starts on a copy with that one byte
 * changed, and prints the offset and what came of it: `exact`, `reported` (and the next start was exact), or `wrong: …`;
 * `write` does the same, and when the start was exact goes on with changes, another checkpoint, and a start on that. Runs the
 * built packages.
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

/** What is done behind the checkpoint in the mode `write`: pages are freed and used again. */
function changes() {
  const some = Array.from({ length: 13 }, (_, n) => ({ type: OpCode.setData, path: `/many/n${3 * n}`, data: Buffer.from(`changed ${n}`), version: 1 }));
  return [
    { type: OpCode.delete, path: '/many/n4' },
    { type: OpCode.multi, txns: some },
    create('/many/new', 'x'.repeat(5000)),
    { type: OpCode.setData, path: '/a', data: Buffer.from('changed'), version: 1 },
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

/** As it goes to the log of a member whose tree this is. */
function applied(body, tree) {
  const header = { clientId: SESSION, cxid: 0, zxid: asZxid(tree.lastZxid + 1n), time: 1n, type: body.type };
  tree.apply({ header, body, digest: null });
  return proposalOf({ header, body, digest: { version: 2, treeDigest: BigInt.asIntN(64, tree.digest) } });
}

function expectedOf(tree) {
  const paths = ['/', ...Array.from(tree.image().nodes, ({ path }) => path).filter((path) => path !== '' && path !== '/zookeeper/config')];
  return { paths, seen: seen(tree, paths), summary: summary(tree) };
}

async function prepare(dataDir) {
  const store = open(dataDir);
  store.recover();
  const tree = new DataTree();
  for (const body of bodies()) store.append(applied(body, tree), () => {});
  await checkpointed(store, tree);
  await closed(store);
  const before = expectedOf(tree);
  for (const body of changes()) applied(body, tree);
  writeFileSync(join(dataDir, 'expected.json'), JSON.stringify({ before, after: expectedOf(tree) }));
}

/** @returns why it could not be written, or null */
const checkpointed = (store, tree) => new Promise((resolve) => store.checkpoint(tree.image(), resolve));

/** @param goOn what to do with the member when everything is as expected */
async function outcome(dataDir, expected, goOn = async () => 'exact') {
  const store = open(dataDir);
  let tell = () => {};
  const failed = new Promise((resolve) => {
    tell = resolve;
  });
  let hasFailed = false; // then nothing calls back any more
  store.onFatal = (error) => {
    hasFailed = true;
    tell(error);
  };
  try {
    const { image, txns } = store.recover();
    const tree = image ? DataTree.fromImage(image) : new DataTree();
    for (const { txn } of txns) tree.apply(txn);
    const found = seen(tree, expected.paths);
    const different = found.findIndex((line, i) => line !== expected.seen[i]);
    if (different >= 0) return `wrong: ${found[different]} instead of ${expected.seen[different]}`;
    if (summary(tree) !== expected.summary) return `wrong: ${summary(tree)} instead of ${expected.summary}`;
    return await Promise.race([goOn(store, tree), failed.then((error) => (error instanceof DamageError ? 'reported' : `wrong: ${error.stack}`))]);
  } catch (error) {
    if (error instanceof DamageError) return 'reported';
    return `wrong: ${error.stack}`;
  } finally {
    if (!hasFailed) await closed(store);
  }
}

async function readToTheEnd(_, tree) {
  while (tree.isReading) tree.readMore(100);
  return 'exact';
}

/** @returns `reported` when the thread did not take the file, and the checkpoint after that was written */
async function change(store, tree) {
  for (const body of changes()) store.append(applied(body, tree), () => {});
  const failure = await checkpointed(store, tree);
  if (failure === null) return 'exact';
  return (await checkpointed(store, tree)) === null ? 'reported' : `wrong: no second checkpoint after ${failure.message}`;
}

/** Damage that was reported must be gone at the next start. */
async function start(dataDir, expected, goOn) {
  const first = await outcome(dataDir, expected, goOn);
  if (first !== 'reported') return first;
  const next = await outcome(dataDir, expected, readToTheEnd);
  return next === 'exact' ? first : `wrong: reported, and then ${next}`;
}

/** @param readsAll whether the tree needs the file any more when it is changed */
async function write(dataDir, { before, after }, readsAll) {
  let written = null;
  const goOn = async (store, tree) => {
    if (readsAll) await readToTheEnd(store, tree);
    written = await change(store, tree);
    return 'exact';
  };
  const first = await outcome(dataDir, before, goOn);
  const isLogged = first !== 'reported' || (await outcome(dataDir, after)) === 'exact';
  if (first.startsWith('wrong') || written?.startsWith('wrong')) return `${first}, ${written}`;
  const next = await start(dataDir, isLogged ? after : before, readToTheEnd);
  return next === 'exact' ? (written ?? first) : next === 'reported' ? `wrong: reported after it was written` : next;
}

async function flip(mode, dataDir, mask, offsets) {
  const content = readFileSync(join(dataDir, DATA));
  const expected = JSON.parse(readFileSync(join(dataDir, 'expected.json'), 'utf8'));
  const copy = `${dataDir}.${process.pid}`;
  for (const offset of offsets) {
    cpSync(dataDir, copy, { recursive: true });
    const flipped = Buffer.from(content);
    flipped[offset] ^= mask;
    writeFileSync(join(copy, DATA), flipped);
    const result = mode === 'write' ? await write(copy, expected, offset % 2 === 0) : await start(copy, expected.before, readToTheEnd);
    console.log(`${offset} ${result.replaceAll('\n', ' | ')}`);
    rmSync(copy, { recursive: true, force: true });
  }
}

const [mode, dataDir, mask, ...offsets] = process.argv.slice(2);
if (mode === 'prepare') await prepare(dataDir);
else await flip(mode, dataDir, Number(mask), offsets.map(Number));
