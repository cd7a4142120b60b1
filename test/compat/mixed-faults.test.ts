import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { modeOf } from '../support/four-letter-word.ts';
import { apache39, ours } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { missing, Writer } from '../support/writer.ts';
import { expectAgreement } from './agreement.ts';

// What happens to servers, in an ensemble of both kinds, under writes. More of it: ZK_MIXED_ROUNDS=200, and ZK_SEED for
// other choices; what the processes make of them is not in the seed.
const ROUNDS = Number(process.env['ZK_MIXED_ROUNDS'] ?? 6);
const SEED = Number(process.env['ZK_SEED'] ?? 1);

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

/** Small and good enough to choose faults by (Park and Miller's generator). */
function chooser(seed: number): <T>(choices: readonly T[]) => T {
  let state = seed;
  return (choices) => {
    state = (state * 48_271) % 2_147_483_647;
    return choices[state % choices.length] as NonNullable<(typeof choices)[number]>;
  };
}

interface Fault {
  readonly name: string;
  happens(ensemble: Ensemble, victim: Member): Promise<void>;
}

const exchange = (member: Member): void => {
  member.implementation = member.implementation === ours ? apache39 : ours;
};

const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9',
    async happens(ensemble, victim) {
      await ensemble.kill(victim);
      ensemble.startMember(victim);
    },
  },
  {
    name: 'kill -9 and exchange',
    async happens(ensemble, victim) {
      await ensemble.kill(victim);
      exchange(victim);
      ensemble.startMember(victim);
    },
  },
  {
    name: 'stop and exchange',
    async happens(ensemble, victim) {
      await ensemble.kill(victim, 'SIGTERM');
      exchange(victim);
      ensemble.startMember(victim);
    },
  },
  {
    name: 'freeze until the others have a leader',
    async happens(ensemble, victim) {
      victim.process?.signal('SIGSTOP');
      const others = ensemble.members.filter((member) => member !== victim);
      await until('another leader', async () => (await Promise.all(others.map((member) => modeOf(member.clientPort)))).includes('leader'));
      victim.process?.signal('SIGCONT');
    },
  },
  {
    name: 'all die, and half of them are exchanged',
    async happens(ensemble, victim) {
      await Promise.all(ensemble.members.map((member) => ensemble.kill(member)));
      for (const member of ensemble.members) {
        if ((member.sid + victim.sid) % 2 === 0) exchange(member);
        ensemble.startMember(member);
      }
    },
  },
];

test(`${ROUNDS} faults in an ensemble of both kinds, under writes (ZK_SEED=${SEED})`, { timeout: 60_000 + ROUNDS * 30_000 }, async () => {
  const choose = chooser(SEED);
  zk = await Ensemble.start({ implementations: [apache39, ours, apache39, ours], observers: [4] });
  const client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  await client.create('/w');
  await client.create('/alive', null, { mode: 'ephemeral' });
  const writer = new Writer(client, '/w').start();
  for (let round = 0; round < ROUNDS; round++) {
    await writer.reached(20);
    const victim = choose(zk.members);
    const fault = choose(FAULTS);
    const before = zk.members.map((member) => (member.implementation === ours ? 'ours' : 'Apache')).join(' ');
    console.log(`${round}: ${fault.name}, server.${victim.sid} of ${before}, ${writer.acknowledged.length} acknowledged`);
    await fault.happens(zk, victim);
    await zk.settled();
  }
  await writer.reached(20);
  await writer.stop();
  await client.sync('/');
  expect(await missing(client, ['/alive', ...writer.acknowledged])).toEqual([]);
  await client.close();
  await expectAgreement(zk);
});
