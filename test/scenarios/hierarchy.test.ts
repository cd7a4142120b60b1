import { expect } from 'vitest';
import { cluster } from '@zk/simulator';
import { story } from '../support/story.ts';

// Three groups of two voters, 1+2, 3+4, 5+6, the first of each of weight 2: two groups are a quorum, each by more than half of
// its weight (quorum.md 1.3). So two of six can be enough, and four of six too few.

story('the heavy members of two groups are a quorum of six', (seed) => {
  const zk = cluster(6, { seed, hierarchical: true }).settle();
  zk.crash(...[2, 4, 5, 6].map((sid) => zk.server(sid))).settle();
  const alice = zk.connect(zk.leader);
  alice.create('/by-two').succeeds();
  zk.crash(zk.server(1), zk.server(3));
  zk.restart(...[1, 2, 5, 6].map((sid) => zk.server(sid))).settle(); // of those who know of it, one is back
  zk.connect(zk.leader).exists('/by-two').succeeds();
  zk.restart(...zk.nodes).settle().agrees();
}, 10);

story('four of six are none when they carry only one group', (seed) => {
  const zk = cluster(6, { seed, hierarchical: true }).settle();
  zk.crash(zk.server(1), zk.server(3)).run(20_000);
  expect([2, 4, 5, 6].map((sid) => zk.server(sid).status?.serving)).toEqual([null, null, null, null]);
  zk.restart(zk.server(3)).settle();
  zk.connect(zk.leader).create('/again').succeeds();
  zk.restart(zk.server(1)).settle().agrees();
}, 10);
