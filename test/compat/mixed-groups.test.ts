import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { modeOf } from '../support/four-letter-word.ts';
import { apache39, ours } from '../support/implementations.ts';
import { isListening } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { expectAgreement, serverOf } from './agreement.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

// Two of three groups decide; in the first one server 1 outweighs server 2; the fourth does not count at all (quorum.md 1.3).
const GROUPS = ['group.1=1:2', 'group.2=3', 'group.3=4', 'group.4=5:6', 'weight.1=2', 'weight.2=1', 'weight.3=1', 'weight.4=1', 'weight.5=0', 'weight.6=0'];

async function createThrough(member: Member, path: string): Promise<void> {
  const client = await ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });
  await client.create(path);
  await client.close();
}

/** Ours at 1, 4 and 6, so that each kind leads, is outweighed, and weighs nothing. */
test('groups of different weight, in an ensemble of both kinds: who leads, and which quorums survive', async () => {
  zk = await Ensemble.create({ implementations: [ours, apache39, apache39, ours, apache39, ours], extra: GROUPS });
  const ensemble = zk;
  const [first, second, third, fourth, fifth, sixth] = zk.members as [Member, Member, Member, Member, Member, Member];
  const nobodyServes = (): Promise<boolean> =>
    until('nobody serving', async () => (await Promise.all(ensemble.running.map((m) => modeOf(m.clientPort)))).every((mode) => mode === undefined));

  zk.startMember(fourth);
  await until('the fourth on its election port', () => isListening(fourth.electionPort));
  for (const member of zk.members) if (member !== fourth) zk.startMember(member);
  expect(await zk.settled()).toBe(fourth); // the highest id of those with a weight
  await createThrough(sixth, '/all');

  await zk.kill(fourth);
  expect(await zk.settled()).toBe(third);
  await zk.kill(second);
  await createThrough(fifth, '/first-and-third'); // 2 of 3 in the first group, and the second group

  await zk.kill(third); // one group of three, and those without a weight
  await nobodyServes();
  zk.startMember(fourth);
  const leader = await zk.settled(); // with server 1, which has seen more
  expect(leader).toBe(first);
  await createThrough(fourth, '/first-and-fourth');

  await zk.kill(first);
  zk.startMember(second); // 1 of 3 in the first group is not enough
  await nobodyServes();
  zk.startMember(third);
  await zk.settled();
  await createThrough(second, '/second-does-not-matter');
  zk.startMember(first);
  await zk.settled();
  await expectAgreement(zk);
});
