import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../support/differential/compare.ts';
import { KNOWN_DIFFERENCES } from '../support/differential/known-differences.ts';
import { Stage } from '../support/differential/play.ts';
import { digestOf, sequences, SUPER_USER } from '../support/differential/sequences.ts';
import { Ensemble } from '../support/ensemble.ts';
import { apache39With } from '../support/implementations.ts';
import { startInProcess, type InProcessServer } from '../support/in-process.ts';

// No sequence waits for time to pass: sessions outlive it, and nothing is reaped meanwhile.
const COMMON = ['tickTime=2000', 'minSessionTimeout=30000', 'maxSessionTimeout=60000', 'forceSync=no', `DigestAuthenticationProvider.superDigest=${digestOf(SUPER_USER)}`];
const DEFINES = ['znode.container.checkIntervalMs=86400000'];

/** ZK_SEED and ZK_RUNS: other sequences, or more of them, than every run of the suite plays. */
const SEED = Number(process.env['ZK_SEED'] ?? 20_240_917);
const RUNS = Number(process.env['ZK_RUNS'] ?? 300);

describe.each([
  ['as it comes', []],
  ['with TTL nodes, enforced quotas and reconfig', ['extendedTypesEnabled=true', 'enforceQuota=true', 'reconfigEnabled=true']],
])('our server and Apache 3.9.5, %s', (_name, settings) => {
  let ours: InProcessServer;
  let theirs: Ensemble;
  let stages: { ours: Stage; apache: Stage };

  beforeAll(async () => {
    const lines = [...COMMON, ...settings];
    [ours, theirs] = await Promise.all([
      startInProcess(lines, DEFINES),
      Ensemble.start({ implementations: [apache39With(...DEFINES.map((each) => `-D${each}`))], extra: lines, tickTime: 2000 }),
    ]);
    const [member] = theirs.members;
    stages = { ours: await Stage.open(ours.port), apache: await Stage.open(member?.clientPort ?? 0) };
  });
  afterAll(async () => {
    stages.ours.close();
    stages.apache.close();
    await Promise.all([ours.stop(), theirs.stop()]);
  });

  test(`say the same, ${RUNS} times`, { timeout: 600_000 }, async () => {
    let played = 0;
    await fc.assert(
      fc.asyncProperty(sequences, async (steps) => {
        played++;
        const [here, there] = await Promise.all([stages.ours.play(steps), stages.apache.play(steps)]);
        expect(differences(steps, here, there)).toBe('');
      }),
      { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 500_000, markInterruptAsFailure: true },
    );
    expect(played).toBeGreaterThanOrEqual(RUNS);
  });

  const examples = KNOWN_DIFFERENCES.flatMap(({ request, example }) => (example ? [{ request, ...example }] : []));
  test.each(examples)('differ in this, on purpose: $request', async ({ steps, ours: here, apache: there }) => {
    const lastOf = async (stage: Stage): Promise<string> => {
      const heard = (await stage.play(steps)).get('c0') ?? [];
      return heard.filter(({ at }) => at === steps.length - 1).map(({ text }) => text).join(', ');
    };
    expect(await lastOf(stages.ours)).toMatch(here);
    expect(await lastOf(stages.apache)).toMatch(there);
  });
});
