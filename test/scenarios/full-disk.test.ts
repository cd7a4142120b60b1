import { expect } from 'vitest';
import { cluster } from '@zk/simulator';
import { story } from '../support/story.ts';

story('the leader’s disk fills up: another member leads, and nothing acknowledged is lost', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const first = zk.leader;
  const alice = zk.connect(first);
  alice.create('/before').succeeds();
  first.disk.fill();
  alice.client.create('/in-doubt', '', () => undefined);
  zk.run(8_000);
  const second = zk.leader;
  expect(second).not.toBe(first);
  zk.connect(second).create('/after').succeeds();
  first.disk.makeRoom();
  zk.settle().agrees();
  const bob = zk.connect(first);
  bob.exists('/before').succeeds();
  bob.exists('/after').succeeds();
});

story('every disk is full: nothing is acknowledged until there is room, and then everything goes on', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const alice = zk.connect(zk.leader);
  alice.create('/count', '0').succeeds();
  for (const { disk } of zk.nodes) disk.fill();
  let outcome = 'none';
  alice.client.create('/in-doubt', '', (answer) => (outcome = 'ok' in answer ? 'acknowledged' : answer.error));
  zk.run(10_000);
  expect(outcome).not.toBe('acknowledged');
  for (const { disk } of zk.nodes) disk.makeRoom();
  zk.settle().agrees();
  zk.connect(zk.leader).getData('/count').returns('0');
  zk.connect(zk.leader).setData('/count', '1').succeeds();
});

story('a member restarts with a full disk: it is no part of the quorum until there is room', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [victim] = zk.followers as [typeof zk.leader];
  zk.crash(victim);
  zk.connect(zk.leader).create('/while-away').succeeds();
  victim.disk.fill();
  zk.restart(victim).run(8_000);
  expect(victim.status?.serving).not.toBe('follower');
  zk.connect(zk.leader).create('/meanwhile').succeeds();
  victim.disk.makeRoom();
  zk.settle().agrees();
  zk.connect(victim).exists('/meanwhile').succeeds();
});
