import { expect } from 'vitest';
import { cluster } from '@zk/simulator';
import { story } from '../support/story.ts';

story('a minority crashes: the others go on, and it catches up by DIFF', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [victim] = zk.followers;
  const alice = zk.connect(zk.leader);
  alice.create('/before').succeeds();
  zk.crash(victim as typeof zk.leader);
  for (let i = 0; i < 20; i++) alice.create(`/n${i}`, String(i)).succeeds();
  zk.restart(victim as typeof zk.leader).settle().agrees();
  expect(zk.checkers.situations.get('DIFF received')).toBeGreaterThan(0);
  zk.connect(victim as typeof zk.leader).getData('/n19').returns('19');
});

story('the leader crashes: what it acknowledged is with its successor', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const first = zk.leader;
  const alice = zk.connect(first);
  for (let i = 0; i < 10; i++) alice.create(`/n${i}`, String(i)).succeeds();
  zk.crash(first);
  zk.settle();
  const bob = zk.connect(zk.leader);
  for (let i = 0; i < 10; i++) bob.getData(`/n${i}`).returns(String(i));
  zk.restart(first).settle().agrees();
});

story('everyone crashes at once: every acknowledged write is there after the restart', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const alice = zk.connect(zk.leader);
  alice.create('/count', '0').succeeds();
  for (let i = 1; i <= 10; i++) alice.setData('/count', String(i)).succeeds();
  zk.crash(...zk.nodes);
  zk.restart(...zk.nodes).settle();
  zk.connect(zk.leader).getData('/count').returns('10');
  zk.settle().agrees();
});

story('writes that no disk had synced are lost with the power, and nobody believes in them', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const alice = zk.connect(zk.leader);
  alice.create('/safe', 'yes').succeeds();
  for (const node of zk.nodes) node.disk.speed = { minMs: 60_000, maxMs: 60_000, slow: 0 };
  let outcome = 'none';
  alice.client.create('/unsynced', 'no', (answer) => (outcome = 'ok' in answer ? 'acknowledged' : answer.error));
  zk.run(500);
  expect(outcome).toBe('none'); // sent everywhere, synced nowhere
  zk.crash(...zk.nodes);
  for (const node of zk.nodes) node.disk.speed = { minMs: 0.1, maxMs: 2, slow: 0 };
  zk.restart(...zk.nodes).settle().agrees();
  zk.connect(zk.leader).getData('/safe').returns('yes');
});

story('a deposed leader with an uncommitted tail is cut back to what was committed', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const old = zk.leader;
  const alice = zk.connect(old);
  alice.create('/committed', '1').succeeds();
  zk.partition([old], zk.followers);
  for (let i = 0; i < 5; i++) alice.client.create(`/tail${i}`, '', () => undefined);
  zk.run(50); // on the old leader's disk, and nowhere else
  zk.crash(old).settle().heal();
  zk.restart(old).settle().agrees();
  const bob = zk.connect(old);
  bob.getData('/committed').returns('1');
  bob.exists('/tail0').fails('NONODE');
});

story('a member whose history is too old gets the whole tree', (seed) => {
  const zk = cluster(3, { seed, settings: { snapCount: 20 } }).settle();
  const [victim] = zk.followers as [typeof zk.leader];
  const alice = zk.connect(zk.leader);
  zk.crash(victim);
  for (let i = 0; i < 700; i++) alice.client.create(`/n${i}`, String(i), () => undefined);
  alice.create('/last').succeeds();
  zk.restart(victim).settle().agrees();
  expect(zk.checkers.situations.get('SNAP received')).toBeGreaterThan(0);
}, 5);

story('an ephemeral goes when its session has been silent for its timeout, and not before', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [follower, other] = zk.followers as [typeof zk.leader, typeof zk.leader];
  const alice = zk.connect(follower);
  alice.create('/alive', '', 1).succeeds();
  zk.run(60_000); // her pings keep it
  const bob = zk.connect(other);
  bob.getData('/alive').returns('');
  alice.client.disconnect();
  zk.run(6_000);
  bob.getData('/alive').returns('');
  zk.run(6_000);
  bob.exists('/alive').fails('NONODE');
  zk.settle().agrees();
});
