import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { asSessionId } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { describe, expect, test } from 'vitest';
import { openTables } from '../src/checkpoint-tables.js';
import { FileStore, type Recovered } from '../src/index.ts';
import { imageAt, replaced, truncated } from '../src/testing.ts';
import { CHILDREN, create, LivingServer, LONG, remove, set } from './living-server.ts';

class Server extends LivingServer {
  get content(): string[] {
    return contentOf(this.tree);
  }
}

/** A stopped server with a checkpoint of a little of everything. */
async function stopped(): Promise<Server> {
  const server = new Server();
  await server.grow();
  await server.close();
  return server;
}

/** On Linux: of this process. */
const openFiles = (): string[] => (process.platform === 'linux' ? readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`)) : []);

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // the one that the directory was read with
  }
}

describe('a start from a checkpoint', () => {
  test('reads what is asked for, and little by little the rest; then it lets go of the file', async () => {
    const before = await stopped();
    const server = new Server(before.dataDir);
    const { tree } = server;
    expect(tree.isReading).toBe(true);
    expect([tree.nodeCount, tree.digest, tree.ephemeralCount]).toEqual([before.tree.nodeCount, before.tree.digest, 2]);
    for (const path of ['/a/b/c', '/many/612', `/${LONG}/${LONG}/below`]) expect(tree.node(path)?.data?.toString()).toBe(`data of ${path.slice(0, 20)}`);
    for (const path of ['/none', '/many/none', `/${LONG}/none`, `/${LONG}/${LONG}/${LONG}`]) expect(tree.node(path)).toBeUndefined();
    expect([...tree.ephemeralsOf(asSessionId(1n))].sort()).toEqual(['/a/mine', `/a/${LONG}`]);
    expect([tree.children('/many').length, tree.children(`/${LONG}`), tree.isReading]).toEqual([CHILDREN, [LONG], true]);
    while (tree.isReading) tree.readMore(100);
    expect(server.content).toEqual(before.content);
    expect(openFiles()).not.toContain(join(server.dataDir, 'version-2', 'checkpoint', 'data.mdb'));
  });

  test('goes on with checkpoints while it reads: of what has changed', async () => {
    const before = await stopped();
    const server = new Server(before.dataDir);
    await server.apply(set('/many/5', 'changed'), remove('/many/6'), remove('/a/b/c'), create('/a/b/new'), create('/a/b/c'), remove('/a/mine'));
    await server.checkpoint();
    server.tree.readMore(300);
    await server.apply(remove('/many/690'), set('/many/691', 'changed'), create('/many/6'));
    await server.checkpoint();
    expect(server.tree.isReading).toBe(true);
    await server.close();
    const last = new Server(server.dataDir);
    expect([...last.recovered.txns]).toEqual([]);
    expect([last.tree.nodeCount, last.tree.digest, last.tree.ephemeralCount]).toEqual([server.tree.nodeCount, server.tree.digest, 1]);
    const asItWas = new DataTree();
    for (const { txn } of FileStore.open({ dataDir: server.dataDir }).recover().txns) asItWas.apply(txn); // from snapshot.0 on
    expect(last.tree.digest).toBe(asItWas.digest);
    expect(last.content).toEqual(contentOf(asItWas));
    expect(last.failures).toEqual([]);
  });

  test('that is stopped before it has read everything is no reason to distrust the checkpoint', async () => {
    const { dataDir, content } = await stopped();
    const server = new Server(dataDir);
    await server.close();
    expect(() => server.tree.node('/many/1')).toThrow('not read any more');
    const last = new Server(dataDir);
    expect([last.recovered.notes, last.content]).toEqual([[], content]);
  });

  test('a truncate while it reads begins anew; the tree before is not asked any more', async () => {
    const server = new Server((await stopped()).dataDir);
    const zxid = server.tree.lastZxid;
    await server.apply(set('/many/5', 'changed'), remove('/many/6'));
    const old = server.tree;
    const cut = (await truncated(server.store, zxid)) as Recovered;
    old.close();
    expect(() => old.node('/many/7')).toThrow('not read any more');
    const tree = DataTree.fromImage(cut.image!);
    expect([tree.lastZxid, tree.node('/many/6')?.version, tree.node('/many/5')?.version]).toEqual([zxid, 0, 0]);
    tree.readMore(Infinity);
    expect(server.failures).toEqual([]);
  });

  test('a tree from a leader takes its place; the next checkpoint is whole', async () => {
    const server = new Server((await stopped()).dataDir);
    const image = imageAt(99n, 'from the leader');
    server.tree.close();
    server.tree = DataTree.fromImage(image);
    await replaced(server.store, image);
    await server.apply(set('/a', 'ours'));
    await server.checkpoint();
    await server.close();
    const last = new Server(server.dataDir);
    expect([last.recovered.image?.zxid, last.recovered.image?.source?.totals.nodes]).toEqual([100n, server.tree.nodeCount]);
    expect(last.content).toEqual(server.content);
  });
});

describe('a checkpoint of an older program', () => {
  /** Its revision counts: an older program keeps the fields it does not know, and does not keep them right. */
  async function olden(server: Server): Promise<void> {
    const key = Buffer.from('meta');
    const { root, tables } = openTables(join(server.dataDir, 'version-2', 'checkpoint'));
    const record = Buffer.concat([tables[0]!.get(key)!.subarray(0, -4), Buffer.from([8, 1])]);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(record, crc32(key)));
    tables[0]!.putSync(key, Buffer.concat([record, sum]));
    await root.close();
  }

  test('is read whole; the next one is written whole, and read through to', async () => {
    const before = await stopped();
    await olden(before);
    const server = new Server(before.dataDir);
    expect([server.recovered.image?.zxid, server.tree.isReading]).toEqual([before.tree.lastZxid, false]);
    expect(server.content).toEqual(before.content);
    await server.apply(set('/a', 'changed'));
    await server.checkpoint();
    await server.close();
    const last = new Server(server.dataDir);
    expect([last.recovered.image?.zxid, last.tree.isReading]).toEqual([server.tree.lastZxid, true]);
    expect(last.content).toEqual(server.content);
  });
});

const contentOf = (tree: DataTree): string[] =>
  [...tree.image().nodes].map(({ path, data, stat }) => `${path} ${data?.toString()} ${JSON.stringify(stat, (_, value: unknown) => String(value))}`).sort();
