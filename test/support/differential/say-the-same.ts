import fc from 'fast-check';
import { expect } from 'vitest';
import { differences } from './compare.ts';
import type { Stage, Step } from './play.ts';
import { digestOf, SUPER_USER } from './sequences.ts';

/** One server of each kind. */
export interface Stages {
  readonly ours: Stage;
  readonly apache: Stage;
}

/** No sequence waits for time to pass: sessions outlive it, and nothing is reaped meanwhile. */
export const SETTINGS = [
  'tickTime=2000', 'minSessionTimeout=30000', 'maxSessionTimeout=60000', 'forceSync=no', `DigestAuthenticationProvider.superDigest=${digestOf(SUPER_USER)}`,
];
/** What zoo.cfg cannot say. */
export const DEFINES = ['znode.container.checkIntervalMs=86400000'];

/** ZK_SEED and ZK_RUNS: other sequences, or more of them, than every run of the suite plays. */
const SEED = Number(process.env['ZK_SEED'] ?? 20_240_917);
export const RUNS = Number(process.env['ZK_RUNS'] ?? 300);

/** Plays `RUNS` sequences to both; what they say differently is shrunk to a few steps, and is the message of the error. */
export async function saysTheSame(stages: Stages, sequences: fc.Arbitrary<Step[]>): Promise<void> {
  let played = 0;
  const property = fc.asyncProperty(sequences, async (steps) => {
    played++;
    const [here, there] = await Promise.all([stages.ours.play(steps), stages.apache.play(steps)]);
    expect(differences(steps, here, there)).toBe('');
  });
  await fc.assert(property, { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 500_000, markInterruptAsFailure: true });
  expect(played).toBeGreaterThanOrEqual(RUNS);
}
