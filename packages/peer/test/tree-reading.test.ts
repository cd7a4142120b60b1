import { MemorySource, OPEN_ACL, OpCode, asSessionId, asZxid, type Image, type ImageSource } from '@zk/protocol';
import { DataTree } from '@zk/tree';
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
function killed(image: Image): { zk: Ensemble; server: Node } {
  const zk = standalone();
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
