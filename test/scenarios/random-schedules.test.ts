import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulate } from '@zk/simulator';
import { nextTurn } from '../support/next-turn.ts';

// Any ensemble, any clients, any schedule of crashes, partitions and slow disks: no rule of quorum.md section 18 is ever
// broken, and when the faults stop it recovers. The seed is the counterexample.
const RUNS = Number(process.env['ZK_SIMULATIONS'] ?? 200);

test(`${RUNS} random schedules keep every promise`, { timeout: 300_000 }, async () => {
  const chosen = process.env['ZK_SEED'];
  const seeds = chosen === undefined ? fc.integer({ min: 1, max: 0x7fffffff }) : fc.constant(Number(chosen));
  let acknowledged = 0;
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      await nextTurn();
      const result = simulate(seed, { faultsForMs: 10_000 });
      if (result.violation) throw new Error(`${result.violation.message}\n\nrepeat it: npm run simulate -- --seed ${seed} --seconds 10`);
      acknowledged += result.acknowledged;
    }),
    // Seeds do not shrink: a smaller seed is not a simpler one.
    { numRuns: chosen === undefined ? RUNS : 1, seed: 2026, endOnFailure: true },
  );
  expect(acknowledged).toBeGreaterThan(0);
});
