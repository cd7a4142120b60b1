import { afterEach, describe, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Implementation, type Member } from '../support/ensemble.ts';
import { apache39, ours } from '../support/implementations.ts';
import { expectAgreement, serverOf } from './agreement.ts';

// What zoo.cfg can change about an ensemble, with servers of both kinds in it.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const connect = (member: Member): Promise<ZooKeeper> => ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });

const mixes: [string, Implementation[]][] = [
  ['ours leads two Apache 3.9.5', [apache39, apache39, ours]],
  ['Apache 3.9.5 leads two of ours', [ours, ours, apache39]],
];

describe.each(mixes)('%s', (_title, implementations) => {
  test('local sessions: an ephemeral makes them global, and goes with them', async () => {
    const extra = ['localSessionsEnabled=true', 'localSessionsUpgradingEnabled=true'];
    zk = await Ensemble.start({ implementations, extra });
    const clients = await Promise.all(zk.members.map(connect));
    for (const [i, client] of clients.entries()) {
      await client.create(`/persistent${i}`); // by a local session still
      await client.create(`/ephemeral${i}`, null, { mode: 'ephemeral' });
    }
    for (const client of clients) {
      await client.sync('/');
      const { children } = await client.getChildren('/');
      expect(children.filter((name) => name.startsWith('ephemeral')).sort()).toEqual(['ephemeral0', 'ephemeral1', 'ephemeral2']);
    }
    await Promise.all(clients.map((client) => client.close()));
    const tree = await expectAgreement(zk);
    expect([...tree.keys()].filter((path) => /^\/(eph|per)/.test(path)).sort()).toEqual(['/persistent0', '/persistent1', '/persistent2']);
  });

  test('a fourth member whose name does not resolve holds nobody up', async () => {
    zk = await Ensemble.start({ implementations, extra: ['server.4=no-such-host.invalid:2888:3888'] });
    const client = await connect(zk.members[0] as Member);
    await client.create('/with-three-of-four');
    await client.close();
    await expectAgreement(zk);
  });
});

describe.each<[string, Implementation[]]>([
  ['ours leads', [apache39, ours, apache39]],
  ['Apache 3.9.5 leads', [ours, apache39, ours]],
])('weights, where %s', (_title, implementations) => {
  test('a member of weight 0 neither leads nor is missed', async () => {
    zk = await Ensemble.create({ implementations, extra: ['group.1=1:2:3', 'weight.1=1', 'weight.2=1', 'weight.3=0'] });
    for (const member of zk.members) zk.startMember(member);
    expect((await zk.settled()).sid).toBe(2);
    const third = zk.member(3);
    await zk.kill(third);
    const client = await connect(zk.member(1));
    await client.create('/without-the-third');
    zk.startMember(third);
    await zk.settled();
    await client.close();
    await expectAgreement(zk);
  });
});

test('leaderServes=no: ours leads and takes no clients, who are served by Apache 3.9.5', async () => {
  zk = await Ensemble.start({ implementations: [apache39, apache39, ours], extra: ['leaderServes=no'] });
  const [first, second, leader] = zk.members as [Member, Member, Member];
  const client = await connect(first);
  await client.create('/through-a-follower', 'v1');
  const other = await connect(second);
  await other.sync('/');
  expect(String((await other.getData('/through-a-follower')).data)).toBe('v1');
  await expect(ZooKeeper.connect(serverOf(leader), { sessionTimeoutMs: 2000 })).rejects.toThrow();
  await Promise.all([client.close(), other.close()]);
});
