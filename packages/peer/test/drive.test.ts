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
});
