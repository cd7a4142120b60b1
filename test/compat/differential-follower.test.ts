import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../support/differential/play.ts';
import { DEFINES, RUNS, saysTheSame, SETTINGS, type Stages } from '../support/differential/say-the-same.ts';
import { sequencesForFollowers } from '../support/differential/sequences.ts';
import { Ensemble, type Implementation } from '../support/ensemble.ts';
import { apache39With, oursWith } from '../support/implementations.ts';

let ours: Ensemble;
let theirs: Ensemble;
let stages: Stages;

const threeOf = (server: Implementation): Promise<Ensemble> =>
  Ensemble.start({ implementations: [server, server, server], extra: SETTINGS.filter((line) => !line.startsWith('tickTime')), tickTime: 2000 });

/** The client port of server 1, which follows: the last one started first. */
async function followerOf(ensemble: Ensemble): Promise<number> {
  expect((await ensemble.settled()).sid).toBe(3);
  return ensemble.member(1).clientPort;
}

beforeAll(async () => {
  const defines = DEFINES.map((each) => `-D${each}`);
  [ours, theirs] = await Promise.all([threeOf(oursWith(...defines)), threeOf(apache39With(...defines))]);
  stages = { ours: await Stage.open(await followerOf(ours)), apache: await Stage.open(await followerOf(theirs)) };
});
afterAll(async () => {
  stages.ours.close();
  stages.apache.close();
  await Promise.all([ours.stop(), theirs.stop()]);
});

test(`a follower of ours and one of Apache’s say the same, ${RUNS} times`, { timeout: 600_000 }, () => saysTheSame(stages, sequencesForFollowers));
