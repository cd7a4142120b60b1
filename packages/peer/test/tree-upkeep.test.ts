import { MemorySource, OPEN_ACL, OpCode, asSessionId, asZxid, type Image, type ImageSource } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import type { PeerConfig } from '../src/config.ts';
import { expect, test } from 'vitest';
import { standalone, type Ensemble, type Node } from './made-up-world.ts';

const ZNODES = 1600;

/** A checkpoint of /app with many children. */
function checkpoint(): Image & { source: ImageSource } {
  const tree = new DataTree();
  for (let zxid = 1; zxid <= ZNODES; zxid++) {
    const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(BigInt(zxid)), time: 1n, type: OpCode.create };
    const path = zxid === 1 ? '/app' : `/app/${zxid}`;
    tree.apply({ header, body: { type: OpCode.create, path, data: Buffer.from(path), acl: [...OPEN_ACL], ephemeral: false, parentCVersion: -1 }, digest: null });
  }
  const image = tree.image();
  const { nodes, totals, digest } = image.capture!(null);
  return { zxid: image.zxid, sessions: [], acls: [...image.acls], nodes: [], digest, source: new MemorySource(nodes, totals!) };
}

/** A server that was killed, and has this checkpoint on its disk. */
function killed(image: Image, config: Partial<PeerConfig> = {}): { zk: Ensemble; server: Node } {
  const zk = standalone(config);
  const server = zk.settle();
  server.kill();
  Object.assign(server.disk, { images: [image], log: [], base: image.zxid });
  server.start();
  return { zk, server };
}

test('a server serves before it has read its tree, and reads the rest beside that, piece by piece', () => {
  const { zk, server } = killed(checkpoint());
  zk.settle();
  const { tree } = server.peer.history;
  expect(tree.isReading).toBe(true);
  const client = zk.connect(server);
  expect(client.create('/app/17')).toMatchObject({ err: -110 });
  expect(client.create('/app/new')).toMatchObject({ err: 0 });
  expect([server.peer.inspect().tree.nodes, tree.isReading]).toEqual([ZNODES + 5, true]);
  expect(server.peer.nextDeadline() - zk.time.now).toBeLessThanOrEqual(2);
  zk.time.until(() => !tree.isReading, 'all to be read', 100);
  expect(server.traced('treeRead')).toEqual([{ kind: 'treeRead', znodes: ZNODES + 5, forMs: expect.any(Number) }]);
  expect([...tree.children('/app')]).toHaveLength(ZNODES);
  expect(server.peer.nextDeadline() - zk.time.now).toBeGreaterThan(2);
});

test('what it finds damaged ends it', () => {
  const image = checkpoint();
  const { find } = image.source;
  const damaged: ImageSource['find'] = (path) => {
    if (path === '/app/17') throw new Error('a record has changed');
    return find.call(image.source, path);
  };
  const { zk, server } = killed({ ...image, source: Object.assign(image.source, { find: damaged }) });
  zk.settle();
  const client = zk.connect(server);
  expect(client.create('/app')).toMatchObject({ err: -110 });
  expect(() => client.create('/app/17')).toThrow();
  expect(server.alive).toBe(false);
  expect(server.traced('fatal')).toMatchObject([{ code: 1, reason: 'a record has changed' }]);
});

test('a stop ends the reading', () => {
  const { zk, server } = killed(checkpoint());
  zk.settle();
  server.feed({ kind: 'stop' });
  zk.time.run(1000);
  expect([server.peer.inspect().role, server.peer.history.tree.isReading, server.peer.nextDeadline()]).toEqual(['stopped', true, Infinity]);
});

test('with a bound it keeps what there is room for, and what is read for a client goes again', () => {
  const { zk, server } = killed({ ...checkpoint(), mark: {} }, { cacheBytes: 20_000 });
  zk.settle();
  const { tree } = server.peer.history;
  zk.time.until(() => !tree.isReading, 'all to be read', 100);
  const [{ znodes, inMemory } = { znodes: 0, inMemory: 0 }] = server.traced('treeChecked');
  expect([server.traced('treeRead'), znodes, inMemory]).toEqual([[], ZNODES + 4, tree.cachedCount]);
  expect(inMemory).toBeLessThan(200);
  const client = zk.connect(server);
  for (let n = 2; n <= ZNODES; n++) expect(client.create(`/app/${n}`)).toMatchObject({ err: -110 });
  zk.time.run(1000);
  expect([tree.isOverfull, tree.nodeCount]).toEqual([false, ZNODES + 4]);
  expect(tree.cachedCount).toBeLessThan(200);
  expect([...tree.children('/app')]).toHaveLength(ZNODES - 1);
});
