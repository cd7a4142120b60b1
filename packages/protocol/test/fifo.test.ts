import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../src/fifo.ts';

const step = fc.oneof(
  { weight: 5, arbitrary: fc.nat(1000).map((item) => ({ kind: 'push', item }) as const) },
  { weight: 4, arbitrary: fc.constant({ kind: 'shift' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'pop' } as const) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((times) => ({ kind: 'burst', times }) as const) },
);

test('a queue is what an array is that is pushed to, shifted and popped', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const each of steps) {
        if (each.kind === 'push') (fifo.push(each.item), model.push(each.item));
        else if (each.kind === 'shift') expect(fifo.shift()).toBe(model.shift());
        else if (each.kind === 'pop') expect(fifo.pop()).toBe(model.pop());
        else for (let i = 0; i < each.times; i++) (fifo.push(i), model.push(i));
        expect(fifo.length).toBe(model.length);
        expect([fifo.first, fifo.last]).toEqual([model[0], model.at(-1)]);
        expect([fifo.at(-1), fifo.at(model.length)]).toEqual([undefined, undefined]);
        expect(model.map((_, index) => fifo.at(index))).toEqual(model);
        expect([...fifo]).toEqual(model);
      }
    }),
  );
});

test('a queue that has run empty after a long time forgets what it needed', () => {
  const fifo = new Fifo<number>();
  for (let i = 0; i < 10_000; i++) fifo.push(i);
  for (let i = 0; i < 10_000; i++) expect(fifo.shift()).toBe(i);
  expect([fifo.length, fifo.first, fifo.shift(), fifo.pop()]).toEqual([0, undefined, undefined, undefined]);
  fifo.push(1);
  expect([...fifo]).toEqual([1]);
});
