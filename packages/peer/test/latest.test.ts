import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Latest } from '../src/latest.ts';

const step = fc.record({ path: fc.nat(30).map((n) => `/${n}`), kind: fc.constantFrom('set', 'set', 'delete', 'many', 'clear') });

test('has what a Map has, also when it has forgotten thousands of paths in between', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const latest = new Latest<{ n: number }>();
      const model = new Map<string, { n: number }>();
      for (const [n, { path, kind }] of steps.entries()) {
        if (kind === 'set') (latest.set(path, { n }), model.set(path, { n }));
        else if (kind === 'delete') (latest.delete(path), model.delete(path));
        else if (kind === 'clear') (latest.clear(), model.clear());
        else for (let i = 0; i < 1500; i++) (latest.set(`/many/${n}/${i}`, { n }), latest.delete(`/many/${n}/${i}`));
        for (let i = 0; i <= 30; i++) expect(latest.get(`/${i}`)).toEqual(model.get(`/${i}`));
        expect(latest.get(`/many/${n}/0`)).toBeUndefined();
      }
    }),
    { numRuns: 50 },
  );
});
