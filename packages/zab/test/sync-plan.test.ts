import { describe, expect, test } from 'vitest';
import { planSync } from '../src/index.ts';
import type { SyncPlan, SyncSource } from '../src/index.ts';
import { zxidText } from '../src/describe.ts';
import { historyOf, txnAt, z } from './support.ts';

interface Vector {
  last: string;
  committed?: string[];
  disk?: string[];
  peer: string;
  plan: string;
}

// LearnerHandlerTest (quorum.md 7.3). Apache's logs may have holes, which a CommittedLog would not keep: hence the stub.
const vectors: Vector[] = [
  { last: '0.1', peer: '0.3', plan: 'TRUNC 0.1' },
  { last: '0.1', peer: '0.1', plan: 'DIFF 0.1' },
  { last: '0.1', peer: '0.0', plan: 'SNAP 0.1' },
  { last: '0.6', committed: ['0.2', '0.3', '0.5'], peer: '0.4', plan: 'TRUNC 0.3; 0.5' },
  { last: '0.6', committed: ['0.2', '0.3', '0.5'], peer: '0.2', plan: 'DIFF 0.5; 0.3 0.5' },
  { last: '0.6', committed: ['0.2', '0.3', '0.5'], peer: '0.1', plan: 'SNAP 0.6' },
  { last: '0.9', committed: ['0.6', '0.7', '0.8'], disk: ['0.2', '0.3', '0.5', '0.6', '0.7', '0.8', '0.9'], peer: '0.4', plan: 'TRUNC 0.3; 0.5 0.6 0.7 0.8' },
  { last: '0.9', committed: ['0.6', '0.7', '0.8'], disk: ['0.2', '0.3', '0.5', '0.6', '0.7', '0.8', '0.9'], peer: '0.3', plan: 'DIFF 0.8; 0.5 0.6 0.7 0.8' },
  { last: '0.7', disk: ['0.2', '0.3', '0.5', '0.6', '0.7', '0.8'], peer: '0.4', plan: 'TRUNC 0.3; 0.5 0.6 0.7' },
  { last: '0.7', disk: ['0.2', '0.3', '0.5', '0.6', '0.7', '0.8'], peer: '0.2', plan: 'DIFF 0.7; 0.3 0.5 0.6 0.7' },
  { last: '0.7', disk: ['0.2', '0.3', '0.5', '0.6', '0.7', '0.8'], peer: '0.1', plan: 'SNAP 0.7' },
  { last: '2.0', committed: ['1.1', '1.2'], disk: ['0.1', '1.1', '1.2'], peer: '0.0', plan: 'SNAP 2.0' },
  { last: '2.0', committed: ['1.1', '1.2'], disk: ['0.1', '1.1', '1.2'], peer: '1.0', plan: 'DIFF 1.2; 1.1 1.2' },
  { last: '2.0', committed: ['1.1', '1.2'], disk: ['0.1', '1.1', '1.2'], peer: '2.0', plan: 'DIFF 2.0' },
  { last: '6.0', disk: ['1.1', '2.1', '2.2', '4.1'], peer: '3.1', plan: 'SNAP 6.0' },
  { last: '0.8', committed: ['0.7', '0.8'], disk: ['0.2', '0.3', '0.4'], peer: '0.3', plan: 'SNAP 0.8' },
];

test.each(vectors)('a tree at $last, $committed in memory, $disk on disk: the learner at $peer gets $plan', ({ last, committed, disk, peer, plan }) => {
  expect(shown(planSync(z(peer), stub(last, committed, disk)))).toBe(plan);
});

describe('what the vectors leave open', () => {
  test('a former leader, whose last zxid is the start of an epoch without txns, is never truncated (T35)', () => {
    expect(shown(planSync(z('3.0'), historyOf('2.5', ['2.4', '2.5'])))).toBe('SNAP 2.5');
  });

  test('a follower with an uncommitted tail of this epoch is cut back to what is committed (T36)', () => {
    expect(shown(planSync(z('5.3'), historyOf('5.1', ['5.1'])))).toBe('TRUNC 5.1');
  });

  test('live forwarding takes over after the last proposal of the plan', () => {
    expect(planSync(z('5.1'), historyOf('5.3', ['5.1', '5.2', '5.3'])).upTo).toBe(z('5.3'));
    expect(planSync(z('5.3'), historyOf('5.3', ['5.3'])).upTo).toBe(z('5.3'));
    expect(planSync(z('5.9'), historyOf('5.3', ['5.3'])).upTo).toBe(z('5.3'));
  });

  test('the log on disk is not read when it is longer than its share of the newest image', () => {
    const history = { ...historyOf('5.3', ['5.3'], ['5.1', '5.2', '5.3']), newestImageSize: () => 1000, logSizeFrom: () => 331 };
    expect(shown(planSync(z('5.1'), history))).toBe('SNAP 5.3');
    expect(shown(planSync(z('5.1'), history, { snapshotSizeFactor: 0.5 }))).toBe('DIFF 5.3; 5.2 5.3');
    expect(shown(planSync(z('5.1'), history, { snapshotSizeFactor: 1.5 }))).toBe('SNAP 5.3');
    expect(shown(planSync(z('5.1'), { ...history, logSizeFrom: () => 0 }, { snapshotSizeFactor: -1 }))).toBe('SNAP 5.3');
  });
});

function stub(last: string, committed: string[] = [], disk: string[] | null = null): SyncSource {
  const proposals = committed.map((text) => txnAt(z(text)));
  const log: SyncSource['committed'] = {
    min: proposals[0]?.zxid ?? null,
    max: proposals.at(-1)?.zxid ?? null,
    *from(zxid) {
      yield* proposals.filter((proposal) => proposal.zxid >= zxid);
    },
  };
  return { ...historyOf(last, [], disk), committed: log };
}

function shown({ op, zxid, proposals }: SyncPlan): string {
  const txns = proposals.map((proposal) => zxidText(proposal.zxid)).join(' ');
  return `${op} ${zxidText(zxid)}${txns === '' ? '' : `; ${txns}`}`;
}
