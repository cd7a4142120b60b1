import { expect } from 'vitest';
import { cluster, type Cluster, type SimNode } from '@zk/simulator';
import { story } from '../support/story.ts';

// Each of these went wrong in some ZooKeeper once (quorum.md 17.5): the ids are those of its issues.

const EPHEMERAL = 1;

/** A cluster with a follower that lags behind by `txns`, and is down. */
function withLaggard(seed: number, txns: number): { zk: Cluster; laggard: SimNode } {
  const zk = cluster(3, { seed, settings: { snapCount: 20, commitLogCount: 500 } }).settle();
  const [laggard] = zk.followers as [SimNode];
  zk.crash(laggard);
  write(zk, zk.leader, txns);
  return { zk, laggard };
}

function write(zk: Cluster, node: SimNode, txns: number): void {
  const alice = zk.connect(node);
  for (let i = 1; i < txns; i++) alice.client.create(`/of-${node.sid}-${i}`, '', () => undefined);
  alice.create(`/of-${node.sid}-${txns}`).succeeds();
}

/** Waits for something to come about between members. */
function until(zk: Cluster, what: string, condition: () => boolean): void {
  if (!zk.scheduler.runUntil(condition, 60_000)) throw new Error(`${what} never happened: ${zk.describe()}`);
}

/** A txn that is on the disk of `leader` alone. */
function leaveTail(zk: Cluster, leader: SimNode): bigint {
  const before = leader.disk.lastZxid;
  const alice = zk.connect(leader);
  for (const follower of zk.followers.filter(({ alive }) => alive)) zk.crash(follower);
  alice.client.create('/tail', 'nobody else has this', () => undefined);
  until(zk, 'the tail', () => leader.disk.lastZxid > before + 1n); // the session's own txn came first
  zk.crash(leader);
  return leader.disk.lastZxid;
}

story('ZOOKEEPER-1154, 1156: the server with the highest zxid is absent at the election, joins later, and gives up no more than its tail', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const first = zk.leader;
  const others = zk.followers;
  write(zk, first, 5);
  zk.settle();
  leaveTail(zk, first);
  zk.restart(...others).settle();
  zk.restart(first).settle().agrees();
  const bob = zk.connect(first);
  bob.exists('/tail').fails('NONODE');
  bob.exists(`/of-${first.sid}-5`).succeeds();
});

story('ZOOKEEPER-1264, 1282, 1319, 3104: a member that joins by SNAP while writes go on misses none of them', (seed) => {
  const { zk, laggard } = withLaggard(seed, 700);
  const alice = zk.connect(zk.leader);
  let acknowledged = 0;
  let go = true;
  const more = (): void => {
    if (go) alice.client.create(`/during-${acknowledged}`, '', () => (acknowledged++, more()));
  };
  more();
  zk.restart(laggard);
  until(zk, 'joining', () => laggard.status?.serving === 'follower');
  zk.run(50);
  go = false;
  zk.settle().agrees();
  expect(zk.checkers.situations.get('SNAP received')).toBeGreaterThan(0);
  zk.connect(laggard).exists(`/during-${acknowledged - 1}`).succeeds();
}, 10);

story('ZOOKEEPER-1573, 1046, 3145: znodes come and go while a checkpoint is being written; replay over it gives the same tree', (seed) => {
  const zk = cluster(3, { seed, settings: { snapCount: 10 } }).settle();
  for (const node of zk.nodes) node.disk.speed = { minMs: 5, maxMs: 30, slow: 0.2 };
  const alice = zk.connect(zk.leader);
  alice.create('/parent').succeeds();
  for (let round = 0; round < 40; round++) {
    alice.client.create(`/parent/${round % 7}`, String(round), () => undefined);
    alice.client.setData(`/parent/${(round + 3) % 7}`, String(round), -1, () => undefined);
    alice.client.delete(`/parent/${(round + 5) % 7}`, -1, () => undefined);
    zk.run(3);
  }
  zk.crash(...zk.nodes);
  zk.restart(...zk.nodes).settle().agrees();
});

story('ZOOKEEPER-1732, 1805, 1810: a late joiner finds the established leader, whatever epochs and rounds have passed, and disturbs nobody', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [late, other] = zk.followers as [SimNode, SimNode];
  zk.crash(late);
  const first = zk.leader;
  zk.crash(first, other);
  zk.restart(first, other).settle(); // another epoch
  const { leader } = zk;
  const { currentEpoch } = leader.peer.inspect();
  zk.restart(late).settle().agrees();
  expect(zk.leader).toBe(leader);
  expect(late.peer.inspect().currentEpoch).toBe(currentEpoch);
});

story('ZOOKEEPER-2164: after the death of its leader an ensemble has another one within a second', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const dead = zk.leader;
  dead.crash();
  zk.checkers.crashed(dead);
  const since = zk.scheduler.now;
  zk.settle();
  expect(zk.scheduler.now - since).toBeLessThan(1_000);
});

story('ZOOKEEPER-2247: a leader whose disk fails leaves, and another one has everything it acknowledged', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const broken = zk.leader;
  const alice = zk.connect(zk.followers[0] as SimNode);
  alice.create('/before').succeeds();
  broken.disk.fail();
  alice.client.create('/meanwhile', '', () => undefined);
  until(zk, 'leaving', () => !broken.alive);
  zk.settle();
  alice.moveTo(zk.leader);
  alice.exists('/before').succeeds();
  alice.create('/after').succeeds();
  zk.restart(broken).settle().agrees();
});

story('ZOOKEEPER-2355: an ephemeral that is created while its session closes does not stay', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const alice = zk.connect(zk.followers[0] as SimNode).client;
  for (let i = 0; i < 5; i++) alice.create(`/mine-${i}`, '', () => undefined, EPHEMERAL);
  alice.closeSession(() => undefined);
  for (let i = 5; i < 10; i++) alice.create(`/mine-${i}`, '', () => undefined, EPHEMERAL);
  zk.run(1_000);
  const bob = zk.connect(zk.leader);
  for (let i = 0; i < 10; i++) bob.exists(`/mine-${i}`).fails('NONODE');
  zk.settle().agrees();
});

story('ZOOKEEPER-2845: a leader that loses its quorum with a tail, and does not restart, gives the tail up as well', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const old = zk.leader;
  const alice = zk.connect(old);
  alice.create('/committed').succeeds();
  zk.partition([old], zk.followers);
  for (let i = 0; i < 5; i++) alice.client.create(`/tail-${i}`, '', () => undefined);
  zk.settle();
  write(zk, zk.nodes.find((node) => node !== old && node.status?.serving === 'leader') as SimNode, 3);
  zk.heal().settle().agrees();
  zk.connect(old).exists('/tail-0').fails('NONODE');
});

story('ZOOKEEPER-1154, 2845: a write that a quorum has logged outlives its leader, though nobody was told to commit it', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const { leader } = zk;
  const [witness] = zk.followers as [SimNode];
  const alice = zk.connect(leader);
  const next = leader.disk.lastZxid + 1n;
  alice.client.create('/logged', 'twice', () => undefined);
  until(zk, 'logging', () => leader.disk.lastZxid >= next && witness.disk.lastZxid >= next);
  zk.crash(leader);
  zk.settle();
  zk.connect(zk.leader).getData('/logged').returns('twice');
});

for (const [what, txns] of [['DIFF', 20], ['SNAP', 700]] as const) {
  story(`ZOOKEEPER-3642, 3911, 4643, 4646, 4685, 4712, 4785: a learner dies at any disk operation of its ${what}, and what it had acked is there`, (seed) => {
    const { zk, laggard } = withLaggard(seed, txns);
    for (let operations = 1; operations <= 8; operations++) {
      zk.restart(laggard);
      laggard.disk.blowAfter(operations, () => zk.crash(laggard));
      zk.run(2_000);
      if (laggard.alive) zk.crash(laggard);
    }
    zk.restart(laggard).settle().agrees();
  }, what === 'SNAP' ? 5 : 20);
}

story('T1: who was sent the tail of a leader that never led takes the tree of one that does', (seed) => {
  const zk = cluster(3, { seed, settings: { snapCount: 20 } }).settle();
  const [laggard, other] = zk.followers as [SimNode, SimNode];
  const first = zk.leader;
  zk.crash(laggard, other);
  zk.restart(other).settle(); // an epoch the laggard takes no part in
  write(zk, zk.leader, 700);
  const second = zk.leader;
  const third = second === first ? other : first;
  zk.settle();
  const tail = leaveTail(zk, second);
  zk.restart(second, laggard);
  until(zk, 'the image', () => laggard.disk.durable.image?.zxid === tail);
  zk.crash(second, laggard); // before the laggard took part in that epoch
  zk.restart(third, laggard).settle().agrees();
  zk.connect(laggard).exists('/tail').fails('NONODE');
  zk.restart(second).settle().agrees();
}, 5);

story('18.3: a leader that is frozen, not dead, is replaced, and follows when it wakes up', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const frozen = zk.leader;
  const [survivor] = zk.followers as [SimNode];
  write(zk, frozen, 3);
  frozen.freeze(30_000);
  until(zk, 'another leader', () => zk.followers.concat(zk.nodes).some((node) => node !== frozen && node.status?.serving === 'leader'));
  const leader = zk.nodes.find((node) => node !== frozen && node.status?.serving === 'leader') as SimNode;
  write(zk, leader, 3);
  zk.run(35_000);
  zk.settle().agrees();
  expect(frozen.status?.serving).toBe('follower');
  zk.connect(survivor).exists(`/of-${leader.sid}-3`).succeeds();
});

story('18.3: a follower whose disk takes longer than syncLimit holds nobody up', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [slow] = zk.followers as [SimNode];
  slow.disk.speed = { minMs: 9_000, maxMs: 9_000, slow: 0 };
  const alice = zk.connect(zk.leader);
  for (let i = 0; i < 20; i++) {
    const since = zk.scheduler.now;
    alice.create(`/n${i}`).succeeds();
    expect(zk.scheduler.now - since).toBeLessThan(200);
    zk.run(1_000);
  }
  slow.disk.speed = { minMs: 0.1, maxMs: 2, slow: 0 };
  zk.settle().agrees();
});

story('a member whose log is damaged in the middle votes with nothing, and gets its history back', (seed) => {
  const zk = cluster(3, { seed }).settle();
  write(zk, zk.leader, 30);
  zk.settle();
  const victim = zk.leader;
  zk.crash(...zk.nodes);
  expect(victim.disk.rot()).toBe(true);
  const others = zk.nodes.filter((node) => node !== victim);
  const [one, another] = others as [SimNode, SimNode];
  zk.restart(victim, one).run(30_000);
  expect([victim.status?.role, one.status?.role]).toEqual(['looking', 'looking']); // one vote of three
  zk.restart(another).settle().agrees();
  expect(zk.leader).not.toBe(victim);
  zk.connect(victim).exists(`/of-${victim.sid}-30`).succeeds();
});
