import { describe, expect, test } from 'vitest';
import { CreateRequest, OPEN_ACL, OpCode } from '@zk/protocol';
import { encode } from '@zk/jute';
import { ensemble, standalone } from './made-up-world.ts';
import type { Node } from './made-up-world.ts';

const digests = (nodes: readonly Node[]): bigint[] => nodes.map((node) => node.peer.history.tree.digest);
const has = (node: Node, path: string): boolean => node.peer.history.tree.node(path) !== undefined;
const createBody = (path: string, data = ''): Buffer => encode(CreateRequest, { path, data: Buffer.from(data), acl: [...OPEN_ACL], flags: 0 });

describe('a standalone server', () => {
  test('gives the session zxid 1 and the first write zxid 2, and serves at once', () => {
    const zk = standalone();
    const server = zk.settle();
    expect(server.peer.inspect()).toMatchObject({ role: 'standalone', serving: 'standalone', currentEpoch: 0n });
    const client = zk.connect(server);
    expect(client.create('/a')).toMatchObject({ err: 0, zxid: 2n });
    expect(server.commits).toEqual([1n, 2n]);
  });

  test('finds its tree again after a kill', () => {
    const zk = standalone();
    const server = zk.settle();
    zk.connect(server).create('/a', 'kept');
    const before = digests([server]);
    server.kill();
    server.start();
    zk.settle();
    expect(digests([server])).toEqual(before);
    expect(zk.connect(server).create('/b').zxid).toBe(4n); // its session was 3
  });
});

describe('an ensemble of three', () => {
  test('elects the highest sid of equals, under epoch 1', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    expect(leader.sid).toBe(3n);
    for (const node of zk.nodes) expect(node.peer.inspect()).toMatchObject({ leader: 3n, acceptedEpoch: 1n, currentEpoch: 1n });
  });

  test('a write on a follower is on all trees', () => {
    const zk = ensemble(3);
    zk.settle();
    const client = zk.connect(zk.node(1));
    expect(client.create('/a', 'everywhere')).toMatchObject({ err: 0, zxid: 0x100000002n });
    zk.time.run(1000);
    expect(zk.nodes.map((node) => has(node, '/a'))).toEqual([true, true, true]);
    expect(new Set(digests(zk.nodes)).size).toBe(1);
    for (const node of zk.nodes) expect(node.commits).toEqual([0x100000001n, 0x100000002n]);
  });

  test('another one leads when the leader is killed, and brings it up to date when it comes back', () => {
    const zk = ensemble(3);
    const first = zk.settle();
    zk.connect(first).create('/before');
    first.kill();
    zk.time.run(20_000);
    const second = zk.settle();
    expect(second.sid).toBe(2n);
    expect(second.peer.inspect().currentEpoch).toBe(2n);
    expect(zk.connect(zk.node(1)).create('/while-away').err).toBe(0);
    first.start();
    zk.settle();
    expect(zk.nodes.every((node) => has(node, '/before') && has(node, '/while-away'))).toBe(true);
    expect(first.traced('syncing').at(-1)).toMatchObject({ side: 'learner', op: 'DIFF' });
    expect(new Set(digests(zk.nodes)).size).toBe(1);
  });
});
