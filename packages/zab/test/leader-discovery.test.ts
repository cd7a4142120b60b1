import { describe, expect, test, vi } from 'vitest';
import { OutstandingProposals } from '../src/proposals.ts';
import { configOf, historyOf, LeaderScene, z } from './support.ts';

/** With server 2 there is a quorum, and it has agreed on epoch 5. */
const agreed = `
  start            ⇒
  2 links          ⇒
  2 FOLLOWERINFO 4 ⇒ save acceptedEpoch 5
  saved            ⇒ LEADERINFO 5.0 → 2`;

/** And server 2, which has nothing to catch up on, has only to acknowledge NEWLEADER. */
const synced = `${agreed}
  2 ACKEPOCH 0 epoch 4 ⇒ save currentEpoch 5
  saved                ⇒ DIFF 0.0 → 2 | NEWLEADER 5.0 → 2`;

/** Then server 3 comes, and is as far as server 2. */
const alsoSynced = `
  3 links              ⇒
  3 FOLLOWERINFO 4     ⇒ LEADERINFO 5.0 → 3
  3 ACKEPOCH 0 epoch 4 ⇒ DIFF 0.0 → 3 | NEWLEADER 5.0 → 3`;

describe('agreeing on an epoch', () => {
  test('one more than any of a quorum has accepted, saved before anybody is told; then as current before the sync (T3)', () => {
    new LeaderScene({ history: historyOf('4.7', ['4.6', '4.7']) }).plays(`
      start                  ⇒
      2 links                ⇒
      2 FOLLOWERINFO 6       ⇒ save acceptedEpoch 7
      saved                  ⇒ LEADERINFO 7.0 → 2
      2 ACKEPOCH 4.7 epoch 4 ⇒ save currentEpoch 7
      saved                  ⇒ DIFF 4.7 → 2 | NEWLEADER 7.0 → 2
      2 ACK 7.0              ⇒ serve epoch 7 from 7.0 | UPTODATE → 2
      2 ACK 7.0              ⇒
    `);
  });

  test('observers raise it too, but do not count (T31)', () => {
    new LeaderScene().plays(`
      start            ⇒
      4 links          ⇒
      4 OBSERVERINFO 8 ⇒
      2 links          ⇒
      2 FOLLOWERINFO 4 ⇒ save acceptedEpoch 9
      saved            ⇒ LEADERINFO 9.0 → 4 | LEADERINFO 9.0 → 2
    `);
  });

  test('given up early, if so configured, when a voter looks for a leader again (ZOOKEEPER-3109)', () => {
    const scene = new LeaderScene({ maxTimeToWaitForEpochMs: 1000 });
    scene.plays(`
      start     ⇒
      looking 2 ⇒
    `);
    scene.now += 1001;
    scene.plays(`
      looking 9 ⇒
      looking 2 ⇒ step down: no epoch after 1001 ms, and server 2 looks for a leader again
    `);
  });

  test('servers outside the config do not count, whatever they call themselves (T14)', () => {
    new LeaderScene().plays(`
      start            ⇒
      5 links          ⇒
      5 FOLLOWERINFO 4 ⇒
      6 links          ⇒
      6 FOLLOWERINFO 4 ⇒
    `);
  });

  test('once agreed it stays, also for those who come later', () => {
    new LeaderScene().plays(`
      start            ⇒
      2 links          ⇒
      2 FOLLOWERINFO 4 ⇒ save acceptedEpoch 5
      3 links          ⇒
      3 FOLLOWERINFO 3 ⇒
      saved            ⇒ LEADERINFO 5.0 → 2 | LEADERINFO 5.0 → 3
      4 links          ⇒
      4 OBSERVERINFO 9 ⇒ LEADERINFO 5.0 → 4
    `);
  });

  test('a member that has promised a later one gets a later one; who is far ahead is of another ensemble (T31)', () => {
    new LeaderScene().plays(`${agreed}
      3 links           ⇒
      3 FOLLOWERINFO 6  ⇒ step down: server 3 has promised epoch 6 and cannot follow in 5: it takes a new one
    `);
    new LeaderScene().plays(`${agreed}
      3 links           ⇒
      3 FOLLOWERINFO 99 ⇒ LEADERINFO 5.0 → 3
    `);
  });

  test('a promise made before (−1) does not count, but its maker may follow (T32)', () => {
    new LeaderScene().plays(`${agreed}
      2 ACKEPOCH 0 epoch -1 ⇒
      3 links               ⇒
      3 FOLLOWERINFO 4      ⇒ LEADERINFO 5.0 → 3
      3 ACKEPOCH 0 epoch 4  ⇒ save currentEpoch 5
      saved                 ⇒ DIFF 0.0 → 2 | NEWLEADER 5.0 → 2 | DIFF 0.0 → 3 | NEWLEADER 5.0 → 3
    `);
  });

  test('a voter alone is its own quorum', () => {
    new LeaderScene({ config: configOf([1]) }).plays(`
      start ⇒ save acceptedEpoch 5
      saved ⇒ save currentEpoch 5
      saved ⇒ serve epoch 5 from 5.0
    `);
  });

  test('the last proposed config must agree as well before anybody serves (13.3)', () => {
    const scene = new LeaderScene({ config: configOf([1, 2]), lastSeen: configOf([1, 2, 3, 4, 5], [], 9n), reconfigEnabled: true });
    scene.plays(`${synced}
      2 ACK 5.0 ⇒${alsoSynced}
      3 ACK 5.0 ⇒ config version 0x9 | serve epoch 5 from 5.0 | UPTODATE → 2 3
    `);
  });

  test.each([
    ['leaves this leader out', configOf([2, 3], [], 9n)],
    ['makes it an observer', configOf([2, 3], [1], 9n)],
    ['gives it another address', configOf([1, 2, 3, 4], [], 9n, 7000)],
  ])('a pending config that %s is put in force, and ends it (13.4)', (_, lastSeen) => {
    const scene = new LeaderScene({ config: configOf([1, 2, 3]), lastSeen, reconfigEnabled: true });
    scene.plays(`${synced}${alsoSynced}
      2 ACK 5.0 ⇒
      3 ACK 5.0 ⇒ config version 0x9 | UPTODATE → 2 3 | step down: the config 0x9, now in force, has another leader
    `);
  });

  test('the first leader of a config without a version gives it one, and NEWLEADER carries it (6.2, ZOOKEEPER-1324, 1783)', () => {
    const scene = new LeaderScene({ config: configOf([1]), reconfigEnabled: true });
    scene.plays(`
      start ⇒ save acceptedEpoch 5
      saved ⇒ proposed config version 0x500000000 | save currentEpoch 5
      saved ⇒ config version 0x500000000 | serve epoch 5 from 5.0
    `);
    scene.plays(`
      4 links              ⇒
      4 OBSERVERINFO 4     ⇒ LEADERINFO 5.0 → 4
      4 ACKEPOCH 0 epoch 4 ⇒ SNAP → 4 | NEWLEADER 5.0 → 4
    `);
    const newLeader = scene.effects.find((effect) => effect.kind === 'send' && effect.packet.data?.includes('version='));
    expect(newLeader?.kind === 'send' && newLeader.packet.data?.toString()).toMatch(/version=500000000$/);
  });
});

describe('learners that cannot be had', () => {
  test('one that does not introduce itself', () => {
    new LeaderScene().plays(`
      start            ⇒
      2 links          ⇒
      2 ACK 5.1        ⇒ disconnect 2: sent ACK in phase introducing
      2 FOLLOWERINFO 4 ⇒
    `);
  });

  test('one that knows of a later config', () => {
    new LeaderScene().plays(`
      start                     ⇒
      2 links                   ⇒
      2 FOLLOWERINFO 4 config 1 ⇒ disconnect 2: knows of the later config 0x1, ours is 0x0
    `);
  });

  test('one with our own sid', () => {
    new LeaderScene().plays(`
      start                  ⇒
      2 links                ⇒
      2 FOLLOWERINFO 4 sid 1 ⇒ disconnect 2: has our own sid 1
    `);
  });

  test('one that is more recent than we are, as long as no quorum has decided otherwise', () => {
    new LeaderScene({ history: historyOf('4.7') }).plays(`
      start                  ⇒
      2 links                ⇒
      2 FOLLOWERINFO 4       ⇒ save acceptedEpoch 5
      3 links                ⇒
      3 FOLLOWERINFO 4       ⇒
      saved                  ⇒ LEADERINFO 5.0 → 2 | LEADERINFO 5.0 → 3
      2 ACKEPOCH 4.8 epoch 4 ⇒ disconnect 2: is more recent than we are: epoch 4, last logged 0x400000008
      3 ACKEPOCH 4.7 epoch 4 ⇒ save currentEpoch 5
      2 links                ⇒
      2 FOLLOWERINFO 5       ⇒ LEADERINFO 5.0 → 2
      2 ACKEPOCH 4.8 epoch 4 ⇒
      saved                  ⇒ DIFF 4.7 → 3 | NEWLEADER 5.0 → 3 | TRUNC 4.7 → 2 | NEWLEADER 5.0 → 2
    `);
  });

  test('the older of two connections of one server', () => {
    new LeaderScene().plays(`
      start                  ⇒
      2 links                ⇒
      2 FOLLOWERINFO 4 sid 2 ⇒ save acceptedEpoch 5
      7 links                ⇒
      7 FOLLOWERINFO 4 sid 2 ⇒ disconnect 2: sid 2 connected again
      saved                  ⇒ LEADERINFO 5.0 → 7
    `);
  });

  test('one that says more than it was asked', () => {
    new LeaderScene().plays(`
      start                ⇒
      2 links              ⇒
      2 FOLLOWERINFO 4     ⇒ save acceptedEpoch 5
      2 ACKEPOCH 0 epoch 4 ⇒ disconnect 2: sent ACKEPOCH in phase epoch
    `);
  });
});

describe('waiting', () => {
  test('no quorum of followers within initLimit ends it', () => {
    new LeaderScene().plays(`
      start          ⇒
      after 10000 ms ⇒
      after 500 ms   ⇒ step down: waited 10000 ms for a quorum of followers, have 1
      2 links        ⇒
    `);
  });

  test('no quorum of promises, the wait beginning anew with each step', () => {
    new LeaderScene().plays(`
      start            ⇒
      after 9000 ms    ⇒
      2 links          ⇒
      2 FOLLOWERINFO 4 ⇒ save acceptedEpoch 5
      saved            ⇒ LEADERINFO 5.0 → 2
      after 9500 ms    ⇒
      after 1000 ms    ⇒ disconnect 2: nothing heard for 10000 ms in phase promising | step down: waited 10000 ms for a quorum of ACKEPOCHs, have 1
    `);
  });

  test('no quorum of ACKs of NEWLEADER', () => {
    new LeaderScene().plays(`${synced}
      after 10500 ms ⇒ disconnect 2: nothing heard for 10000 ms in phase syncing | step down: waited 10000 ms for a quorum of ACKs of NEWLEADER, have 1
    `);
  });
});

describe('standalone', () => {
  test('serves at once, saves no epochs, and goes on from the last zxid', () => {
    const scene = new LeaderScene({ standalone: true, history: historyOf('0.7') });
    scene.plays(`
      start         ⇒ serve epoch 0 from 0.7
      propose       ⇒ append 0.8
      propose       ⇒ append 0.9
      sync          ⇒
      persisted 0.9 ⇒ commit 0.8 | commit 0.9 | synced
      sync          ⇒ synced
    `);
    expect(scene.leader.nextDeadline()).toBe(Infinity);
  });

  test('goes on in the next epoch when a counter is used up', () => {
    const { leader } = new LeaderScene({ standalone: true, history: historyOf('0.4294967294') });
    leader.step({ kind: 'start' }, 0);
    expect(leader.nextZxid()).toBe(z('1.1'));
  });
});

test('a leader whose counter is used up hands out no zxid more and steps down (T50, ZOOKEEPER-1277)', () => {
  const scene = new LeaderScene({ config: configOf([1]) });
  for (const command of ['start', 'saved', 'saved']) scene.do(command);
  const reserve = vi.spyOn(OutstandingProposals.prototype, 'reserve').mockReturnValue(null);
  expect(scene.leader.nextZxid()).toBeNull();
  reserve.mockRestore();
  expect(scene.leader.nextDeadline()).toBeLessThanOrEqual(scene.now);
  scene.plays(`
    after 0 ms ⇒ step down: the zxid counter of this epoch is used up
  `);
});

test('the last counter that is handed out is 0xfffffffe', () => {
  const proposals = new OutstandingProposals(z('5.4294967293'));
  expect(proposals.reserve()).toBe(z('5.4294967294'));
  expect(proposals.reserve()).toBeNull();
});
