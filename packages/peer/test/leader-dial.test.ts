import { describe, expect, test } from 'vitest';
import { asSid } from '@zk/protocol';
import type { ServerSpec } from '@zk/protocol';
import { MemoryStore } from '@zk/store';
import { peerConfig } from '../src/config.ts';
import { LeaderDial } from '../src/leader-dial.ts';
import type { World } from '../src/world.ts';

const sid = asSid(3n);
const spec: ServerSpec = { sid, addresses: [], role: 'participant', client: null, clientInText: false };

function dialing(settings: { tickTime: number; initLimit: number }, delayMs = 0) {
  const clock = { ms: 0 };
  const budgets: number[] = [];
  const world: World = {
    clock: { now: () => clock.ms, wallTime: () => clock.ms },
    random: { next: () => 0 },
    timer: { arm: () => {}, disarm: () => {} },
    store: new MemoryStore(),
    electors: { send: () => {} },
    learners: { listen: () => {}, unlisten: () => {}, dial: (_sid, _spec, timeoutMs) => void budgets.push(timeoutMs) },
    trace: () => {},
    fatal: () => {},
  };
  const dial = new LeaderDial(peerConfig({ sid: asSid(1n), ensemble: null, ...settings }), world, () => spec, delayMs);
  const at = (ms: number): void => {
    clock.ms = ms;
    dial.tick(ms);
  };
  return { dial, at, budgets };
}

describe('dialing the leader (quorum.md 6.3)', () => {
  test('is tried again soon, then at the usual pace, each time within what is left of the budget (ZOOKEEPER-3398)', () => {
    const { dial, at, budgets } = dialing({ tickTime: 1000, initLimit: 10 });
    const attempts = [0, 5, 15, 35, 75, 155, 255, 355, 455, 555];
    for (const [index, ms] of attempts.entries()) {
      at(ms);
      expect(dial.nextDeadline()).toBe(Infinity); // the answer comes from the world
      const next = attempts[index + 1];
      expect(dial.failed()).toBe(next !== undefined);
      if (next !== undefined) expect(dial.nextDeadline()).toBe(next);
    }
    expect(budgets).toEqual(attempts.map((ms) => 10_000 - ms));
  });

  test('ends with the budget, however few attempts there were', () => {
    const { dial, at, budgets } = dialing({ tickTime: 100, initLimit: 3 });
    at(0);
    expect(dial.failed()).toBe(true);
    at(100);
    at(297); // the second attempt took that long
    expect(dial.failed()).toBe(false);
    expect(budgets).toEqual([300, 200]);
  });

  test('waits first where it is told to', () => {
    const { dial, at, budgets } = dialing({ tickTime: 1000, initLimit: 10 }, 50);
    at(0);
    expect(budgets).toEqual([]);
    expect(dial.nextDeadline()).toBe(50);
    at(50);
    expect(budgets).toEqual([10_000]);
  });
});
