import { expect } from 'vitest';
import { cluster } from '@zk/simulator';
import { story } from '../support/story.ts';

story('a write acknowledged before the partition is still there after it', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const alice = zk.connect(zk.leader);
  alice.create('/config', 'v1').succeeds();
  zk.partition([zk.leader], zk.followers);
  alice.setData('/config', 'v2').fails('CONNECTIONLOSS'); // on one disk of three: not a quorum
  zk.connect(zk.settle().leader).getData('/config').returns('v1');
  zk.heal().settle().agrees(); // v2 is gone: one history and one tree digest, on every peer
});

story('the majority goes on without its leader, the old leader comes back as a follower', (seed) => {
  const zk = cluster(5, { seed }).settle();
  const old = zk.leader;
  const [friend, ...majority] = zk.followers;
  zk.partition([old, friend as typeof old], majority);
  zk.settle();
  const leader = majority.find((node) => node.status?.serving === 'leader') as typeof old;
  const bob = zk.connect(leader);
  bob.create('/during', 'the partition').succeeds();
  zk.heal().settle().agrees();
  expect(old.status?.serving).toBe('follower');
  zk.connect(old).getData('/during').returns('the partition');
});

story('a leader that hears its followers but is not heard steps down, and somebody else leads', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const mute = zk.leader;
  for (const follower of zk.followers) zk.network.block(mute.sid, follower.sid);
  zk.run(30_000);
  const others = zk.nodes.filter((node) => node !== mute);
  expect(others.some((node) => node.status?.serving === 'leader')).toBe(true);
  zk.connect(others.find((node) => node.status?.serving === 'leader') as typeof mute).create('/heard').succeeds();
  zk.heal().settle().agrees();
});

story('a session moves to the other side and keeps its ephemeral; the old connection can write no more', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [follower, other] = zk.followers as [typeof zk.leader, typeof zk.leader];
  const alice = zk.connect(follower);
  alice.create('/alive', '', 1).succeeds();
  zk.partition([follower], [zk.leader, other]);
  alice.moveTo(other);
  alice.getData('/alive').returns('');
  alice.setData('/alive', 'moved').succeeds();
  zk.heal().settle().agrees();
});

story('T31: a member that was about to lead comes back with a later epoch than the leader’s, and is taken in', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [eager, witness] = zk.followers as [typeof zk.leader, typeof zk.leader];
  const { leader } = zk;
  // Twice about to lead: it has promised an epoch to itself that nobody else has heard of.
  const { epochs } = eager.disk.durable;
  zk.crash(eager);
  eager.disk.durable.epochs = { current: epochs?.current ?? 0n, accepted: (epochs?.accepted ?? 0n) + 2n };
  zk.connect(leader).create('/meanwhile').succeeds();
  zk.restart(eager).settle().agrees();
  zk.connect(eager).exists('/meanwhile').succeeds();
  expect([leader, witness].every((node) => (node.peer.inspect().currentEpoch ?? 0n) >= (epochs?.accepted ?? 0n) + 2n)).toBe(true);
});

story('18.2, L4: a leader without a quorum steps down within syncLimit and a tick, and so does who follows nobody', (seed) => {
  const zk = cluster(5, { seed, settings: { tickTime: 500, syncLimit: 4 } }).settle();
  const { leader } = zk;
  const [companion, ...others] = zk.followers as [typeof leader, typeof leader];
  zk.partition([leader, companion], others);
  zk.run((4 + 1) * 500);
  expect(leader.status?.serving).toBeNull();
  zk.run(4 * 500); // since it heard the last of the leader
  expect(companion.status?.serving).toBeNull();
  zk.settle().heal().settle().agrees();
});
