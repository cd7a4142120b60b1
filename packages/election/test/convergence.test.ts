import type { EnsembleConfig, Sid } from '@zk/protocol';
import { ServerState } from '@zk/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { Ensemble } from './ensemble.ts';
import type { History } from './ensemble.ts';
import { config } from './transcript.ts';

const TOPOLOGIES: Record<string, EnsembleConfig> = {
  'one voter': config({ voters: [1] }),
  'three voters': config({ voters: [1, 2, 3] }),
  'five voters': config({ voters: [1, 2, 3, 4, 5] }),
  'three voters and two observers': config({ voters: [2, 3, 4], observers: [1, 5] }),
  'three groups, one of weight 0': config({
    voters: [1, 2, 3, 4, 5, 6, 7],
    extra: 'group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7\nweight.7=0',
  }),
};

const history = fc.record<History>({ epoch: fc.bigInt({ min: 0n, max: 2n }), zxid: fc.bigInt({ min: 0n, max: 3n }) });
const histories = fc.array(history, { minLength: 7, maxLength: 7 });
const seed = fc.integer();

const MINUTE = 60_000;

/** Whether the first server's history is at least as good; between equals the sid decides. */
function isAtLeast(ensemble: Ensemble, a: Sid, b: Sid): boolean {
  const [x, y] = [ensemble.members.get(a)!.history, ensemble.members.get(b)!.history];
  if (x.epoch !== y.epoch) return x.epoch > y.epoch;
  return x.zxid === y.zxid ? a >= b : x.zxid > y.zxid;
}

function electable(ensemble: Ensemble): Sid[] {
  return [...ensemble.config.voters].filter((sid) => ensemble.config.weightOf(sid) > 0);
}

/** Everyone is in the role its config gives it, under one leader. */
function expectAgreement(ensemble: Ensemble): Sid {
  const [leader, ...others] = ensemble.leadersWithQuorum();
  expect(others).toEqual([]);
  for (const { sid, election } of ensemble.members.values()) {
    const role = sid === leader ? 'LEADING' : ensemble.config.observers.has(sid) ? 'OBSERVING' : 'FOLLOWING';
    expect({ sid, state: election.state, leader: election.vote.leader }).toEqual({ sid, state: ServerState[role], leader });
  }
  return leader!;
}

/** Crashes, restarts, partitions and broken connections, for some seconds. */
function disturb(ensemble: Ensemble, until: number): void {
  const sids = [...ensemble.members.keys()];
  const any = (): Sid => sids[ensemble.below(sids.length)]!;
  const faults: ((a: Sid, b: Sid) => void)[] = [
    (a) => ensemble.crash(a),
    (a) => ensemble.start(a),
    (a) => ensemble.start(a),
    (a, b) => ensemble.cut(a, b),
    (a, b) => ensemble.block(a, b, true),
    (a, b) => ensemble.block(a, b, false),
  ];
  for (let time = 0; time < until; time += ensemble.below(400)) {
    const fault = faults[ensemble.below(faults.length)]!;
    const [a, b] = [any(), any()];
    ensemble.at(time, () => a !== b && fault(a, b));
  }
}

function heal(ensemble: Ensemble): void {
  const sids = [...ensemble.members.keys()];
  for (const a of sids) for (const b of sids) if (a !== b) ensemble.block(a, b, false);
  for (const sid of sids) ensemble.start(sid);
}

describe.each(Object.entries(TOPOLOGIES))('%s', (_, members) => {
  test('agree after any faults, on a leader as good as a quorum, and fall silent', () => {
    fc.assert(
      fc.property(seed, histories, fc.constantFrom(5, 50, 400), (seed, histories, maxDelayMs) => {
        const ensemble = new Ensemble(members, histories, seededRandom(seed), maxDelayMs);
        disturb(ensemble, 6000);
        const oneLeader = (): void => expect(ensemble.leadersWithQuorum().length).toBeLessThan(2);
        ensemble.runUntil(6000, oneLeader);
        heal(ensemble);
        ensemble.runUntil(6000 + 10 * MINUTE, oneLeader);
        const leader = expectAgreement(ensemble);
        const noBetter = electable(ensemble).filter((sid) => isAtLeast(ensemble, leader, sid));
        expect(members.isQuorum(new Set(noBetter))).toBe(true);
        expect(ensemble.lastSent).toBeLessThan(6000 + 5 * MINUTE);
      }),
      { numRuns: 40 },
    );
  });

  test('elect the very best when all are there from the beginning, whether or not the wait is skipped', () => {
    fc.assert(
      fc.property(seed, histories, (seed, histories) => {
        const ensemble = new Ensemble(members, histories, seededRandom(seed), 30);
        for (const sid of ensemble.members.keys()) ensemble.at(ensemble.below(20), () => ensemble.start(sid));
        ensemble.runUntil(MINUTE);
        const best = electable(ensemble).reduce((a, b) => (isAtLeast(ensemble, a, b) ? a : b));
        expect(expectAgreement(ensemble)).toBe(best);
      }),
      { numRuns: 60 },
    );
  });
});
