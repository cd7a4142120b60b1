import { encode } from '@zk/jute';
import { ErrorCode, GetDataRequest, OpCode } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { ensemble, standalone, type Client } from './made-up-world.ts';

const get = (client: Client, path: string): number => client.ask(OpCode.getData, encode(GetDataRequest, { path, watch: false })).header.err;

describe('a standalone server with a full disk', () => {
  test('refuses writes and answers reads, and takes writes again when there is room', () => {
    const zk = standalone();
    const server = zk.settle();
    const [waiting, reader] = [zk.connect(server), zk.connect(server)];
    reader.create('/a', 'kept');
    const zxid = server.peer.inspect().lastLogged;
    server.disk.fill();
    waiting.tellCreate('/in-doubt'); // the first one finds out: nobody knows what becomes of it
    zk.time.run(100);
    expect(waiting.closed).toContain('the disk is full');
    expect(reader.create('/b').err).toBe(ErrorCode.NOTREADONLY);
    expect(get(reader, '/a')).toBe(0);
    expect(get(reader, '/in-doubt')).toBe(ErrorCode.NONODE);
    expect(server.peer.inspect()).toMatchObject({ serving: 'standalone', lastLogged: zxid + 1n, disk: { shortage: { reason: expect.stringContaining('ENOSPC') } } });
    server.disk.makeRoom();
    zk.time.run(100);
    expect(get(reader, '/in-doubt')).toBe(0);
    expect(reader.create('/b')).toMatchObject({ err: 0, zxid: zxid + 2n }); // what was refused took none
    expect(server.peer.inspect().disk.shortage).toBeNull();
    expect(server.traced('diskFull')).toHaveLength(1);
    expect(server.traced('diskRoom')).toEqual([{ kind: 'diskRoom', forMs: expect.any(Number) }]);
  });

  test('what was refused is not there after a kill, what was acknowledged is', () => {
    const zk = standalone();
    const server = zk.settle();
    const [waiting, reader] = [zk.connect(server), zk.connect(server)];
    reader.create('/a');
    server.disk.fill();
    waiting.tellCreate('/in-doubt');
    zk.time.run(100);
    reader.create('/refused');
    server.kill();
    server.disk.makeRoom();
    server.start();
    const client = zk.connect(zk.settle());
    expect([get(client, '/a'), get(client, '/refused')]).toEqual([0, ErrorCode.NONODE]);
  });

  test('opens no session, and ends none, until there is room', () => {
    const zk = standalone();
    const server = zk.settle();
    const silent = zk.connect(server);
    silent.create('/a');
    server.disk.fill();
    silent.tellCreate('/b');
    zk.time.run(120_000); // six times its session's timeout
    const { sessions } = server.peer.history.tree;
    expect(sessions.size).toBe(1);
    const refused = zk.connect(server);
    expect(refused.closed).toContain('the disk is full');
    server.disk.makeRoom();
    zk.time.run(60_000);
    expect(sessions.size).toBe(0);
    expect(zk.connect(server).create('/c').err).toBe(0);
  });

  test('stops when asked to, without waiting for room', () => {
    const zk = standalone({ checkpointAtStop: true });
    const server = zk.settle();
    zk.connect(server).create('/a');
    const logged = server.disk.log.length;
    server.disk.fill();
    zk.connect(server).tellCreate('/b');
    zk.time.run(100);
    server.feed({ kind: 'stop' });
    zk.time.run(100);
    expect(server.peer.inspect().role).toBe('stopped');
    expect(server.disk.log).toHaveLength(logged);
  });
});

describe('a member of an ensemble with a full disk', () => {
  test('a leader steps down: another one leads, and it comes back by itself when there is room', () => {
    const zk = ensemble(3);
    const first = zk.settle();
    zk.connect(first).create('/a');
    first.disk.fill();
    zk.connect(zk.nodes.find((node) => node !== first)!).tellCreate('/b');
    const others = zk.nodes.filter((node) => node !== first);
    const leader = (): (typeof others)[number] | undefined => others.find((node) => node.peer.inspect().serving === 'leader');
    zk.time.until(() => leader() !== undefined && others.every((node) => node.peer.inspect().serving !== null), 'another leader');
    expect(first.peer.inspect()).toMatchObject({ role: 'draining', serving: null });
    expect(zk.connect(leader()!).create('/c').err).toBe(0);
    first.disk.makeRoom();
    zk.settle();
    zk.time.run(1000);
    expect(new Set(zk.nodes.map((node) => node.peer.history.tree.digest)).size).toBe(1);
    expect(first.peer.history.tree.node('/c')).toBeDefined();
  });

  test('a follower leaves the quorum, acknowledges nothing meanwhile, and comes back', () => {
    const zk = ensemble(3, { readOnlyMode: true });
    const leader = zk.settle();
    const follower = zk.nodes.find((node) => node !== leader)!;
    const client = zk.connect(leader);
    client.create('/a');
    follower.disk.fill();
    for (let i = 0; i < 5; i++) expect(client.create(`/n${i}`).err).toBe(0);
    zk.time.until(() => follower.peer.inspect().serving === 'readOnly', 'reads for those who ask for no more');
    expect(follower.peer.inspect().role).toBe('draining');
    expect(follower.peer.history.tree.node('/a')).toBeDefined();
    expect(leader.peer.inspect().learners.filter(({ phase }) => phase === 'synced')).toHaveLength(1);
    follower.disk.makeRoom();
    zk.time.until(() => follower.peer.inspect().serving === 'follower', 'the follower to be back');
    zk.time.run(1000);
    expect(new Set(zk.nodes.map((node) => node.peer.history.tree.digest)).size).toBe(1);
  });

  test('with a majority full nothing is acknowledged, and nothing acknowledged is lost', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    const client = zk.connect(leader);
    client.create('/a');
    for (const node of zk.nodes) node.disk.fill();
    client.tellCreate('/b');
    zk.time.run(30_000);
    expect(zk.nodes.map((node) => node.peer.inspect().role)).not.toContain('leading');
    expect(client.replies).toHaveLength(1);
    for (const node of zk.nodes) node.disk.makeRoom();
    const next = zk.settle();
    expect(get(zk.connect(next), '/a')).toBe(0);
    expect(zk.connect(next).create('/c').err).toBe(0);
    zk.time.run(1000);
    expect(new Set(zk.nodes.map((node) => node.peer.history.tree.digest)).size).toBe(1);
  });
});

describe('checkpoints', () => {
  test('one that does not fit is tried again, and nothing stops for it', () => {
    const zk = standalone({ snapCount: 10 });
    const server = zk.settle();
    const client = zk.connect(server);
    while (server.traced('checkpoint').length < 2) {
      server.disk.makeRoom();
      client.create(`/n${client.replies.length}`);
      server.disk.fill(); // between two writes: only a checkpoint can notice
      zk.time.run(1);
    }
    zk.time.run(10);
    expect(server.traced('checkpointFailed')).toHaveLength(1);
    expect(server.peer.inspect()).toMatchObject({ serving: 'standalone', disk: { shortage: null, checkpoint: { reason: expect.stringContaining('ENOSPC') } } });
    server.disk.makeRoom();
    zk.time.run(61_000);
    expect(server.peer.inspect().disk.checkpoint).toBeNull();
    expect(server.disk.images.at(-1)?.zxid).toBe(server.peer.history.tree.lastZxid);
  });

  test('are taken by the size of the log as well', () => {
    const zk = standalone({ snapCount: 100_000, snapSizeLimit: 10_000 });
    const server = zk.settle();
    const client = zk.connect(server);
    for (let i = 0; i < 30; i++) client.create(`/n${i}`, 'x'.repeat(1000));
    const taken = server.traced('checkpoint').slice(1);
    expect(taken.length).toBeGreaterThanOrEqual(3);
    for (const { txns } of taken) expect(txns).toBeLessThanOrEqual(10);
  });

  test('when asked for: of what is committed, once', () => {
    const zk = standalone();
    const server = zk.settle();
    zk.connect(server).create('/a');
    server.feed({ kind: 'checkpoint' });
    zk.time.run(10);
    server.feed({ kind: 'checkpoint' });
    zk.time.run(10);
    expect(server.traced('checkpoint').map(({ zxid }) => zxid)).toEqual([0n, 2n]);
    expect(server.disk.images.at(-1)?.zxid).toBe(2n);
  });

  test('at a stop: the next start has nothing to replay', () => {
    const zk = ensemble(3, { checkpointAtStop: true });
    const leader = zk.settle();
    zk.connect(leader).create('/a');
    zk.time.run(100);
    for (const node of zk.nodes) node.feed({ kind: 'stop' });
    zk.time.until(() => zk.nodes.every((node) => node.peer.inspect().role === 'stopped'), 'everybody to stop');
    for (const { disk } of zk.nodes) expect(disk.images.at(-1)?.zxid).toBe(disk.log.at(-1)?.zxid);
    for (const node of zk.nodes) node.kill();
    for (const node of zk.nodes) node.start();
    expect(get(zk.connect(zk.settle()), '/a')).toBe(0);
  });

  test('at a stop hold nothing that is not committed', () => {
    const zk = ensemble(3, { checkpointAtStop: true, shutdownTimeout: 100 });
    const leader = zk.settle();
    const client = zk.connect(leader);
    client.create('/committed');
    for (const node of zk.nodes) if (node !== leader) node.kill();
    client.tellCreate('/tail');
    leader.feed({ kind: 'stop' });
    zk.time.until(() => leader.peer.inspect().role === 'stopped', 'the leader to stop');
    const paths = [...(leader.disk.images.at(-1)?.nodes ?? [])].map(({ path }) => path);
    expect(paths).toContain('/committed');
    expect(paths).not.toContain('/tail');
    expect(leader.disk.log.at(-1)?.zxid).toBe(leader.peer.history.lastLogged); // where it waits for the next leader's word
  });

  test('at a stop without a quorum: the tree is as committed as it was', () => {
    const zk = ensemble(3, { checkpointAtStop: true });
    const leader = zk.settle();
    zk.connect(leader).create('/a');
    for (const node of zk.nodes) if (node !== leader) node.kill();
    zk.time.until(() => leader.peer.inspect().role === 'looking', 'the leader to have lost its quorum');
    leader.feed({ kind: 'stop' });
    zk.time.until(() => leader.peer.inspect().role === 'stopped', 'the leader to stop');
    expect(leader.disk.images.at(-1)?.zxid).toBe(leader.disk.log.at(-1)?.zxid);
  });

  test('at a stop without a quorum: what was in the tail alone may yet be truncated', () => {
    const zk = ensemble(3, { checkpointAtStop: true });
    const leader = zk.settle();
    const client = zk.connect(leader);
    client.create('/committed');
    const before = leader.disk.images.length;
    for (const node of zk.nodes) if (node !== leader) node.kill();
    client.tellCreate('/tail');
    zk.time.until(() => leader.peer.inspect().role === 'looking', 'the leader to have lost its quorum');
    expect(leader.peer.history.tree.node('/tail')).toBeDefined(); // its vote covers it
    leader.feed({ kind: 'stop' });
    zk.time.until(() => leader.peer.inspect().role === 'stopped', 'the leader to stop');
    expect(leader.disk.images).toHaveLength(before);
  });

  test('at a stop: an epoch that has no txn yet is no reason for one', () => {
    const zk = ensemble(3, { checkpointAtStop: true });
    const leader = zk.settle();
    const before = leader.disk.images.length;
    leader.feed({ kind: 'stop' });
    zk.time.until(() => leader.peer.inspect().role === 'stopped', 'the leader to stop');
    expect(leader.disk.images).toHaveLength(before);
  });
});
