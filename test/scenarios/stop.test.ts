import { expect } from 'vitest';
import { cluster, type StoryClient } from '@zk/simulator';
import { story } from '../support/story.ts';

/** Slow enough that whatever is proposed is still waiting for a disk when the next thing happens. */
const SLOW_DISK = { minMs: 40, maxMs: 60, slow: 0 };
const WRITES = 10;

story('a leader that is told to stop answers what it was asked, and is succeeded by one that knows of it', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const old = zk.leader;
  const [follower] = zk.followers;
  const clients = [zk.connect(old), zk.connect(follower as typeof old)];
  for (const node of zk.nodes) node.disk.speed = SLOW_DISK;
  const answers = clients.map((client) => askFor(client));
  zk.scheduler.runUntil(() => old.peer.inspect().pendingTxns === WRITES * clients.length, 1000);
  expect(answers.flat()).toEqual([]); // all of it is proposed, none of it is committed
  zk.stop(old).settle();
  expect(answers).toEqual(clients.map(() => Array.from({ length: WRITES }, () => 'acknowledged')));
  expect(zk.leader).not.toBe(old);
  const reader = zk.connect(zk.leader);
  for (const { client } of clients) for (let i = 0; i < WRITES; i++) reader.getData(`/${nameOf(client.name)}-${i}`).returns(String(i));
  zk.restart(old).settle().agrees();
});

story('a follower that is told to stop answers what it was asked', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const [follower] = zk.followers as [typeof zk.leader];
  const alice = zk.connect(follower);
  for (const node of zk.nodes) node.disk.speed = SLOW_DISK;
  const answers = askFor(alice);
  zk.scheduler.runUntil(() => follower.peer.inspect().pipeline.outstanding === WRITES, 1000);
  expect(answers).toEqual([]);
  zk.stop(follower);
  expect(answers).toEqual(Array.from({ length: WRITES }, () => 'acknowledged'));
  zk.restart(follower).settle().agrees();
});

story('a stop does not wait for ever: without a quorum nothing is acknowledged, and the leader goes', (seed) => {
  const zk = cluster(3, { seed, settings: { shutdownTimeout: 300 } }).settle();
  const old = zk.leader;
  const alice = zk.connect(old);
  zk.partition([old], zk.followers);
  const answers = askFor(alice);
  zk.run(50);
  const toldAt = zk.scheduler.now;
  zk.stop(old).run(10);
  expect(zk.scheduler.now - toldAt).toBeLessThan(500);
  expect(answers).toEqual(Array.from({ length: WRITES }, () => 'CONNECTIONLOSS'));
  zk.heal().restart(old).settle().agrees();
});

story('a rolling restart, twice around: of what clients ask meanwhile nothing is acknowledged and lost', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const asked: { readonly name: string; readonly answers: string[] }[] = [];
  for (const node of [...zk.nodes, ...zk.nodes]) {
    const clients = zk.nodes.map((each) => zk.connect(each));
    asked.push(...clients.map((client) => ({ name: nameOf(client.client.name), answers: askFor(client) })));
    zk.run(zk.rng.between(0, 5)).stop(node).restart(node).settle();
    for (const client of clients) client.client.disconnect();
  }
  const reader = zk.connect(zk.leader);
  for (const { name, answers } of asked) {
    expect(answers).toHaveLength(WRITES);
    // Of one client, in order: what is acknowledged comes before what is not.
    for (let i = 0; answers[i] === 'acknowledged'; i++) reader.getData(`/${name}-${i}`).returns(String(i));
  }
  zk.agrees();
});

/** Ten writes at once; what becomes of them is found in the array. */
function askFor({ client }: StoryClient): string[] {
  const answers: string[] = [];
  for (let i = 0; i < WRITES; i++) {
    client.create(`/${nameOf(client.name)}-${i}`, String(i), (outcome) => answers.push('ok' in outcome ? 'acknowledged' : outcome.error));
  }
  return answers;
}

function nameOf(client: string): string {
  return client.replace(' ', '-');
}
