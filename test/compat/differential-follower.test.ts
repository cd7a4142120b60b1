import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from '../support/differential/play.ts';
import { DEFINES, RUNS, saysTheSame, SETTINGS, type Stages } from '../support/differential/say-the-same.ts';
import { sequencesForFollowers, sequencesOneByOne } from '../support/differential/sequences.ts';
import { Ensemble, type Implementation } from '../support/ensemble.ts';
import { apache39With, oursWith } from '../support/implementations.ts';

/** The client port of server 1, which follows: the last one is first up, and leads. */
async function followerOf(ensemble: Ensemble): Promise<number> {
  expect((await ensemble.settled()).sid).toBe(3);
  return ensemble.member(1).clientPort;
}

describe.each([
  ['as they come', [], sequencesForFollowers],
  ['with local sessions', ['localSessionsEnabled=true', 'localSessionsUpgradingEnabled=true'], sequencesForFollowers],
  // A refusal overtakes other replies: which ones is luck.
  ['with eager ACL checks', ['enableEagerACLCheck=true'], sequencesOneByOne],
])('a follower of ours and one of Apache’s, %s', (_name, settings, sequences) => {
  let ours: Ensemble;
  let theirs: Ensemble;
  let stages: Stages;

  beforeAll(async () => {
    const defines = DEFINES.map((each) => `-D${each}`);
    const extra = [...SETTINGS.filter((line) => !line.startsWith('tickTime')), ...settings];
    const threeOf = (server: Implementation): Promise<Ensemble> => Ensemble.start({ implementations: [server, server, server], extra, tickTime: 2000 });
    [ours, theirs] = await Promise.all([threeOf(oursWith(...defines)), threeOf(apache39With(...defines))]);
    stages = { ours: await Stage.open(await followerOf(ours)), apache: await Stage.open(await followerOf(theirs)) };
  });
  afterAll(async () => {
    stages.ours.close();
    stages.apache.close();
    await Promise.all([ours.stop(), theirs.stop()]);
  });

  test(`say the same, ${RUNS} times`, { timeout: 600_000 }, () => saysTheSame(stages, sequences));
});
