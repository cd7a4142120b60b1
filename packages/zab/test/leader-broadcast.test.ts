import { describe, expect, test } from 'vitest';
import { configOf, historyOf, LeaderScene } from './support.ts';
import type { SceneOptions } from './support.ts';

/** Leader 1 of epoch 5, followed by 2 and 3 and observed by 4. */
function leading(options: SceneOptions = {}): LeaderScene {
  const scene = new LeaderScene({ config: configOf([1, 2, 3], [4]), ...options });
  scene.do('start');
  for (const n of [2, 3, 4]) scene.do(`${n} links`);
  scene.do('2 FOLLOWERINFO 4');
  scene.do('3 FOLLOWERINFO 4');
  scene.do('4 OBSERVERINFO 4');
  scene.do('saved');
  scene.do('2 ACKEPOCH 0 epoch 4');
  scene.do('saved');
  for (const n of [3, 4]) scene.do(`${n} ACKEPOCH 0 epoch 4`);
  for (const n of [2, 3, 4]) scene.do(`${n} ACK 5.0`);
  return scene;
}

describe('proposing', () => {
  test('followers first, then our own disk; a quorum of disks commits, ours being one of them', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      2 ACK 5.1     ⇒
      persisted 5.1 ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4
      3 ACK 5.1     ⇒
    `);
  });

  test('a quorum of followers may commit before our own disk has it', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      2 ACK 5.1     ⇒
      3 ACK 5.1     ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4
      persisted 5.1 ⇒
    `);
  });

  test('in zxid order or not at all, however the acks come in (T13)', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      propose       ⇒ PROPOSAL 5.2 → 2 3 | append 5.2
      propose       ⇒ PROPOSAL 5.3 → 2 3 | append 5.3
      persisted 5.1 ⇒
      2 ACK 5.2     ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4
      persisted 5.3 ⇒ commit 5.2 | COMMIT 5.2 → 2 3 | INFORM 5.2 → 4
      3 ACK 5.3     ⇒ commit 5.3 | COMMIT 5.3 → 2 3 | INFORM 5.3 → 4
    `);
  });

  test('acks of observers and of those outside the config count for nothing (T14)', () => {
    const scene = leading();
    scene.plays(`
      9 links              ⇒
      9 FOLLOWERINFO 4     ⇒ LEADERINFO 5.0 → 9
      9 ACKEPOCH 0 epoch 4 ⇒ SNAP → 9 | NEWLEADER 5.0 → 9
      9 ACK 5.0            ⇒ UPTODATE → 9
      propose              ⇒ PROPOSAL 5.1 → 2 3 9 | append 5.1
      persisted 5.1        ⇒
      4 ACK 5.1            ⇒
      9 ACK 5.1            ⇒
      9 ACK 5.1            ⇒
      2 ACK 5.1            ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4 | COMMIT 5.1 → 9
    `);
  });

  test('an ack of what was never proposed is refused', () => {
    leading().plays(`
      propose   ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      2 ACK 5.2 ⇒ disconnect 2: acked 0x500000002, which was never proposed
    `);
  });

  test('an ack leaves with its connection: what was acked may be truncated on the next one (T36)', () => {
    leading().plays(`
      propose                 ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      2 ACK 5.1               ⇒
      2 unlinks               ⇒
      persisted 5.1           ⇒
      2 links                 ⇒
      2 FOLLOWERINFO 5        ⇒ LEADERINFO 5.0 → 2
      2 ACKEPOCH 5.1 epoch -1 ⇒ TRUNC 5.0 → 2 | PROPOSAL 5.1 → 2 | NEWLEADER 5.0 → 2
      2 ACK 5.0               ⇒ UPTODATE → 2
      2 ACK 5.1               ⇒ commit 5.1 | COMMIT 5.1 → 3 | INFORM 5.1 → 4 | COMMIT 5.1 → 2
    `);
  });
});

describe('joining while there is traffic (T9)', () => {
  test('committed, outstanding, NEWLEADER, proposals; commits wait for UPTODATE (ZOOKEEPER-4394)', () => {
    leading().plays(`
      propose                 ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      persisted 5.1           ⇒
      2 ACK 5.1               ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4
      3 unlinks               ⇒
      propose                 ⇒ PROPOSAL 5.2 → 2 | append 5.2
      5 links                 ⇒
      5 FOLLOWERINFO 5 sid 3  ⇒ LEADERINFO 5.0 → 5
      5 ACKEPOCH 5.0 epoch -1 ⇒ SNAP → 5 | PROPOSAL 5.2 → 5 | NEWLEADER 5.0 → 5
      propose                 ⇒ PROPOSAL 5.3 → 2 5 | append 5.3
      persisted 5.3           ⇒
      2 ACK 5.3               ⇒ commit 5.2 | COMMIT 5.2 → 2 | INFORM 5.2 → 4 | commit 5.3 | COMMIT 5.3 → 2 | INFORM 5.3 → 4
      5 ACK 5.0               ⇒ UPTODATE → 5 | COMMIT 5.2 → 5 | COMMIT 5.3 → 5
    `);
  });

  test('an observer gets no outstanding proposals, but every commit', () => {
    leading().plays(`
      propose                 ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      8 links                 ⇒
      8 OBSERVERINFO 5        ⇒ LEADERINFO 5.0 → 8
      8 ACKEPOCH 5.0 epoch -1 ⇒ DIFF 5.0 → 8 | NEWLEADER 5.0 → 8
      persisted 5.1           ⇒
      2 ACK 5.1               ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4 8
    `);
  });

  test('a tree when history does not reach back, and live traffic behind it (T10)', () => {
    leading({ history: historyOf('4.9') }).plays(`
      propose                 ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      8 links                 ⇒
      8 FOLLOWERINFO 5        ⇒ LEADERINFO 5.0 → 8
      8 ACKEPOCH 3.1 epoch -1 ⇒ SNAP → 8 | PROPOSAL 5.1 → 8 | NEWLEADER 5.0 → 8
      propose                 ⇒ PROPOSAL 5.2 → 2 3 8 | append 5.2
    `);
  });

  test('a 3.8 learner acks what the sync brought before it acks NEWLEADER (T33)', () => {
    leading().plays(`
      propose                 ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      3 unlinks               ⇒
      5 links                 ⇒
      5 FOLLOWERINFO 5 sid 3  ⇒ LEADERINFO 5.0 → 5
      5 ACKEPOCH 5.0 epoch -1 ⇒ DIFF 5.0 → 5 | PROPOSAL 5.1 → 5 | NEWLEADER 5.0 → 5
      5 ACK 5.1               ⇒
      persisted 5.1           ⇒
      5 ACK 5.0               ⇒ UPTODATE → 5 | commit 5.1 | COMMIT 5.1 → 2 | INFORM 5.1 → 4 | COMMIT 5.1 → 5
    `);
  });

  test('anything but an ACK ends a sync, and requests come after UPTODATE', () => {
    leading().plays(`
      5 links                 ⇒
      5 FOLLOWERINFO 5        ⇒ LEADERINFO 5.0 → 5
      5 ACKEPOCH 5.0 epoch -1 ⇒ DIFF 5.0 → 5 | NEWLEADER 5.0 → 5
      5 PING 5.0              ⇒ disconnect 5: sent PING in phase syncing
    `);
  });
});

describe('syncs (9.5)', () => {
  test('are answered at once when nothing is outstanding', () => {
    leading().plays(`
      sync 2 ⇒ SYNC → 2
      sync   ⇒ synced
    `);
  });

  test('wait for what was proposed before them, and follow its COMMIT (T47)', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      sync 2        ⇒
      propose       ⇒ PROPOSAL 5.2 → 2 3 | append 5.2
      sync 3        ⇒
      sync          ⇒
      persisted 5.2 ⇒
      2 ACK 5.1     ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4 | SYNC → 2
      2 ACK 5.2     ⇒ commit 5.2 | COMMIT 5.2 → 2 3 | INFORM 5.2 → 4 | SYNC → 3 | synced
    `);
  });

  test('of a learner that left are forgotten', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      sync 3        ⇒
      3 unlinks     ⇒
      persisted 5.1 ⇒
      2 ACK 5.1     ⇒ commit 5.1 | COMMIT 5.1 → 2 | INFORM 5.1 → 4
    `);
  });
});

describe('time', () => {
  test('every half tick a PING with the last proposed zxid to every learner', () => {
    leading().plays(`
      after 400 ms ⇒
      after 100 ms ⇒ PING 5.0 → 2 3 4
      propose      ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      after 500 ms ⇒ PING 5.1 → 2 3 4
    `);
  });

  test('without a quorum heard from within syncLimit, leadership ends (T55)', () => {
    leading().plays(`
      after 2000 ms ⇒ PING 5.0 → 2 3 4
      3 PING 5.0    ⇒
      after 3500 ms ⇒ disconnect 2: nothing heard for 5000 ms in phase synced | disconnect 4: nothing heard for 5000 ms in phase synced | PING 5.0 → 3
      3 unlinks     ⇒
      after 500 ms  ⇒ step down: no quorum of followers was heard from
    `);
  });

  test('a follower that answers pings but no longer acks is cut off after syncLimit (10.3)', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      persisted 5.1 ⇒
      3 ACK 5.1     ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4
      after 4900 ms ⇒ PING 5.1 → 2 3 4
      2 PING 5.1    ⇒
      3 PING 5.1    ⇒
      4 PING 5.1    ⇒
      after 600 ms  ⇒ disconnect 2: has not acked a proposal for 5000 ms | PING 5.1 → 3 4
    `);
  });

  test('a follower that always acks a little late is not', () => {
    leading().plays(`
      propose       ⇒ PROPOSAL 5.1 → 2 3 | append 5.1
      after 3000 ms ⇒ PING 5.1 → 2 3 4
      propose       ⇒ PROPOSAL 5.2 → 2 3 | append 5.2
      2 ACK 5.1     ⇒
      3 ACK 5.1     ⇒ commit 5.1 | COMMIT 5.1 → 2 3 | INFORM 5.1 → 4
      4 PING 5.1    ⇒
      after 4000 ms ⇒ PING 5.2 → 2 3 4
    `);
  });

  test('a learner too far behind to catch up is cut off, except while it is being synced (T53)', () => {
    leading({ maxBacklogBytes: 1000 }).plays(`
      backlog 2 1000          ⇒
      backlog 2 1001          ⇒ disconnect 2: 1001 bytes behind, 1000 are allowed
      5 links                 ⇒
      5 FOLLOWERINFO 5        ⇒ LEADERINFO 5.0 → 5
      5 ACKEPOCH 3.1 epoch -1 ⇒ SNAP → 5 | NEWLEADER 5.0 → 5
      backlog 5 9000          ⇒
    `);
  });

  test('an image that takes longer than initLimit is fine as long as it moves', () => {
    const scene = leading();
    for (const command of ['5 links', '5 FOLLOWERINFO 5', '5 ACKEPOCH 3.1 epoch -1', 'backlog 5 9000']) scene.do(command);
    scene.now += 9000;
    scene.plays(`
      backlog 5 5000 ⇒
    `);
    scene.now += 9000;
    for (const n of [2, 3, 4]) scene.do(`${n} PING 5.0`);
    scene.plays(`
      after 0 ms    ⇒ PING 5.0 → 2 3 4 5
      after 1500 ms ⇒ disconnect 5: nothing heard for 10000 ms in phase syncing | PING 5.0 → 2 3 4
    `);
  });
});

test('an image whose parts keep leaving is a sign of life as well', () => {
  const scene = leading();
  for (const command of ['5 links', '5 FOLLOWERINFO 5', '5 ACKEPOCH 3.1 epoch -1']) scene.do(command);
  for (let i = 0; i < 3; i++) {
    scene.now += 9000;
    scene.plays('taken 5 ⇒');
  }
  expect(scene.leader.learners().find(({ link }) => link === 5)).toMatchObject({ phase: 'syncing', alive: true });
});

test('observers wait while as many learners as are allowed are being sent an image; voters do not', () => {
  leading({ maxConcurrentSnapSyncs: 1 }).plays(`
    5 links                 ⇒
    5 OBSERVERINFO 5        ⇒ LEADERINFO 5.0 → 5
    5 ACKEPOCH 3.1 epoch -1 ⇒ SNAP → 5 | NEWLEADER 5.0 → 5
    6 links                 ⇒
    6 OBSERVERINFO 5        ⇒ LEADERINFO 5.0 → 6
    6 ACKEPOCH 3.1 epoch -1 ⇒ disconnect 6: too many learners are being synced by image
    7 links                 ⇒
    7 FOLLOWERINFO 5        ⇒ LEADERINFO 5.0 → 7
    7 ACKEPOCH 3.1 epoch -1 ⇒ SNAP → 7 | NEWLEADER 5.0 → 7
    5 ACK 5.0               ⇒ UPTODATE → 5
    8 links                 ⇒
    8 OBSERVERINFO 5        ⇒ LEADERINFO 5.0 → 8
    8 ACKEPOCH 3.1 epoch -1 ⇒ disconnect 8: too many learners are being synced by image
  `);
});

test('forceSnapshotSync sends the tree also to a learner that has it', () => {
  leading({ forceSnapshotSync: true }).plays(`
    5 links                 ⇒
    5 FOLLOWERINFO 5        ⇒ LEADERINFO 5.0 → 5
    5 ACKEPOCH 5.0 epoch -1 ⇒ SNAP → 5 | NEWLEADER 5.0 → 5
  `);
});

test('what learners look like from outside', () => {
  const scene = leading();
  scene.do('propose');
  scene.do('2 ACK 5.1');
  scene.do('7 links');
  expect(scene.leader.learners().map(({ sid, role, phase, acked, alive }) => [sid, role, phase, acked, alive])).toEqual([
    [2n, 'participant', 'synced', 0x500000001n, true],
    [3n, 'participant', 'synced', null, true],
    [4n, 'observer', 'synced', null, true],
    [null, 'observer', 'discovery', null, true],
  ]);
  expect(scene.leader.uncommitted().map(({ zxid }) => zxid)).toEqual([0x500000001n]);
});
