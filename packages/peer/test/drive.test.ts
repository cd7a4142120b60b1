import { describe, expect, test } from 'vitest';
import { MemoryDisk, MemoryStore } from '@zk/store';
import { drive } from '../src/drive.ts';
import type { Driven, Running } from '../src/drive.ts';
import type { Input, World } from '../src/world.ts';

/** A world whose store and alarm go off when the test says so. */
function stillWorld() {
  const alarms: { deadline: number; fire: () => void }[] = [];
  const storeWork: (() => void)[] = [];
  const world: World = {
    clock: { now: () => 0, wallTime: () => 0 },
    random: { next: () => 0 },
    timer: { arm: (deadline, fire) => void alarms.push({ deadline, fire }), disarm: () => void alarms.push({ deadline: Infinity, fire: () => {} }) },
    store: new MemoryStore(new MemoryDisk(), (run) => void storeWork.push(run)),
    electors: { send: () => {} },
    learners: { listen: () => {}, unlisten: () => {}, dial: () => {} },
    trace: () => {},
    fatal: () => {},
  };
  return { world, alarms, storeWork };
}

/** A peer made of two functions. */
function driven(world: World, step: (input: Input) => void, deadline: () => number = () => Infinity): Running<Driven> {
  return drive(() => ({ step, nextDeadline: deadline }), world);
}

describe('the loop', () => {
  test('lets an input that arrives mid-step wait its turn', () => {
    const order: string[] = [];
    const running = driven(stillWorld().world, (input) => {
      order.push(`${input.kind} begins`);
      if (input.kind === 'start') running.feed({ kind: 'tick' });
      order.push(`${input.kind} ends`);
    });
    running.feed({ kind: 'start' });
    expect(order).toEqual(['start begins', 'start ends', 'tick begins', 'tick ends']);
  });

  test('brings store callbacks back as inputs', () => {
    const { world, storeWork } = stillWorld();
    const seen: string[] = [];
    let looped = world;
    const running = drive(
      (given) => {
        looped = given;
        return {
          nextDeadline: () => Infinity,
          step: (input) => {
            seen.push(input.kind);
            if (input.kind === 'stored') input.run();
          },
        };
      },
      world,
    );
    running.feed({ kind: 'start' });
    looped.store.flush(() => seen.push('flushed'));
    expect(seen).toEqual(['start']);
    for (const run of storeWork.splice(0)) run();
    expect(seen).toEqual(['start', 'stored', 'flushed']);
  });

  test('has an alarm no later than the next deadline', () => {
    const { world, alarms } = stillWorld();
    const inputs: string[] = [];
    let deadline = 100;
    const running = driven(world, (input) => void inputs.push(input.kind), () => deadline);
    running.feed({ kind: 'start' });
    deadline = 200; // put off: the alarm stays
    running.feed({ kind: 'start' });
    expect(alarms.map((alarm) => alarm.deadline)).toEqual([100]);
    alarms[0]?.fire();
    expect(inputs).toEqual(['start', 'start', 'tick']);
    deadline = 150; // earlier
    running.feed({ kind: 'start' });
    deadline = Infinity; // nothing to wait for
    running.feed({ kind: 'start' });
    expect(alarms.map((alarm) => alarm.deadline)).toEqual([100, 200, 150, Infinity]);
  });

  test('dates alike what came together, sets the alarm once behind it, and reads the clock anew for what comes next', () => {
    let ms = 0;
    const { world, alarms } = stillWorld();
    const ticking: World = { ...world, clock: { now: () => ++ms, wallTime: () => 1000 + ++ms } };
    const seen: number[] = [];
    let asked = 0;
    let clock = ticking.clock;
    const running = drive((given) => {
      clock = given.clock;
      return { step: () => void seen.push(clock.now(), clock.wallTime(), clock.now()), nextDeadline: () => (asked++, 500) };
    }, ticking);
    running.together(() => {
      running.feed({ kind: 'start' });
      running.feed({ kind: 'tick' });
      expect(asked).toBe(0);
    });
    expect(seen).toEqual([1, 1002, 1, 1, 1002, 1]);
    expect([asked, alarms.length]).toEqual([1, 1]);
    running.feed({ kind: 'tick' });
    expect(seen.slice(6)).toEqual([3, 1004, 3]);
    expect([clock.now(), clock.now()]).toEqual([5, 6]); // outside of a step it is a clock like every other
  });

  test('has a clock that can be read anew during a step, and goes on from there', () => {
    let ms = 0;
    const { world } = stillWorld();
    const seen: (number | undefined)[] = [];
    const running = drive(({ clock }) => ({
      step: () => void seen.push(clock.now(), clock.readAnew?.(), clock.now()),
      nextDeadline: () => Infinity,
    }), { ...world, clock: { now: () => ++ms, wallTime: () => 0 } });
    running.feed({ kind: 'start' });
    expect(seen).toEqual([1, 2, 2]);
  });

  test('goes on with single inputs when those that came together end in an error', () => {
    const { world } = stillWorld();
    let asked = 0;
    const running = driven(world, () => {}, () => (asked++, Infinity));
    expect(() => running.together(() => {
      throw new Error('a frame that is too long');
    })).toThrow('too long');
    running.feed({ kind: 'start' });
    expect(asked).toBe(2);
  });
});
