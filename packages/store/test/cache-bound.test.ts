import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Txn } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CheckpointError, CheckpointThread } from '../src/checkpoint-thread.ts';
import type { Recovered } from '../src/index.ts';
import { imageAt, replaced, truncated } from '../src/testing.ts';
import { create, LivingServer, LONG, remove, set, treeOf } from './living-server.ts';

const BOUND = { cacheBytes: 1 };

/** Two trees that live through the same: one with a bound that leaves no room at all, on a disk; one without, in memory. */
class Server extends LivingServer {
  readonly whole: DataTree;

  constructor(dataDir?: string, whole = new DataTree()) {
    super(dataDir, BOUND);
    this.whole = whole;
  }

  sweep(): void {
    for (let turn = 0; turn < 10; turn++) this.tree.evictSome(1000);
  }

  /** Every znode, one by one, and all lists of children. */
  expectSame(): void {
    this.sweep();
    expect([this.tree.nodeCount, this.tree.digest, this.tree.approximateDataSize]).toEqual([this.whole.nodeCount, this.whole.digest, this.whole.approximateDataSize]);
    const all = paths(this.whole);
    for (const path of all) expect(looked(this.tree, path)).toEqual(looked(this.whole, path));
    this.sweep();
    for (const path of all) expect(this.tree.children(path).sort()).toEqual(this.whole.children(path).sort());
    this.sweep();
  }

  protected override applyTxn(txn: Txn): void {
    expect(this.tree.apply(txn)).toEqual(this.whole.apply(txn));
  }
}

function looked(tree: DataTree, path: string): object | undefined {
  const node = tree.node(path);
  return node && { stat: node.stat(), data: node.data?.toString(), acl: node.acl };
}

const paths = (tree: DataTree): string[] => [...tree.image().nodes].map(({ path }) => path);

/** It grew in memory, and its checkpoint has a little of everything. */
async function grown(): Promise<Server> {
  const server = new Server();
  await server.grow();
  return server;
}

/** The root, /zookeeper with what is in it, /a with its two ephemerals. */
const STAYING = 7;

describe('a tree with a bound', () => {
  test('that grew in memory is let go once it is in LMDB, and read again from there', async () => {
    const server = await grown();
    server.sweep();
    expect(server.tree.cachedCount).toBe(STAYING);
    server.expectSame();
    expect(server.tree.cachedCount).toBe(STAYING);
  });

  test('goes on changing: what a checkpoint does not have yet stays, what it has is read as it is by then', async () => {
    const server = await grown();
    server.sweep();
    for (let round = 0; round < 3; round++) {
      await server.apply(set('/many/5', `changed ${round}`), remove('/many/6'), remove('/a/b/c'), create('/a/b/c'), create(`/many/new${round}`), set(`/${LONG}/${LONG}/below`, `${round}`));
      server.expectSame();
      const writing = server.checkpoint();
      await server.apply(create('/many/6'), set('/many/7', `meanwhile ${round}`), remove('/a/b/c'));
      server.expectSame();
      await writing;
      server.expectSame();
      await server.apply(create('/a/b/c'));
    }
    await server.checkpoint();
    server.sweep();
    expect(server.tree.cachedCount).toBe(STAYING);
    await server.close();
    const next = new Server(server.dataDir, server.whole);
    expect([...next.recovered.txns]).toEqual([]);
    next.tree.readMore(Infinity);
    next.expectSame();
    expect([...server.failures, ...next.failures]).toEqual([]);
  });

  test('goes on from the checkpoint before when one could not be written', async () => {
    const server = await grown();
    server.sweep();
    const begin = vi.spyOn(CheckpointThread.prototype, 'begin');
    const commit = vi.spyOn(CheckpointThread.prototype, 'commit').mockImplementationOnce(async function (this: CheckpointThread) {
      await this.abort();
      throw new CheckpointError('there was no room');
    });
    onTestFinished(() => [begin, commit].forEach((spy) => spy.mockRestore()));
    await server.apply(set('/many/5', 'changed'), remove('/many/6'), create('/a/b/new'), remove('/a/b/c'));
    const failure = await new Promise<Error | null>((resolve) => server.store.checkpoint(server.tree.image(), resolve));
    expect(failure?.message).toBe('there was no room');
    server.expectSame();
    await server.apply(set('/many/7', 'changed'), create('/many/6'), remove('/a/b/new'));
    await server.checkpoint();
    expect(begin.mock.calls.map(([isWhole]) => isWhole)).toEqual([false, false]);
    server.expectSame();
    expect(server.tree.cachedCount).toBe(STAYING);
    await server.close();
    const next = new Server(server.dataDir, server.whole);
    next.tree.readMore(Infinity);
    next.expectSame();
  });

  test('reads nothing from before a commit after it, also in the same turn', async () => {
    const server = await grown();
    server.sweep();
    expect(server.tree.node('/many/4')?.version).toBe(0);
    await server.apply(set('/many/5', 'newer'), remove('/many/6'));
    await server.checkpoint();
    server.sweep();
    expect([server.tree.node('/many/5')?.data?.toString(), server.tree.node('/many/6')]).toEqual(['newer', undefined]);
  });

  test('reads everything once after a start, and then what is asked for', async () => {
    const before = await grown();
    await before.close();
    const server = new Server(before.dataDir, before.whole);
    while (server.tree.isReading) server.tree.readMore(100);
    expect(server.tree.cachedCount).toBeLessThanOrEqual(STAYING);
    for (let round = 0; round < 3; round++) {
      expect(server.tree.node('/many/612')?.data?.toString()).toBe('data of /many/612');
      server.sweep();
    }
    server.expectSame();
  });

  test('that was truncated, or replaced by a leader, is asked no more; the next one is let go as well', async () => {
    const server = await grown();
    const zxid = server.tree.lastZxid;
    server.sweep();
    await server.apply(set('/many/5', 'changed'), remove('/many/6'));
    const old = server.tree;
    server.tree = treeOf((await truncated(server.store, zxid)) as Recovered, BOUND);
    old.close();
    expect(() => old.node('/many/7')).toThrow('not read any more');
    server.tree.readMore(Infinity);
    server.sweep();
    expect([server.tree.node('/many/6')?.version, server.tree.node('/many/5')?.version]).toEqual([0, 0]);

    const image = imageAt(99n, 'from the leader');
    server.tree.close();
    server.tree = DataTree.fromImage(image, BOUND);
    await replaced(server.store, image);
    server.sweep();
    expect(server.tree.cachedCount).toBe(server.tree.nodeCount);
    await server.checkpoint();
    server.sweep();
    expect(server.tree.cachedCount).toBeLessThan(server.tree.nodeCount);
    expect([...DataTree.fromImage(server.tree.image()).image().nodes]).toEqual([...DataTree.fromImage(image).image().nodes]);
    expect(server.failures).toEqual([]);
  });

  test('tells a record that has changed on disk', async () => {
    const server = await grown();
    server.sweep();
    const path = join(server.dataDir, 'version-2', 'checkpoint', 'data.mdb');
    const content = readFileSync(path);
    const text = 'data of /many/17';
    for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + 1)) content.write('Data', at);
    writeFileSync(path, content);
    expect(() => server.tree.node('/many/17')).toThrow("a record's checksum is wrong");
    expect(server.failures).toEqual([expect.stringContaining('put aside as checkpoint.damaged')]);
  });
});
