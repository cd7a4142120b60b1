import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { apache39, ours } from '../support/implementations.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { expectAgreement, serverOf } from './agreement.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const connect = (member: Member): Promise<ZooKeeper> => ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });

/** The port is the same on every server, so each needs an address of its own. */
function giveAddresses(ensemble: Ensemble): void {
  for (const { configFile } of ensemble.members) {
    writeFileSync(configFile, readFileSync(configFile, 'utf8').replace(/^server\.(\d+)=127\.0\.0\.1:/gm, 'server.$1=127.0.0.$1:'));
  }
}

async function observersOf(member: Member): Promise<number> {
  return Number(/^zk_synced_observers\t(\d+)$/m.exec(await fourLetterWord(member.clientPort, 'mntr'))?.[1] ?? 0);
}

/** The running Apache server that our observer is connected to, and that serves clients again. */
async function masterIn(ensemble: Ensemble): Promise<Member> {
  await ensemble.settled();
  return until('a server with an observer', async () => {
    const voters = ensemble.running.filter((member) => member.implementation === apache39);
    const counts = await Promise.all(voters.map(observersOf));
    return voters[counts.indexOf(1)];
  });
}

/** As masterIn(), and a follower: an observer that came before they were ready, and found the leader alone, begins again. */
async function followerIn(ensemble: Ensemble, leader: Member, observer: Member): Promise<Member> {
  for (let master = await masterIn(ensemble); ; master = await masterIn(ensemble)) {
    if (master !== leader) return master;
    await ensemble.kill(observer, 'SIGTERM');
    ensemble.startMember(observer);
  }
}

/** What goes through a master: writes, syncs, watches, a session from elsewhere, ephemerals. */
async function exercise(observer: Member, voter: Member, root: string): Promise<void> {
  const [near, far] = [await connect(observer), await connect(voter)];
  const seen: string[] = [];
  await near.create(root, 'v1');
  await near.getData(root, { watch: ({ type }) => seen.push(type) });
  await far.sync(root);
  await far.setData(root, 'v2');
  await until('the watch on the observer', () => seen.length === 1);
  await near.sync(root);
  expect(String((await near.getData(root)).data)).toBe('v2');
  await far.create(`${root}/ephemeral`, null, { mode: 'ephemeral' });
  const moved = await ZooKeeper.connect(serverOf(observer), { sessionTimeoutMs: 10_000, session: { id: far.sessionId, password: far.sessionPassword } });
  expect(await moved.getEphemerals()).toEqual([`${root}/ephemeral`]);
  await moved.close();
  await near.sync(root);
  expect(await near.exists(`${root}/ephemeral`)).toBeNull();
  await near.close();
}

test('an observer of ours is served by an Apache follower, and by another one when that is gone', async () => {
  const [port] = await freePorts(1);
  zk = await Ensemble.create({ implementations: [apache39, apache39, apache39, ours], observers: [4], extra: [`observerMasterPort=${port}`] });
  giveAddresses(zk);
  for (const member of zk.members) zk.startMember(member);
  const leader = await zk.settled();
  const observer = zk.member(4);
  const master = await followerIn(zk, leader, observer);
  await exercise(observer, leader, '/first');

  const client = await connect(observer);
  await client.create('/alive', null, { mode: 'ephemeral' });
  await zk.kill(master);
  expect(await followerIn(zk, leader, observer)).not.toBe(master);
  await client.create('/after-the-loss-of-a-master');
  zk.startMember(master);
  await zk.settled();

  await zk.kill(leader); // the followers leave their roles, and with them their observers
  await masterIn(zk);
  await client.create('/after-the-loss-of-the-leader');
  await client.sync('/');
  expect(await client.exists('/alive')).not.toBeNull();
  zk.startMember(leader);
  await zk.settled();
  await exercise(observer, leader, '/second');
  await expectAgreement(zk);
  await client.close();
});
