import { describe, expect, test } from 'vitest';
import { Rng, Scheduler, simulate } from '../src/index.ts';

/** Everything that happens under a seed, in order. */
function transcriptOf(seed: number): string[] {
  const lines: string[] = [];
  simulate(seed, { faultsForMs: 3_000, transcript: (line) => lines.push(line) });
  return lines;
}

describe('one seed is one history', () => {
  test.each([1, 2, 3, 4])('seed %i, twice: the same, line by line', (seed) => {
    const first = transcriptOf(seed);
    expect(first.length).toBeGreaterThan(50);
    expect(transcriptOf(seed)).toEqual(first);
  });

  test('another seed is another one', () => {
    expect(transcriptOf(5)).not.toEqual(transcriptOf(6));
  });
});

describe('chance', () => {
  test('is the same for the same seed, and stays within its bounds', () => {
    const [one, other] = [new Rng(42), new Rng(42)];
    for (let i = 0; i < 1000; i++) {
      const drawn = one.between(3, 7);
      expect(other.between(3, 7)).toBe(drawn);
      expect(drawn).toBeGreaterThanOrEqual(3);
      expect(drawn).toBeLessThanOrEqual(7);
    }
  });

  test('a part of it does not shift when another part draws more', () => {
    const [one, other] = [new Rng(42), new Rng(42)];
    const [a, b] = [one.fork(), other.fork()];
    for (let i = 0; i < 10; i++) one.next();
    expect(a.next()).toBe(b.next());
  });
});

describe('time', () => {
  test('goes from event to event, in the order of their times and of their making', () => {
    const scheduler = new Scheduler();
    const told: string[] = [];
    const tell = (what: string) => () => void told.push(`${scheduler.now} ${what}`);
    scheduler.after(5, tell('late'));
    scheduler.after(1, tell('first'));
    scheduler.after(1, tell('second'));
    scheduler.after(3, tell('never')).cancel();
    scheduler.run(10);
    expect(told).toEqual(['1 first', '1 second', '5 late']);
    expect(scheduler.now).toBe(10);
  });

  test('stops when what was waited for has come, or when it has not', () => {
    const scheduler = new Scheduler();
    let come = false;
    scheduler.after(5, () => (come = true));
    expect(scheduler.runUntil(() => come, 3)).toBe(false);
    expect(scheduler.now).toBe(3);
    expect(scheduler.runUntil(() => come, 100)).toBe(true);
    expect(scheduler.now).toBe(5);
  });
});
