import { asSid, NO_VOTE, ServerState } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { config, plays, run, server } from './transcript.ts';
import type { Subject } from './transcript.ts';

const FOUR = 'server.1=h1:2888:3888; server.2=h2:2888:3888; server.3=h3:2888:3888; server.4=h4:2888:3888';

describe('gossip of configs (3.4, 13.5)', () => {
  test('a newer config with other members is adopted while LOOKING, and the election starts over', () => {
    plays(server(1), `
      > look with epoch 0, zxid 0x0
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3
      > 2: LOOKING for 2 (epoch 0, zxid 0x0), round 1 config ${FOUR}; version=100000005
        adopt config 0x100000005
        LOOKING for 1 (epoch 0, zxid 0x0), round 2 → 2 3 4 2
      > 3: LOOKING for 2 (epoch 0, zxid 0x0), round 2
        LOOKING for 2 (epoch 0, zxid 0x0), round 2 → 2 3 4`);
  });

  test('the same members under a newer version: adopted, and the vote that brought it counts', () => {
    const three = 'server.1=h1:2888:3888; server.2=h2:2888:3888; server.3=h3:2888:3888';
    plays(server(1), `
      > look with epoch 0, zxid 0x0
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3
      > 2: LOOKING for 2 (epoch 0, zxid 0x0), round 1 config ${three}; version=1
        adopt config 0x1
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 2 3`);
  });

  test('notifications carry the config in force', () => {
    const { election } = server(1);
    const [effect] = election.step({ kind: 'look', lastLogged: 0n, currentEpoch: 0n }, 0);
    expect(effect?.kind === 'notify' && effect.message.config).toBe(election.config.toText());
  });

  test.each([
    ['that is not newer', `${FOUR}; version=0`],
    ['that does not parse (T27)', `${FOUR}; clientPort=2181; version=1`],
  ])('a config %s is ignored, its vote is not', (_, text) => {
    plays(server(1), `
      > look with epoch 0, zxid 0x0
        LOOKING for 1 (epoch 0, zxid 0x0), round 1 → 2 3
      > 2: LOOKING for 2 (epoch 0, zxid 0x0), round 1 config ${text}
        LOOKING for 2 (epoch 0, zxid 0x0), round 1 → 2 3`);
  });

  test('with reconfiguration off nothing is adopted, and nothing restarted either (T28, ZOOKEEPER-2819)', () => {
    const transcript = run(
      server(1, { adoptConfigs: false }),
      'look with epoch 0, zxid 0x0',
      `2: LOOKING for 1 (epoch 0, zxid 0x0), round 1 config ${FOUR}; version=1`,
    );
    expect(transcript).not.toContain('adopt');
    expect(transcript).not.toContain('round 2');
  });

  test('a server that has a leader adopts nothing', () => {
    const subject = server(1, { config: config({ voters: [1] }) });
    run(subject, 'look with epoch 0, zxid 0x0');
    expect(run(subject, `2: LOOKING for 2 (epoch 0, zxid 0x0), round 1 config ${FOUR}; version=1`)).not.toContain('adopt');
  });

  test('a voter that the new config makes an observer observes', () => {
    const subject = server(3);
    run(subject, 'look with epoch 0, zxid 0x0', `2: LOOKING for 2 (epoch 0, zxid 0x0), round 1 config ${FOUR.replace('h3:2888:3888', 'h3:2888:3888:observer')}; version=1`);
    expect(run(subject, '2: LEADING under 2 (epoch 1, zxid 0x0), round 9', '1: FOLLOWING under 2 (epoch 1, zxid 0x0), round 9', '4: FOLLOWING under 2 (epoch 1, zxid 0x0), round 9')).toContain('  OBSERVING under 2');
  });
});

describe('while a reconfig is proposed but not activated (13.3)', () => {
  const old = config({ voters: [1, 2, 3] });
  const next = config({ voters: [3, 4, 5], extra: 'version=100000005' });
  const vote = (sid: number): string => `${sid}: LOOKING for 3 (epoch 1, zxid 0x100000005), round 1`;
  const joint = (): Subject => server(3, { config: old, lastSeen: next });

  test('a leader needs a quorum of both configs', () => {
    const look = 'look with epoch 1, zxid 0x100000005';
    expect(run(joint(), look, vote(1), vote(2), 'wait 300')).not.toContain('LEADING');
    expect(run(joint(), look, vote(1), vote(2), vote(4), 'wait 200')).toContain('LEADING under 3');
  });

  test('voters of both are called on', () => {
    expect(run(joint(), 'look with epoch 1, zxid 0x100000005')).toContain('round 1 → 1 2 4 5');
  });

  test('a voter to be votes for nobody at first; its higher round is adopted, its vote is not', () => {
    const subject = joint();
    run(subject, 'look with epoch 1, zxid 0x100000005');
    plays(subject, `
      > 4: LOOKING for nobody (epoch 9, zxid 0x0), round 6
        LOOKING for 3 (epoch 1, zxid 0x100000005), round 6 → 1 2 4 5`);
  });

  test('other voters start the search over', () => {
    const subject = server(3, { config: old });
    run(subject, 'look with epoch 1, zxid 0x100000005');
    const effects = subject.election.step({ kind: 'reconfigured', config: old, lastSeen: next }, 10);
    expect(effects.map((effect) => effect.kind === 'notify' && [effect.to, effect.message.electionEpoch])).toEqual([
      [1n, 2n], [2n, 2n], [4n, 2n], [5n, 2n],
    ]);
    expect(subject.election.step({ kind: 'reconfigured', config: old, lastSeen: next }, 20)).toEqual([]);
  });
});

test('an appointed leader is taken without an election, and told to those who look (13.4)', () => {
  const { election } = server(1);
  const vote = { leader: 2n, zxid: 0x100000005n, electionEpoch: -1n, peerEpoch: -1n };
  expect(election.step({ kind: 'appointed', vote, state: 'FOLLOWING' }, 0)).toEqual([{ kind: 'elected', vote, state: 'FOLLOWING' }]);
  const message = { state: ServerState.LOOKING, leader: NO_VOTE, zxid: 0n, electionEpoch: 1n, peerEpoch: 0n, version: 2, config: null };
  const [answer] = election.step({ kind: 'notification', from: asSid(3n), message }, 0);
  expect(answer).toMatchObject({ kind: 'notify', to: 3n, message: { state: ServerState.FOLLOWING, ...vote } });
});
