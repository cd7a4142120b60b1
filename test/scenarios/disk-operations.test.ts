import { expect } from 'vitest';
import { cluster, type Cluster, type SimNode } from '@zk/simulator';
import { story } from '../support/story.ts';

// quorum.md 18.3: crashes between every pair of consecutive durable actions. The simulation draws them by chance; here each is
// taken in its turn.

/** More than any of these has to do. */
const OPERATIONS = 7;

function until(zk: Cluster, what: string, condition: () => boolean): void {
  if (!zk.scheduler.runUntil(condition, 60_000)) throw new Error(`${what} never happened: ${zk.describe()}`);
}

/** `node` dies once its disk has done `operations` more, if it comes to that. */
function dieAfter(zk: Cluster, node: SimNode, operations: number): { died: boolean } {
  const fate = { died: false };
  node.disk.blowAfter(operations, () => {
    fate.died = true;
    zk.crash(node);
  });
  return fate;
}

/** Leaves `/tail` on the disk of the leader alone, who is down then; the others have gone on. */
function deposed(zk: Cluster): SimNode {
  const old = zk.leader;
  const alice = zk.connect(old);
  alice.create('/committed').succeeds();
  zk.settle();
  const before = old.disk.lastZxid;
  zk.partition([old], zk.followers);
  alice.client.create('/tail', '', () => undefined);
  until(zk, 'the tail', () => old.disk.lastZxid > before);
  zk.crash(old).settle().heal();
  return old;
}

story('a deposed leader dies right after each operation of its TRUNC, and its tail is gone all the same', (seed) => {
  for (let operations = 1; operations <= OPERATIONS; operations++) {
    const zk = cluster(3, { seed }).settle();
    const old = deposed(zk);
    const fate = dieAfter(zk, old, operations);
    zk.restart(old);
    until(zk, 'its end, or its return', () => fate.died || old.status?.serving === 'follower');
    old.disk.defuse();
    zk.restart(old).settle().agrees();
    zk.connect(old).exists('/tail').fails('NONODE');
    zk.connect(old).exists('/committed').succeeds();
  }
}, 5);

story('every member dies right after each operation of an election and its synchronisation; what was acknowledged is there', (seed) => {
  const zk = cluster(3, { seed }).settle();
  for (let operations = 1; operations <= OPERATIONS; operations++) {
    zk.connect(zk.leader).create(`/n${operations}`).succeeds();
    zk.crash(...zk.nodes);
    for (const node of zk.nodes) dieAfter(zk, node, operations);
    zk.restart(...zk.nodes).run(3_000);
    zk.restart(...zk.nodes).run(3_000);
    for (const { disk } of zk.nodes) disk.defuse();
    zk.restart(...zk.nodes).settle();
  }
  const bob = zk.connect(zk.leader);
  for (let operations = 1; operations <= OPERATIONS; operations++) bob.exists(`/n${operations}`).succeeds();
  zk.settle().agrees();
}, 10);

story('a leader dies after one of four followers has logged a txn: it is there for all or for nobody', (seed) => {
  const zk = cluster(5, { seed }).settle();
  const { leader } = zk;
  const [witness, ...others] = zk.followers as [SimNode, SimNode, SimNode, SimNode];
  const alice = zk.connect(leader);
  alice.create('/before').succeeds();
  zk.settle();
  const next = leader.disk.lastZxid + 1n;
  zk.partition([leader, witness], others);
  alice.client.create('/logged-twice', '', () => undefined);
  until(zk, 'logging', () => leader.disk.lastZxid >= next && witness.disk.lastZxid >= next);
  zk.crash(leader).heal().settle();
  const found = zk.connect(zk.leader).client;
  let outcome = '';
  found.exists('/logged-twice', false, (answer) => (outcome = 'ok' in answer ? 'there' : answer.error));
  zk.run(100);
  expect(['there', 'NONODE']).toContain(outcome);
  zk.restart(leader).settle().agrees(); // and all say the same
});

story('members die right after each operation while checkpoints are being written, and replay over them gives the same tree', (seed) => {
  const zk = cluster(3, { seed, settings: { snapCount: 10 } }).settle();
  const alice = zk.connect(zk.leader);
  alice.create('/counter', '0').succeeds();
  for (let operations = 1; operations <= OPERATIONS; operations++) {
    const [victim] = zk.followers as [SimNode];
    alice.moveTo(zk.leader);
    victim.disk.blowAfter(operations, () => zk.crash(victim), operations % 2 === 0 ? 'checkpoint' : null);
    for (let i = 0; i < 15; i++) alice.setData('/counter', `${operations}.${i}`).succeeds();
    zk.run(500);
    victim.disk.defuse();
    zk.crash(victim).restart(victim).settle();
  }
  alice.getData('/counter').returns(`${OPERATIONS}.14`);
  zk.settle().agrees();
}, 10);
