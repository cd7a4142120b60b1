import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KNOWN_DIFFERENCES } from '../support/differential/known-differences.ts';
import { Stage } from '../support/differential/play.ts';
import { DEFINES, RUNS, saysTheSame, SETTINGS, type Stages } from '../support/differential/say-the-same.ts';
import { sequences } from '../support/differential/sequences.ts';
import { Ensemble } from '../support/ensemble.ts';
import { apache39With } from '../support/implementations.ts';
import { startInProcess, type InProcessServer } from '../support/in-process.ts';

describe.each([
  ['as it comes', []],
  ['with TTL nodes, enforced quotas and reconfig', ['extendedTypesEnabled=true', 'enforceQuota=true', 'reconfigEnabled=true']],
])('our server and Apache 3.9.5, %s', (_name, settings) => {
  let ours: InProcessServer;
  let theirs: Ensemble;
  let stages: Stages;

  beforeAll(async () => {
    const lines = [...SETTINGS, ...settings];
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

  test(`say the same, ${RUNS} times`, { timeout: 600_000 }, () => saysTheSame(stages, sequences));

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
