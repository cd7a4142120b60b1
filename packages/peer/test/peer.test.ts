import { describe, expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import { DamageError } from '@zk/store';
import { StrangeLink, ensemble, standalone } from './made-up-world.ts';
import type { Ensemble, Node } from './made-up-world.ts';

const digests = (nodes: readonly Node[]): bigint[] => nodes.map((node) => node.peer.history.tree.digest);
const has = (node: Node, path: string): boolean => node.peer.history.tree.node(path) !== undefined;

function expectAgreement({ time, nodes }: Ensemble): void {
  time.run(1000);
  expect(new Set(digests(nodes)).size).toBe(1);
}

/** Kills the followers, writes `path` to the leader's log alone, and kills the leader too. */
function leaveTailOnLeader(zk: Ensemble, path: string): Node {
  const leader = zk.settle();
  const client = zk.connect(leader);
  for (const node of zk.nodes) if (node !== leader) node.kill();
  client.tellCreate(path);
  zk.time.run(10);
  expect(leader.peer.inspect().pendingTxns).toBe(1);
  leader.kill();
  return leader;
}

describe('a standalone server', () => {
  test('gives the session zxid 1 and the first write zxid 2, and serves at once', () => {
    const zk = standalone();
    const server = zk.settle();
    expect(server.peer.inspect()).toMatchObject({ role: 'standalone', serving: 'standalone', currentEpoch: 0n });
    expect(zk.connect(server).create('/a')).toMatchObject({ err: 0, zxid: 2n });
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
    expect(zk.connect(server).create('/b').zxid).toBe(4n); // the new session was 3
  });

  test('checkpoints every half to whole snapCount, and starts from there', () => {
    const zk = standalone({ snapCount: 10 });
    const server = zk.settle();
    const client = zk.connect(server);
    for (let i = 0; i < 40; i++) client.create(`/n${i}`);
    const [ofNothing, ...checkpoints] = server.traced('checkpoint').map(({ txns }) => txns);
    expect(ofNothing).toBe(0); // a new database begins with an image
    expect(checkpoints.length).toBeGreaterThanOrEqual(4);
    for (const txns of checkpoints) expect(txns).toBeGreaterThan(5);
    for (const txns of checkpoints) expect(txns).toBeLessThanOrEqual(10);
    const before = digests([server]);
    server.kill();
    server.start();
    zk.settle();
    expect(digests([server])).toEqual(before);
  });

  test('stops when asked to, after making everything durable', () => {
    const zk = standalone();
    const server = zk.settle();
    const client = zk.connect(server);
    client.create('/a');
    server.feed({ kind: 'stop' });
    zk.time.run(100);
    expect(client.closed).not.toBeNull();
    expect(server.peer.inspect()).toMatchObject({ role: 'stopped', serving: null });
    expect(server.disk.log.at(-1)?.zxid).toBe(2n);
  });
});

describe('an ensemble of three', () => {
  test('elects the highest sid of equals, under epoch 1', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    expect(leader.sid).toBe(3n);
    for (const node of zk.nodes) expect(node.peer.inspect()).toMatchObject({ leader: 3n, acceptedEpoch: 1n, currentEpoch: 1n });
  });

  test('has a write on a follower in all trees', () => {
    const zk = ensemble(3);
    zk.settle();
    expect(zk.connect(zk.node(1)).create('/a', 'everywhere')).toMatchObject({ err: 0, zxid: 0x100000002n });
    expectAgreement(zk);
    for (const node of zk.nodes) {
      expect(has(node, '/a')).toBe(true);
      expect(node.commits).toEqual([0x100000001n, 0x100000002n]);
    }
  });

  test('elects another leader when the first is killed, and takes it back by DIFF', () => {
    const zk = ensemble(3);
    const first = zk.settle();
    zk.connect(first).create('/before');
    first.kill();
    zk.time.run(10_000);
    const second = zk.settle();
    expect(second.sid).toBe(2n);
    expect(second.peer.inspect().currentEpoch).toBe(2n);
    expect(zk.connect(zk.node(1)).create('/while-away').err).toBe(0);
    first.start();
    zk.settle();
    expect(first.traced('syncing').at(-1)).toMatchObject({ side: 'learner', op: 'DIFF' });
    expectAgreement(zk);
    expect(has(first, '/while-away')).toBe(true);
  });

  test('serves writes on an observer, which votes for nobody', () => {
    const zk = ensemble(3, {}, 1);
    zk.settle();
    const observer = zk.node(4);
    expect(observer.peer.inspect()).toMatchObject({ role: 'observing', serving: 'observer', leader: 3n });
    expect(zk.connect(observer).create('/seen').err).toBe(0);
    expectAgreement(zk);
    expect(observer.disk.log.map(({ zxid }) => zxid)).toEqual([0x100000001n, 0x100000002n]);
    zk.node(1).kill();
    zk.node(2).kill();
    zk.time.until(() => zk.node(3).peer.inspect().role === 'looking', 'the leader to step down: an observer is no quorum');
  });

  test('keeps no log on an observer that was told not to', () => {
    const zk = ensemble(3, { observerSyncEnabled: false }, 1);
    zk.connect(zk.settle()).create('/a');
    expectAgreement(zk);
    const observer = zk.node(4);
    expect(observer.disk.log).toEqual([]);
    expect(observer.peer.inspect().lastLogged).toBe(0x100000002n);
  });

  test('turns clients away from the leader when it is not to serve', () => {
    const zk = ensemble(3, { leaderServes: false });
    const leader = zk.settle();
    expect(zk.connect(leader).closed).toContain('leaderServes=no');
    expect(zk.connect(zk.node(1)).create('/a').err).toBe(0);
  });

  test('ends client connections with the role that served them (T56)', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    const client = zk.connect(leader);
    for (const node of zk.nodes) if (node !== leader) node.kill();
    zk.time.run(20_000);
    expect(client.closed).not.toBeNull();
    expect(leader.peer.inspect()).toMatchObject({ role: 'looking', serving: null, leader: null });
  });
});

describe('a tail that was logged but never committed', () => {
  test('is part of the vote of a leader that steps down, and survives when it leads again (T4, T5)', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    const client = zk.connect(leader);
    for (const node of zk.nodes) if (node !== leader) node.kill();
    client.tellCreate('/tail');
    zk.time.until(() => leader.peer.inspect().role === 'looking', 'the leader to step down');
    expect(leader.peer.inspect()).toMatchObject({ pendingTxns: 0, lastLogged: 0x100000002n });
    expect(has(leader, '/tail')).toBe(true);
    for (const node of zk.nodes) if (node !== leader) node.start();
    expect(zk.settle()).toBe(leader);
    expectAgreement(zk);
    expect(has(zk.node(1), '/tail')).toBe(true);
  });

  test('is cut off by TRUNC when the others went on without it', () => {
    const zk = ensemble(3);
    const deposed = leaveTailOnLeader(zk, '/lost');
    for (const node of zk.nodes) if (node !== deposed) node.start();
    zk.time.run(10_000);
    zk.settle();
    deposed.start();
    zk.settle();
    expect(deposed.traced('syncing').at(-1)).toMatchObject({ op: 'TRUNC', from: 0x100000002n, to: 0x100000001n });
    expect(has(deposed, '/lost')).toBe(false);
    expectAgreement(zk);
    deposed.kill();
    deposed.start();
    zk.settle();
    expect(has(deposed, '/lost')).toBe(false);
  });

  test('is replaced by SNAP when the others have begun another epoch', () => {
    const zk = ensemble(3);
    const deposed = leaveTailOnLeader(zk, '/lost');
    for (const node of zk.nodes) if (node !== deposed) node.start();
    zk.time.run(10_000);
    zk.connect(zk.settle()).create('/kept');
    deposed.start();
    zk.settle();
    expect(deposed.traced('syncing').at(-1)).toMatchObject({ op: 'SNAP' });
    expect([has(deposed, '/lost'), has(deposed, '/kept')]).toEqual([false, true]);
    expectAgreement(zk);
    deposed.kill();
    deposed.start();
    zk.settle();
    expectAgreement(zk);
  });
});

test('a SNAP broken half-way leaves tree and disk as they were, and is done again (T6)', () => {
  const zk = ensemble(3);
  const client = zk.connect(zk.settle());
  for (let i = 0; i < 30; i++) client.create(`/big${i}`, 'x'.repeat(100_000));
  const deposed = leaveTailOnLeader(zk, '/lost');
  for (const node of zk.nodes) if (node !== deposed) node.start();
  zk.time.run(10_000);
  zk.connect(zk.settle()).create('/kept');
  deposed.start();
  zk.time.until(() => deposed.traced('syncing').at(-1)?.op === 'SNAP', 'SNAP to begin');
  const log = [...deposed.disk.log];
  deposed.links.at(-1)?.close('the cable was pulled');
  zk.time.run(2);
  expect(deposed.peer.inspect().serving).toBeNull();
  expect([has(deposed, '/lost'), has(deposed, '/kept')]).toEqual([true, false]);
  expect(deposed.disk.log).toEqual(log);
  zk.settle();
  expect([has(deposed, '/lost'), has(deposed, '/kept')]).toEqual([false, true]);
  expectAgreement(zk);
});

describe('without a quorum', () => {
  function aloneOfThree(settings = {}): { zk: Ensemble; alone: Node } {
    const zk = ensemble(3, settings);
    zk.node(2).kill();
    zk.node(3).kill();
    return { zk, alone: zk.node(1) };
  }

  test('says whom it waits for: after a second, then at growing intervals', () => {
    const { zk, alone } = aloneOfThree();
    zk.time.run(20_000);
    expect(alone.traced('waiting')).toEqual(
      [1000, 3000, 7000, 15_000].map((forMs) => ({ kind: 'waiting', missing: [2n, 3n], distrusted: [], forMs })),
    );
  });

  test('serves reads when it may, and stops doing so when a leader is found', () => {
    const { zk, alone } = aloneOfThree({ readOnlyMode: true });
    zk.time.run(1900);
    expect(alone.peer.inspect().serving).toBeNull();
    zk.time.run(200);
    expect(alone.peer.inspect()).toMatchObject({ role: 'looking', serving: 'readOnly' });
    zk.node(2).start();
    zk.time.until(() => alone.peer.inspect().serving === 'follower', 'a leader');
  });
});

describe('a member whose log is damaged', () => {
  const damage = (node: Node): void => {
    node.kill();
    node.disk.damage = new DamageError('version-2/log.100000001', 4096, asZxid(0x1_0000_0005n), 'CRC check failed');
  };

  test('says so, votes for nobody, and is given a snapshot by the others', () => {
    const zk = ensemble(3);
    zk.connect(zk.settle()).create('/a');
    const victim = zk.node(2);
    damage(victim);
    zk.settle();
    victim.start();
    zk.settle();
    expect(victim.traced('damage').map(({ reason }) => reason)).toEqual([
      'version-2/log.100000001: CRC check failed (offset 4096, last good zxid 0x100000005): this member does not vote or lead until a leader has sent it a snapshot',
    ]);
    expect(victim.traced('syncing').at(-1)).toMatchObject({ side: 'learner', op: 'SNAP' });
    expectAgreement(zk);
    expect(has(victim, '/a')).toBe(true);
  });

  test('does not lead with nothing, however recent its epoch, nor lend its vote to one that lacks what it has lost', () => {
    const zk = ensemble(3);
    zk.settle();
    zk.node(1).kill();
    zk.settle();
    zk.connect(zk.settle()).create('/only-on-2-and-3');
    damage(zk.node(3));
    zk.node(2).kill();
    zk.node(1).start();
    zk.node(3).start();
    zk.time.run(120_000);
    expect(zk.node(1).peer.inspect().serving).toBeNull();
    expect(zk.node(3).peer.inspect().serving).toBeNull();
    for (const node of [zk.node(1), zk.node(3)]) {
      expect(node.traced('waiting').at(-1)).toMatchObject({ missing: [2n], distrusted: [3n] });
      expect(node.peer.inspect()).toMatchObject({ missing: [2n], distrusted: [3n] });
    }
    zk.node(2).start();
    zk.settle();
    expectAgreement(zk);
    expect(has(zk.node(3), '/only-on-2-and-3')).toBe(true);
    expect(zk.nodes.map((node) => node.peer.inspect().distrusted)).toEqual([[], [], []]);
  });

  test('serves no reads either: there is nothing in its tree', () => {
    const zk = ensemble(3, { readOnlyMode: true });
    zk.settle();
    for (const node of zk.nodes) damage(node);
    zk.node(1).start();
    zk.time.run(10_000);
    expect(zk.node(1).peer.inspect()).toMatchObject({ role: 'looking', serving: null });
  });
});

describe('a stranger', () => {
  test('on the quorum port is refused by name, and disturbs nobody', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    const link = new StrangeLink();
    leader.feed({ kind: 'learnerLinked', link });
    leader.feed({ kind: 'linkData', link, chunk: Buffer.from('GET / HTTP/1.1\r\nHost: zookeeper\r\n\r\n') });
    expect(link.closed).not.toBeNull();
    expect(leader.traced('linkRefused')).toEqual([{ kind: 'linkRefused', remote: link.remote, reason: link.closed }]);
    expect(zk.connect(zk.node(1)).create('/a').err).toBe(0);
  });

  test('on the election port is not understood, and that is all (ZOOKEEPER-3769)', () => {
    const zk = ensemble(3);
    const leader = zk.settle();
    leader.feed({ kind: 'notification', from: zk.node(1).sid, message: Buffer.from('hello') });
    expect(leader.traced('linkRefused')).toMatchObject([{ remote: 'election port of server 1' }]);
    expect(leader.peer.inspect().serving).toBe('leader');
  });

  test('that is a learner of nobody is sent away by those who do not lead', () => {
    const zk = ensemble(3);
    zk.settle();
    const link = new StrangeLink();
    zk.node(1).feed({ kind: 'learnerLinked', link });
    expect(link.closed).toBe('not leading');
  });
});

test('a failing disk takes the member out at once (T12)', () => {
  const zk = ensemble(3);
  const leader = zk.settle();
  leader.failDisk();
  expect(leader.alive).toBe(false);
  expect(leader.traced('fatal')).toMatchObject([{ code: 1, reason: 'the disk failed: EIO' }]);
  zk.time.run(10_000);
  expect(zk.settle()).not.toBe(leader);
});

test('a broken invariant ends the member with its reason, and nothing else', () => {
  const zk = ensemble(3);
  const node = zk.settle();
  node.feed({ kind: 'stored', run: () => { throw new Error('this cannot be'); } });
  expect(node.alive).toBe(false);
  expect(node.traced('fatal')).toMatchObject([{ code: 1, reason: 'this cannot be' }]);
});

test('the same inputs have the same effects', () => {
  const story = (): unknown => {
    const zk = ensemble(3);
    zk.connect(zk.settle()).create('/a');
    zk.node(3).kill();
    zk.time.run(30_000);
    return zk.nodes.map((node) => node.traces);
  };
  expect(story()).toEqual(story());
});
