import { describe, expect, test } from 'vitest';
import { config, plays, run, server } from './transcript.ts';

describe('a fresh ensemble', () => {
  test('the best vote wins: adopted, told to all, decided once all voters agree (3.5; no 200 ms wait needed)', () => {
    plays(server(1), `
      > look with epoch 0, zxid 0x0
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3
      > 2: LOOKING for 2 (epoch 0, zxid 0x0), round 1
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 2 3
      > 3: LOOKING for 3 (epoch 0, zxid 0x0), round 1
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 2 3
      > 2: LOOKING for 3 (epoch 0, zxid 0x0), round 1
        FOLLOWING under 3 (epoch 0, zxid 0x0), round 1`);
  });

  test('the winner leads', () => {
    plays(server(3), `
      > look with epoch 0, zxid 0x0
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 2
      > 1: LOOKING for 1 (epoch 0, zxid 0x0), round 1
      > 1: LOOKING for 3 (epoch 0, zxid 0x0), round 1
      > 2: LOOKING for 3 (epoch 0, zxid 0x0), round 1
        LEADING under 3 (epoch 0, zxid 0x0), round 1`);
  });

  test('votes are ordered by epoch, then zxid, then sid (3.2)', () => {
    plays(server(2), `
      > look with epoch 2, zxid 0x200000001
        LOOKING for 2 (epoch 2, zxid 0x200000001), round 1 → 1 3
      > 3: LOOKING for 3 (epoch 1, zxid 0x300000009), round 1
      > 1: LOOKING for 1 (epoch 2, zxid 0x200000002), round 1
        LOOKING for 1 (epoch 2, zxid 0x200000002), round 1 → 1 3
      > 3: LOOKING for 1 (epoch 2, zxid 0x200000002), round 1
        FOLLOWING under 1 (epoch 2, zxid 0x200000002), round 1`);
  });

  test('the own vote of an earlier life, come back from a voter that was cut off, is taken up: or the two would never agree', () => {
    plays(server(2), `
      > look with epoch 1, zxid 0x100000001
        LOOKING for 2 (epoch 1, zxid 0x100000001), round 1 → 1 3
      > 1: LOOKING for 2 (epoch 1, zxid 0x100000007), round 1
        LOOKING for 2 (epoch 1, zxid 0x100000007), round 1 → 1 3
      > wait 200
        LEADING under 2 (epoch 1, zxid 0x100000007), round 1`);
  });

  test('a lone voter elects itself at once', () => {
    plays(server(1, { config: config({ voters: [1] }) }), `
      > look with epoch 0, zxid 0x0
        LEADING under 1 (epoch 0, zxid 0x0), round 1`);
  });
});

describe('the 200 ms in which a quorum waits for a better vote (3.5)', () => {
  test('it is waited for a voter not heard of, and a better vote in time wins', () => {
    const subject = server(2);
    plays(subject, `
      > look with epoch 1, zxid 0x100000001
        LOOKING for 2 (epoch 1, zxid 0x100000001), round 1 → 1 3
      > 1: LOOKING for 2 (epoch 1, zxid 0x100000001), round 1
      > wait 199
      > 3: LOOKING for 3 (epoch 1, zxid 0x100000002), round 1
        LOOKING for 3 (epoch 1, zxid 0x100000002), round 1 → 1 3
      > 1: LOOKING for 3 (epoch 1, zxid 0x100000002), round 1
        FOLLOWING under 3 (epoch 1, zxid 0x100000002), round 1`);
  });

  test('it ends with a decision', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1
      > wait 200
        LEADING under 2 (epoch 0, zxid 0x0), round 1`);
  });

  test('it begins anew with each better vote', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1
      > wait 150
      > 3: LOOKING for 3 (epoch 0, zxid 0x0), round 1
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 3
      > wait 199
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 3
      > wait 1
        FOLLOWING under 3 (epoch 0, zxid 0x0), round 1`);
  });

  test('it is over once those not heard of are known to be gone', () => {
    plays(server(2), `
      > connected 3
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1
      > unreachable 3
        LEADING under 2 (epoch 0, zxid 0x0), round 1`);
  });

  test('one that has never been there is not gone: the whole ensemble may be starting', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1
      > unreachable 3
      > wait 200
        LEADING under 2 (epoch 0, zxid 0x0), round 1`);
  });

  test('gone is gone only until a connection is up again', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > unreachable 3
      > connected 3
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 3
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1
      > wait 200
        LEADING under 2 (epoch 0, zxid 0x0), round 1`);
  });

  test('what was unreachable before the search counts for nothing', () => {
    const subject = server(2);
    run(subject, 'connected 3', 'look with epoch 0, zxid 0x0', '1: LOOKING for 2 (epoch 0, zxid 0x0), round 1', 'unreachable 3');
    plays(subject, `
      > look with epoch 1, zxid 0x100000000
        LOOKING for 2 (epoch 1, zxid 0x100000000), round 2 → 1 3
      > 1: LOOKING for 2 (epoch 1, zxid 0x100000000), round 2`);
  });

  test('a leader that is gone itself is not rushed into', () => {
    expect(
      run(
        server(1),
        'look with epoch 0, zxid 0x0',
        '3: LOOKING for 3 (epoch 0, zxid 0x0), round 1',
        '2: LOOKING for 3 (epoch 0, zxid 0x0), round 1',
      ).endsWith('FOLLOWING under 3 (epoch 0, zxid 0x0), round 1'),
    ).toBe(true);
    plays(server(1), `
      > look with epoch 0, zxid 0x0
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3
      > connected 2
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2
      > 3: LOOKING for 3 (epoch 0, zxid 0x0), round 1
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 2 3
      > unreachable 3
      > unreachable 2`);
  });

  test('a voter that still follows may come looking: it is waited for', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 3: FOLLOWING under 1 (epoch 7, zxid 0x0), round 6
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1`);
  });

  test('a quorum that falls apart decides nothing: the stale vote on a fresh connection was replaced (T17)', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 1: LOOKING for 3 (epoch 0, zxid 0x0), round 1
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 3
      > 1: FOLLOWING under 3 (epoch 1, zxid 0x0), round 1
      > wait 199
      > wait 1
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 3`);
  });
});

describe('rounds (3.5, T18)', () => {
  test('a higher round is adopted, and begins from our own vote', () => {
    plays(server(2), `
      > look with epoch 0, zxid 0x5
        LOOKING for 2 (epoch 0, zxid 0x5), round 1 → 1 3
      > 3: LOOKING for 3 (epoch 0, zxid 0x9), round 1
        LOOKING for 3 (epoch 0, zxid 0x9), round 1 → 1 3
      > 1: LOOKING for 1 (epoch 0, zxid 0x4), round 8
        LOOKING for 2 (epoch 0, zxid 0x5), round 8 → 1 3`);
  });

  test('votes of a past round count no longer', () => {
    const five = config({ voters: [1, 2, 3, 4, 5] });
    const past = '1: FOLLOWING under 2 (epoch 1, zxid 0x0), round 1';
    const next = '5: LOOKING for 5 (epoch 0, zxid 0x0), round 2';
    const present = ['2: LEADING under 2 (epoch 2, zxid 0x0), round 2', '4: FOLLOWING under 2 (epoch 2, zxid 0x0), round 2'];
    const look = 'look with epoch 0, zxid 0x0';
    expect(run(server(3, { config: five }), look, past, next, ...present)).not.toContain('  FOLLOWING');
    expect(run(server(3, { config: five }), look, next, ...present, past.replace('round 1', 'round 2'))).toContain('  FOLLOWING under 2');
  });

  test('a lower round is answered and not counted', () => {
    const subject = server(2);
    run(subject, 'look with epoch 0, zxid 0x0', '3: LOOKING for 3 (epoch 0, zxid 0x0), round 4', 'wait 50');
    plays(subject, `
      > 1: LOOKING for 1 (epoch 9, zxid 0x9), round 3
        LOOKING for 3 (epoch 0, zxid 0x0), round 4 → 1`);
  });

  test('one that still had a leader when our vote came is told it again when it comes looking: it would wait for it', () => {
    const subject = server(2);
    run(subject, 'look with epoch 1, zxid 0x100000005', '1: FOLLOWING under 3 (epoch 1, zxid 0x0), round 0', 'wait 10');
    plays(subject, `
      > 1: LOOKING for 1 (epoch 1, zxid 0x100000003), round 1
        LOOKING for 2 (epoch 1, zxid 0x100000005), round 1 → 1
      > 1: LOOKING for 1 (epoch 1, zxid 0x100000003), round 1`);
  });

  test('each search is a round of its own', () => {
    const subject = server(1, { config: config({ voters: [1] }) });
    run(subject, 'look with epoch 0, zxid 0x0');
    plays(subject, `
      > look with epoch 1, zxid 0x100000001
        LEADING under 1 (epoch 1, zxid 0x100000001), round 2`);
  });
});

describe('joining an established ensemble', () => {
  const look = 'look with epoch 0, zxid 0x0';

  test('a quorum of equal votes and the leader’s own word: epochs must match, rounds need not (3.3, 3.5)', () => {
    plays(server(3), `
      > look with epoch 0, zxid 0x0
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 2
      > 1: FOLLOWING under 2 (epoch 1, zxid 0x0), round 5
      > 2: LEADING under 2 (epoch 1, zxid 0x9), round 4
        FOLLOWING under 2 (epoch 1, zxid 0x9), round 4`);
  });

  test('votes of different epochs are different votes', () => {
    plays(server(3), `
      > look with epoch 0, zxid 0x0
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 2
      > 1: FOLLOWING under 2 (epoch 1, zxid 0x0), round 5
      > 2: LEADING under 2 (epoch 2, zxid 0x0), round 5`);
  });

  test('within our own round the epoch does not count: it may be established in between', () => {
    plays(server(3), `
      > look with epoch 0, zxid 0x0
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 2
      > 1: FOLLOWING under 2 (epoch 0, zxid 0x0), round 1
      > 2: LEADING under 2 (epoch 1, zxid 0x0), round 1
        FOLLOWING under 2 (epoch 1, zxid 0x0), round 1`);
  });

  test('followers alone are never believed (checkLeader, T20)', () => {
    const five = config({ voters: [1, 2, 3, 4, 5] });
    const followers = [1, 2, 4].map((sid) => `${sid}: FOLLOWING under 5 (epoch 1, zxid 0x0), round 5`);
    expect(run(server(3, { config: five }), look, ...followers)).not.toContain('  FOLLOWING');
    expect(run(server(3, { config: five }), look, ...followers, '5: LEADING under 5 (epoch 1, zxid 0x0), round 5')).toContain(
      '  FOLLOWING under 5 (epoch 1, zxid 0x0), round 5',
    );
  });

  test('who is said to lead itself believes it only within its round', () => {
    const past = '1: FOLLOWING under 3 (epoch 1, zxid 0x0), round 5';
    expect(run(server(3), look, past, past.replace('1:', '2:'))).not.toContain('LEADING');
    const present = '1: FOLLOWING under 3 (epoch 0, zxid 0x0), round 1';
    expect(run(server(3), look, present, present.replace('1:', '2:'))).toContain('  LEADING under 3 (epoch 0, zxid 0x0), round 1');
  });

  test('votes for servers we do not know, and of servers we do not know, are not counted (T25)', () => {
    plays(server(3), `
      > look with epoch 0, zxid 0x0
        LOOKING for 3 (epoch 0, zxid 0x0), round 1 → 1 2
      > 1: LOOKING for 9 (epoch 9, zxid 0x0), round 1
      > 9: FOLLOWING under 9 (epoch 9, zxid 0x0), round 1`);
  });
});

describe('a server that has a leader', () => {
  const followed = () => {
    const subject = server(1);
    run(
      subject,
      'look with epoch 0, zxid 0x0',
      '3: LOOKING for 3 (epoch 0, zxid 0x0), round 1',
      '2: LOOKING for 3 (epoch 0, zxid 0x0), round 1',
    );
    return subject;
  };

  test('answers those who look, with the established epoch and the zxid and round of the election (3.4, T19)', () => {
    plays(followed(), `
      > 2: LOOKING for 2 (epoch 0, zxid 0x0), round 1
        FOLLOWING under 3 (epoch 0, zxid 0x0), round 1 → 2
      > established 1
      > wait 5
      > 2: FOLLOWING under 3 (epoch 1, zxid 0x0), round 1`);
    const established = followed();
    run(established, 'established 1');
    expect(run(established, '2: LOOKING for 2 (epoch 0, zxid 0x0), round 1')).toContain('FOLLOWING under 3 (epoch 1, zxid 0x0), round 1 → 2');
  });

  test('many questions from one peer get one answer, and it is the newest (T23)', () => {
    const question = '2: LOOKING for 2 (epoch 0, zxid 0x0), round 1';
    plays(followed(), `
      > ${question}
        FOLLOWING under 3 (epoch 0, zxid 0x0), round 1 → 2
      > ${question}
      > ${question}
      > established 1
      > wait 4
      > wait 1
        FOLLOWING under 3 (epoch 1, zxid 0x0), round 1 → 2
      > wait 100`);
  });

  test('says so on a fresh connection, since its last answer may be lost (T22)', () => {
    plays(followed(), `
      > connected 2
        FOLLOWING under 3 (epoch 0, zxid 0x0), round 1 → 2
      > connected 9`);
  });

  test('answers an observer as well, which no voter would otherwise call on (3.6)', () => {
    plays(followed(), `
      > 9: LOOKING for nobody, round 7
        FOLLOWING under 3 (epoch 0, zxid 0x0), round 1 → 9`);
  });
});

describe('time', () => {
  test('the vote is repeated after 200 ms, then ever more slowly up to a minute (T22)', () => {
    const subject = server(1, { maxIntervalMs: 700 });
    run(subject, 'look with epoch 0, zxid 0x0');
    const vote = 'LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3';
    plays(subject, `
      > wait 199
      > wait 1
        ${vote}
      > wait 399
      > wait 1
        ${vote}
      > wait 699
      > wait 1
        ${vote}
      > wait 700
        ${vote}`);
  });

  test('before the first search and after the last there is nothing to wait for', () => {
    const subject = server(1, { config: config({ voters: [1] }) });
    expect(subject.election.nextDeadline()).toBe(Infinity);
    expect(run(subject, '2: LOOKING for 2 (epoch 0, zxid 0x0), round 1', 'connected 2')).not.toContain('→');
    run(subject, 'look with epoch 0, zxid 0x0');
    expect(subject.election.nextDeadline()).toBe(Infinity);
  });
});

describe('those who do not elect', () => {
  const withObserver = config({ voters: [1, 2, 3], observers: [4] });

  test('an observer votes for nobody and watches a quorum form (3.1, 3.6)', () => {
    plays(server(4, { config: withObserver }), `
      > look with epoch 3, zxid 0x300000000
        LOOKING for nobody, round 1 → 1 2 3
      > 1: LOOKING for 3 (epoch 0, zxid 0x0), round 2
        LOOKING for 3 (epoch 0, zxid 0x0), round 2 → 1 2 3
      > 2: LOOKING for 3 (epoch 0, zxid 0x0), round 2
      > wait 200
        OBSERVING under 3 (epoch 0, zxid 0x0), round 2`);
  });

  test('voters neither count an observer nor call on it, and tell it their running vote when it asks (T24, ZOOKEEPER-1807)', () => {
    plays(server(1, { config: withObserver }), `
      > look with epoch 0, zxid 0x0
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3
      > 4: LOOKING for nobody, round 9
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 4
      > 2: LOOKING for 2 (epoch 0, zxid 0x0), round 1
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 2 3
      > 4: LOOKING for 2 (epoch 0, zxid 0x0), round 1
      > wait 5
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 4`);
  });

  test('an observer does not answer a voter that lags behind: that one would answer back for ever (3.6)', () => {
    const subject = server(4, { config: withObserver });
    run(subject, 'look with epoch 0, zxid 0x0', 'wait 50');
    expect(run(subject, '1: LOOKING for 1 (epoch 0, zxid 0x0), round 0')).not.toContain('→');
  });

  test('a joiner that is in nobody’s config tells its history but votes for nobody (3.1, 13.6)', () => {
    plays(server(7), `
      > look with epoch 5, zxid 0x500000001
        LOOKING for nobody (epoch 5, zxid 0x500000001), round 1 → 1 2 3
      > 1: FOLLOWING under 2 (epoch 1, zxid 0x0), round 5
      > 2: LEADING under 2 (epoch 1, zxid 0x0), round 5
        FOLLOWING under 2 (epoch 1, zxid 0x0), round 5`);
  });

  test('an untrusted database does not elect, and its vote is not counted, but it may follow (3.5, 4.4)', () => {
    const subject = server(2);
    plays(subject, `
      > look with epoch 0, zxid -1
        LOOKING for 2 (epoch 0, zxid 0xffffffffffffffff), round 1 → 1 3
      > 3: LOOKING for 3 (epoch 0, zxid 0x0), round 1
      > 1: LOOKING for 3 (epoch 0, zxid 0x0), round 1
      > wait 199
      > 1: FOLLOWING under 3 (epoch 1, zxid 0x0), round 1
      > 3: LEADING under 3 (epoch 1, zxid 0x0), round 1
        FOLLOWING under 3 (epoch 1, zxid 0x0), round 1`);
    const untrusted = '2: LOOKING for 2 (epoch 9, zxid -1), round 1';
    expect(run(server(1), 'look with epoch 0, zxid 0x0', untrusted)).not.toContain('LOOKING for 2 (epoch 9, zxid 0xffffffffffffffff), round 1 →');
    expect(run(server(1, { config: config({ voters: [1] }) }), 'look with epoch 0, zxid -1')).not.toContain('LEADING');
  });

  test('a server of weight 0 is never elected, however long its history, and not waited for (1.3)', () => {
    const weighted = config({ voters: [1, 2, 3], extra: 'group.1=1:2:3\nweight.3=0' });
    plays(server(2, { config: weighted }), `
      > look with epoch 0, zxid 0x0
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 1 3
      > 3: LOOKING for 3 (epoch 9, zxid 0x9), round 1
      > 1: LOOKING for 2 (epoch 0, zxid 0x0), round 1
        LEADING under 2 (epoch 0, zxid 0x0), round 1`);
  });
});
