import { describe, expect, test } from 'vitest';
import { asSessionId } from '@zk/protocol';
import { LearnerScene, txnAt, z } from './support.ts';
import type { LearnerOptions } from '../src/index.ts';

/** Up to the first packet of the sync. */
function promised(options: Partial<LearnerOptions> = {}): LearnerScene {
  const scene = new LearnerScene(options);
  for (const command of ['linked', 'LEADERINFO 5', 'saved']) scene.do(command);
  return scene;
}

/** Follows in epoch 5, with a history that ends at 4.2. */
function following(options: Partial<LearnerOptions> = {}): LearnerScene {
  const scene = promised(options);
  for (const command of ['DIFF 4.2', 'NEWLEADER 5', 'flushed', 'saved', 'UPTODATE']) scene.do(command);
  return scene;
}

describe('promising', () => {
  test('the new epoch is on disk before ACKEPOCH leaves (T3)', () => {
    new LearnerScene().plays(`
      linked       ⇒ FOLLOWERINFO 4.0
      LEADERINFO 5 ⇒ save acceptedEpoch 5
      saved        ⇒ ACKEPOCH 4.2
    `);
  });

  test('a promise made before is not made again (T32)', () => {
    const scene = new LearnerScene();
    scene.plays(`
      linked       ⇒ FOLLOWERINFO 4.0
      LEADERINFO 4 ⇒ ACKEPOCH 4.2
    `);
    const ackEpoch = scene.effects.at(-1);
    expect(ackEpoch?.kind === 'send' && ackEpoch.packet.data?.readInt32BE()).toBe(-1);
  });

  test('an older epoch is not followed', () => {
    new LearnerScene().plays(`
      linked       ⇒ FOLLOWERINFO 4.0
      LEADERINFO 3 ⇒ lost: epoch 3 is older than 4, which we promised to (intact)
    `);
  });

  test('an observer says so', () => {
    new LearnerScene({ role: 'observer' }).plays(`
      linked ⇒ OBSERVERINFO 4.0
    `);
  });

  test('a leader that is not one is left', () => {
    new LearnerScene().plays(`
      linked       ⇒ FOLLOWERINFO 4.0
      UPTODATE     ⇒ lost: the leader sent UPTODATE in phase introduced (intact)
      LEADERINFO 5 ⇒
    `);
  });
});

describe('being brought up to date', () => {
  test('DIFF: history on disk, then the epoch, then the ACK (8.3); what has no COMMIT yet is logged and acked after UPTODATE (ZOOKEEPER-3023, 4685)', () => {
    promised().plays(`
      DIFF 4.4      ⇒
      PROPOSAL 4.3  ⇒
      COMMIT 4.3    ⇒
      PROPOSAL 4.4  ⇒
      COMMIT 4.4    ⇒
      PROPOSAL 5.1  ⇒
      NEWLEADER 5   ⇒ append 4.3 | commit 4.3 | append 4.4 | commit 4.4 | flush
      PROPOSAL 5.2  ⇒
      COMMIT 5.1    ⇒
      flushed       ⇒ save currentEpoch 5
      saved         ⇒ ACK 5.0
      PING 5.2      ⇒
      UPTODATE      ⇒ ACK 5.0 | serve epoch 5 | append 5.1 | append 5.2 | commit 5.1
      persisted 5.1 ⇒ ACK 5.1
      COMMIT 5.2    ⇒ commit 5.2
      persisted 5.2 ⇒ ACK 5.2
    `);
  });

  test('SNAP: the image is on disk before the history behind it', () => {
    const scene = promised();
    scene.committed.add(txnAt(z('4.2')));
    scene.plays(`
      SNAP 5.7     ⇒
      received 5.7 ⇒
      PROPOSAL 5.8 ⇒
      COMMIT 5.8   ⇒
      NEWLEADER 5  ⇒ save image
      imageSaved   ⇒ append 5.8 | commit 5.8 | flush
      flushed      ⇒ save currentEpoch 5
      saved        ⇒ ACK 5.0
      UPTODATE     ⇒ ACK 5.0 | serve epoch 5
    `);
    expect([scene.committed.min, scene.committed.max]).toEqual([z('5.8'), z('5.8')]);
  });

  test('SNAP: what the image has already is not repeated (T11)', () => {
    promised().plays(`
      SNAP 5.7     ⇒
      received 5.7 ⇒
      PROPOSAL 5.6 ⇒
      COMMIT 5.6   ⇒
      PROPOSAL 5.7 ⇒
      COMMIT 5.7   ⇒
      PROPOSAL 5.8 ⇒
      COMMIT 5.8   ⇒
      NEWLEADER 5  ⇒ save image
      imageSaved   ⇒ append 5.8 | commit 5.8 | flush
    `);
  });

  test('TRUNC: cut first, then the same zxids again (T36)', () => {
    const scene = promised({ lastLogged: z('5.3') });
    for (const text of ['5.1', '5.2', '5.3']) scene.committed.add(txnAt(z(text)));
    scene.plays(`
      TRUNC 5.1     ⇒ truncate to 5.1
      PROPOSAL 5.2  ⇒
      NEWLEADER 5   ⇒
      truncated 5.1 ⇒ flush
      flushed       ⇒ save currentEpoch 5
      saved         ⇒ ACK 5.0
      UPTODATE      ⇒ ACK 5.0 | serve epoch 5 | append 5.2
    `);
    expect(scene.committed.max).toBe(z('5.1'));
  });

  test('TRUNC to where an epoch begins, which no log ends with', () => {
    promised({ lastLogged: z('5.1') }).plays(`
      TRUNC 5.0     ⇒ truncate to 5.0
      truncated 4.9 ⇒
      PROPOSAL 5.1  ⇒
      NEWLEADER 5   ⇒ flush
    `);
  });

  test.each([
    ['that leaves a hole', '4.0', 'ends at 0x400000000'],
    ['that was not done', '4.2', 'ends at 0x400000002'],
  ])('TRUNC %s: the history is not trusted any more', (_, lastZxid, why) => {
    promised().plays(`
      TRUNC 4.1 ⇒ truncate to 4.1
      truncated ${lastZxid} ⇒ lost: TRUNC to 0x400000001, but the log ${why} (distrusted)
    `);
  });

  test('TRUNC that cannot be done: the history is whole, and the same leader is asked for its tree', () => {
    promised().plays(`
      TRUNC 4.1 ⇒ truncate to 4.1
      truncated null ⇒ lost: TRUNC to 0x400000001, but the log cannot be cut there (uncut)
    `);
  });

  test('a hole ends the sync, at its beginning and in its middle (ZOOKEEPER-4925)', () => {
    promised().plays(`
      DIFF 4.4     ⇒
      PROPOSAL 4.4 ⇒ lost: proposal 0x400000004 does not follow 0x400000002 (intact)
    `);
    promised().plays(`
      DIFF 4.5     ⇒
      PROPOSAL 4.3 ⇒
      PROPOSAL 4.5 ⇒ lost: proposal 0x400000005 does not follow 0x400000003 (intact)
    `);
  });

  test('a later epoch may begin anywhere, but not later than the leader’s', () => {
    promised().plays(`
      DIFF 5.1     ⇒
      PROPOSAL 4.3 ⇒
      PROPOSAL 5.1 ⇒
      PROPOSAL 6.1 ⇒ lost: proposal 0x600000001 does not follow 0x500000001 (intact)
    `);
  });

  test('an observer is told with INFORM, and logs what it is told', () => {
    promised({ role: 'observer' }).plays(`
      DIFF 4.3     ⇒
      PROPOSAL 4.3 ⇒
      COMMIT 4.3   ⇒
      INFORM 5.1   ⇒
      NEWLEADER 5  ⇒ append 4.3 | commit 4.3 | append 5.1 | commit 5.1 | flush
      flushed      ⇒ save currentEpoch 5
      saved        ⇒ ACK 5.0
      INFORM 5.2   ⇒
      UPTODATE     ⇒ ACK 5.0 | serve epoch 5 | append 5.2 | commit 5.2
    `);
  });

  test.each(['ACK 5.0', 'UPTODATE', 'NEWLEADER 5', 'PROPOSAL 4.3'])('a sync does not begin with %s', (command) => {
    const [lost] = promised().do(command);
    expect(lost).toMatchObject({ kind: 'lost', remains: 'intact' });
  });

  test('UPTODATE before NEWLEADER, and NEWLEADER of another epoch, are refused', () => {
    promised().plays(`
      DIFF 4.2 ⇒
      UPTODATE ⇒ lost: the leader sent UPTODATE in phase syncing (intact)
    `);
    promised().plays(`
      DIFF 4.2    ⇒
      NEWLEADER 6 ⇒ lost: the leader sent NEWLEADER in phase syncing (intact)
    `);
  });
});

describe('what remains when the leader is lost', () => {
  test('an image that is not on disk: start again from the disk (T6)', () => {
    promised().plays(`
      SNAP 5.7     ⇒
      received 5.7 ⇒
      NEWLEADER 5  ⇒ save image
      unlinked     ⇒ lost: the connection to the leader is gone (reload)
    `);
  });

  test('an image that is: everything', () => {
    promised().plays(`
      SNAP 5.7     ⇒
      received 5.7 ⇒
      NEWLEADER 5  ⇒ save image
      imageSaved   ⇒ flush
      unlinked     ⇒ lost: the connection to the leader is gone (intact)
      flushed      ⇒
    `);
  });

  test('proposals that were logged, for the next vote counts them (T4)', () => {
    const scene = following();
    for (const command of ['PROPOSAL 5.1', 'COMMIT 5.1', 'PROPOSAL 5.2', 'unlinked']) scene.do(command);
    expect(scene.learner.uncommitted().map(({ zxid }) => zxid)).toEqual([z('5.2')]);
  });

  test('proposals that were not logged yet are nobody’s', () => {
    const scene = promised();
    for (const command of ['DIFF 4.2', 'PROPOSAL 5.1', 'unlinked']) scene.do(command);
    expect(scene.learner.uncommitted()).toEqual([]);
  });
});

describe('following', () => {
  test('an ACK for every txn on disk, also when one sync covers many', () => {
    following().plays(`
      PROPOSAL 5.1  ⇒ append 5.1
      PROPOSAL 5.2  ⇒ append 5.2
      persisted 5.2 ⇒ ACK 5.1 | ACK 5.2
      COMMIT 5.1    ⇒ commit 5.1
      COMMIT 5.2    ⇒ commit 5.2
    `);
  });

  test('a COMMIT may come before our own disk has the txn, the ACK may not (T44)', () => {
    following().plays(`
      PROPOSAL 5.1  ⇒ append 5.1
      COMMIT 5.1    ⇒ commit 5.1
      persisted 5.1 ⇒ ACK 5.1
    `);
  });

  test('a COMMIT of anything but the oldest proposal is fatal (9.3)', () => {
    following().plays(`
      PROPOSAL 5.1 ⇒ append 5.1
      PROPOSAL 5.2 ⇒ append 5.2
      COMMIT 5.2   ⇒ fatal 12: COMMIT 0x500000002, but the oldest pending proposal is 0x500000001
      COMMIT 5.1   ⇒
    `);
  });

  test('a COMMIT without a proposal ends the connection, a repeated one means nothing', () => {
    following().plays(`
      PROPOSAL 5.1 ⇒ append 5.1
      COMMIT 5.1   ⇒ commit 5.1
      COMMIT 5.1   ⇒
      COMMIT 5.2   ⇒ lost: COMMIT 0x500000002, but the oldest pending proposal is none (intact)
    `);
  });

  test('a hole ends the connection', () => {
    following().plays(`
      PROPOSAL 5.1 ⇒ append 5.1
      PROPOSAL 5.3 ⇒ lost: proposal 0x500000003 does not follow 0x500000001 (intact)
    `);
  });

  test('a PING is answered with the sessions heard from since the last one (T49)', () => {
    const scene = following();
    scene.touched = [{ session: asSessionId(0x1000n), timeOut: 6000 }];
    scene.do('PING 5.0');
    scene.do('PING 5.0');
    const answers = scene.effects.flatMap((effect) => (effect.kind === 'send' && effect.packet.type === 5 ? [effect.packet.data?.toString('hex')] : []));
    expect(answers).toEqual(['000000000000100000001770', '']);
  });

  test('SYNC answers the oldest sync; what is unknown, or for others, is passed over', () => {
    following().plays(`
      SYNC           ⇒ synced
      INFORM 5.1     ⇒
      FOLLOWERINFO 5 ⇒
    `);
  });

  test('syncLimit of silence is the end; before NEWLEADER it is initLimit (10)', () => {
    following().plays(`
      after 4900 ms ⇒
      PING 5.0      ⇒ PING 5.0
      after 4900 ms ⇒
      after 100 ms  ⇒ lost: the leader has been silent for too long in phase broadcast (intact)
    `);
    promised().plays(`
      after 9900 ms ⇒
      after 100 ms  ⇒ lost: the leader has been silent for too long in phase promised (intact)
    `);
  });

  test('the time our own disk takes is not the leader’s silence', () => {
    promised().plays(`
      DIFF 4.2       ⇒
      NEWLEADER 5    ⇒ flush
      after 60000 ms ⇒
      flushed        ⇒ save currentEpoch 5
      saved          ⇒ ACK 5.0
      after 4900 ms  ⇒
    `);
  });

  test('a large image is no silence', () => {
    const scene = promised();
    scene.do('SNAP 5.7');
    scene.now += 9000;
    scene.plays(`
      heard         ⇒
      after 9000 ms ⇒
      after 1000 ms ⇒ lost: the leader has been silent for too long in phase image (reload)
    `);
  });
});

describe('observing', () => {
  test('INFORM is logged and committed, never acked (9.4)', () => {
    following({ role: 'observer' }).plays(`
      INFORM 5.1    ⇒ append 5.1 | commit 5.1
      persisted 5.1 ⇒
      PROPOSAL 5.2  ⇒
      COMMIT 5.1    ⇒
    `);
  });

  test('without a log of its own when syncEnabled is off', () => {
    following({ role: 'observer', syncEnabled: false }).plays(`
      INFORM 5.1 ⇒ commit 5.1
    `);
  });
});
