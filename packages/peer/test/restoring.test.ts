import { encode } from '@zk/jute';
import { ErrorCode, GetDataRequest, OpCode, READ_ACL, asSessionId, asZxid, proposalOf, type Zxid } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { describe, expect, test } from 'vitest';
import type { RestoreAnswer } from '../src/index.ts';
import { ensemble, standalone, type Client, type Node } from './made-up-world.ts';

const get = (client: Client, path: string): number => client.ask(OpCode.getData, encode(GetDataRequest, { path, watch: false })).header.err;
const NONODE = ErrorCode.NONODE;

/** A database from elsewhere: /restored, made by the txn with this zxid. */
function treeOf(zxid: Zxid): DataTree {
  const tree = new DataTree();
  const header = { clientId: asSessionId(7n), cxid: 1, zxid, time: 0n, type: OpCode.create };
  tree.apply(proposalOf({ header, body: { type: OpCode.create, path: '/restored', data: null, acl: [...READ_ACL], ephemeral: false, parentCVersion: -1 }, digest: null }).txn);
  return tree;
}

function restore(node: Node, tree: DataTree): RestoreAnswer[] {
  const answers: RestoreAnswer[] = [];
  node.feed({ kind: 'restore', request: { tree, answer: (answer) => answers.push(answer) } });
  return answers;
}

describe('a standalone server', () => {
  test('serves the other database under its next zxid, and still does after a kill', () => {
    const zk = standalone();
    const server = zk.settle();
    const client = zk.connect(server);
    client.create('/a');
    const { zxid } = client.create('/b');
    const answers = restore(server, treeOf(asZxid(1n)));
    zk.time.run(100);
    expect(answers).toEqual([{ zxid: zxid + 1n }]);
    expect(client.closed).toBe('the database has been restored');
    const other = zk.connect(zk.settle());
    expect([get(other, '/a'), get(other, '/restored')]).toEqual([NONODE, 0]);
    const after = other.create('/after').zxid;
    expect(after).toBe(zxid + 3n); // the session came before
    server.kill();
    server.start();
    const again = zk.connect(zk.settle());
    expect([get(again, '/a'), get(again, '/restored'), get(again, '/after')]).toEqual([NONODE, 0, 0]);
  });

  test('takes the zxid of a newer snapshot as it is', () => {
    const zk = standalone();
    const server = zk.settle();
    const newer = asZxid(0x5_0000_0007n);
    const answers = restore(server, treeOf(newer));
    zk.time.run(100);
    expect(answers).toEqual([{ zxid: newer }]);
    expect(zk.connect(zk.settle()).create('/a').zxid).toBe(newer + 2n);
  });

  test('answers what was asked before it', () => {
    const zk = standalone();
    const server = zk.settle();
    const client = zk.connect(server);
    client.tellCreate('/a');
    restore(server, treeOf(asZxid(1n)));
    zk.time.run(100);
    expect(client.replies.map(({ header }) => header.err)).toEqual([0]);
  });

  test('gives up, and goes on serving, when what is under way does not end', () => {
    const zk = standalone();
    const server = zk.settle();
    const client = zk.connect(server);
    server.disk.fill();
    client.tellCreate('/in-doubt');
    const answers = restore(server, treeOf(asZxid(1n)));
    zk.time.run(60_000);
    expect(answers).toEqual([{ refused: 'what was under way did not come to an end' }]);
    server.disk.makeRoom();
    zk.time.run(60_000);
    expect([get(zk.connect(zk.settle()), '/in-doubt'), server.peer.inspect().serving]).toEqual([0, 'standalone']);
  });

  test('does one at a time, and none on its way out', () => {
    const zk = standalone();
    const server = zk.settle();
    zk.connect(server).tellCreate('/a');
    const first = restore(server, treeOf(asZxid(1n)));
    expect(restore(server, treeOf(asZxid(1n)))).toEqual([{ refused: 'another restore is under way' }]);
    server.feed({ kind: 'stop' });
    zk.time.run(100);
    expect(restore(server, treeOf(asZxid(1n)))).toEqual([{ refused: 'this server is stopping' }]);
    expect(first).toEqual([{ zxid: expect.any(BigInt) as bigint }]);
    expect(server.peer.inspect().role).toBe('stopped');
  });
});

describe('a leader', () => {
  test('is elected again, and its members have the other database too', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    const client = zk.connect(leader);
    const { zxid } = client.create('/a');
    const answers = restore(leader, treeOf(asZxid(1n)));
    zk.time.until(() => answers.length > 0, 'an answer');
    expect(answers).toEqual([{ zxid: zxid + 1n }]);
    expect(zk.settle()).toBe(leader);
    for (const node of zk.nodes) {
      const reader = zk.connect(node);
      expect([get(reader, '/a'), get(reader, '/restored')]).toEqual([NONODE, 0]);
    }
    for (const node of zk.nodes) node.kill();
    for (const node of zk.nodes) node.start();
    const again = zk.connect(zk.settle());
    expect([get(again, '/a'), get(again, '/restored'), again.create('/after').err]).toEqual([NONODE, 0, 0]);
  });

  test('that dies before a quorum has it leaves the old database; back again, it takes that', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    zk.connect(leader).create('/a');
    const answers = restore(leader, treeOf(asZxid(1n)));
    zk.time.until(() => leader.traced('treeReplaced').some(({ by }) => by === 'restore'), 'the exchange');
    zk.time.run(2); // saved, and not yet elected again
    leader.kill();
    const successor = zk.settle();
    leader.start();
    zk.time.run(30_000);
    zk.settle();
    for (const node of [successor, leader]) expect(get(zk.connect(node), '/a')).toBe(0);
    expect(answers.some((answer) => 'zxid' in answer)).toBe(false);
  });

  test('of an older epoch than the snapshot refuses: its members could not follow', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    const client = zk.connect(leader);
    expect(restore(leader, treeOf(asZxid(0x9_0000_0001n)))).toEqual([{ refused: expect.stringContaining('the snapshot is of epoch 9') as string }]);
    expect(client.create('/a').err).toBe(0);
  });
});

test('a follower refuses, and names whom to ask', () => {
  const zk = ensemble(3);
  const leader = zk.settle();
  const follower = zk.nodes.find((node) => node !== leader) as Node;
  expect(restore(follower, treeOf(asZxid(1n)))).toEqual([{ refused: 'this server is following: restore the leader, the others get the tree from it' }]);
});
