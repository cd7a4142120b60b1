import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { modeOf } from '../support/four-letter-word.ts';
import { apache39, ours } from '../support/implementations.ts';
import { isListening } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { expectAgreement, serverOf } from './agreement.ts';

// An Apache leader changes who the members are, with ours among them. Ours proposes no reconfig itself.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const connect = (member: Member): Promise<ZooKeeper> => ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });
const lineOf = (m: Member, role: string): string => `server.${m.sid}=127.0.0.1:${m.quorumPort}:${m.electionPort}:${role};127.0.0.1:${m.clientPort}`;

/** Who joins later is in no list but its own, as an observer: two joiners must not elect each other (quorum.md 13.6). */
function makeJoiners(ensemble: Ensemble, joiners: readonly Member[]): void {
  for (const member of ensemble.members) {
    const kept = readFileSync(member.configFile, 'utf8').split('\n').filter((line) => !joiners.some(({ sid }) => line.startsWith(`server.${sid}=`)));
    const own = joiners.includes(member) ? [`server.${member.sid}=127.0.0.1:${member.quorumPort}:${member.electionPort}:observer`] : [];
    writeFileSync(member.configFile, [...kept, ...own, ''].join('\n'));
  }
}

/** Starts `leader` first, so that it leads, then the other members, then those who join. */
async function startInTurn(ensemble: Ensemble, leader: Member, joiners: readonly Member[]): Promise<void> {
  const others = ensemble.members.filter((member) => member !== leader && !joiners.includes(member));
  ensemble.startMember(leader);
  await until('the leader to be on its election port', () => isListening(leader.electionPort));
  for (const member of others) ensemble.startMember(member);
  expect(await ensemble.settled()).toBe(leader);
  for (const member of joiners) ensemble.startMember(member);
  await ensemble.settled();
}

/** The servers of the configuration in force at that member: `1:participant 4:observer`. */
async function membersAt(member: Member): Promise<string> {
  const client = await connect(member);
  const { config } = await client.getConfig();
  await client.close();
  return [...config.matchAll(/^server\.(\d+)=[^;\n]*:(participant|observer)/gm)].map(([, sid, role]) => `${sid}:${role}`).join(' ');
}

async function createThrough(member: Member, path: string): Promise<void> {
  const client = await connect(member);
  await client.create(path);
  await client.close();
}

const RECONFIGURABLE = { extra: ['reconfigEnabled=true', 'skipACL=yes'] };

test('ours joins an Apache ensemble as an observer, becomes a voter, leads it, and follows a leader that a reconfig removes', async () => {
  zk = await Ensemble.create({ implementations: [apache39, apache39, apache39, ours], ...RECONFIGURABLE });
  const [first, , third, fourth] = zk.members as [Member, Member, Member, Member];
  makeJoiners(zk, [fourth]);
  await startInTurn(zk, third, [fourth]);

  const client = await ZooKeeper.connect(serverOf(first), { sessionTimeoutMs: 10_000 });
  await client.reconfig({ joining: lineOf(fourth, 'observer') });
  await until('ours observing', async () => (await modeOf(fourth.clientPort)) === 'observer');
  expect(await membersAt(fourth)).toBe('1:participant 2:participant 3:participant 4:observer');
  await client.reconfig({ joining: lineOf(fourth, 'participant') });
  await until('ours following', async () => (await modeOf(fourth.clientPort)) === 'follower');
  expect(await membersAt(fourth)).toBe('1:participant 2:participant 3:participant 4:participant');
  expect(existsSync(`${fourth.configFile}.dynamic.next`)).toBe(false);

  await zk.kill(third); // three of four remain: ours is needed, and leads, having the highest id
  expect(await zk.settled()).toBe(fourth);
  await createThrough(first, '/led-by-ours');
  zk.startMember(third);
  await zk.settled();

  await zk.kill(fourth, 'SIGTERM');
  expect(await zk.settled()).toBe(third);
  zk.startMember(fourth); // from the files that it wrote itself
  await zk.settled();
  expect(await membersAt(fourth)).toBe('1:participant 2:participant 3:participant 4:participant');

  const throughOurs = await connect(fourth);
  const { config } = await throughOurs.reconfig({ leaving: '3' }); // the leader: another one is designated, and followed without an election
  expect(config).toMatch(/^server\.1=.*\nserver\.2=.*\nserver\.4=.*\nversion=[0-9a-f]+$/);
  await throughOurs.close();
  await zk.kill(third);
  await zk.settled();
  for (const member of zk.running) expect(await membersAt(member)).toBe('1:participant 2:participant 4:participant');
  await createThrough(fourth, '/without-the-third');
  await client.close();
  await expectAgreement(zk);
});

test('ours is designated to lead by an Apache leader that a reconfig removes, and leads without an election', async () => {
  zk = await Ensemble.create({ implementations: [ours, apache39, apache39], ...RECONFIGURABLE });
  const [first, second, third] = zk.members as [Member, Member, Member];
  await startInTurn(zk, third, []);
  const before = first.process?.output.length;
  const client = await connect(first); // an Apache follower hangs up on its clients before it has answered
  await client.reconfig({ leaving: '3' }); // both others have to agree, and the lower id is chosen
  await zk.kill(third);
  expect(await zk.settled()).toBe(first);
  expect(first.process?.output.slice(before)).toMatch(/"leader":1,[^\n]*"electionEpoch":-1,[^\n]*"msg":"elected"/);
  expect(first.process?.output.slice(before)).not.toContain('"msg":"looking"');
  await createThrough(second, '/led-by-ours');
  await client.close();
  await expectAgreement(zk);
});

test('a reconfig that its leader did not live to activate counts in the election, and is completed by ours', async () => {
  zk = await Ensemble.create({ implementations: [apache39, ours, apache39, apache39, apache39], ...RECONFIGURABLE });
  const [first, second, third, fourth, fifth] = zk.members as [Member, Member, Member, Member, Member];
  makeJoiners(zk, [fourth, fifth]);
  const asJoiner = readFileSync(fourth.configFile);
  await startInTurn(zk, third, [fourth, fifth]);
  await createThrough(first, '/before');

  // Only the leader and ours can log the proposal: a quorum of the three, not of the five.
  for (const member of [first, fourth, fifth]) member.process?.signal('SIGSTOP');
  const client = await connect(third);
  const never = client.reconfig({ joining: [fourth, fifth].map((m) => lineOf(m, 'participant')).join(',') }).catch((error: unknown) => error);
  await until('ours knows what was proposed', () => existsSync(`${second.configFile}.dynamic.next`));
  for (const member of [third, fourth, fifth]) await zk.kill(member);
  first.process?.signal('SIGCONT');
  expect(await never).toMatchObject({ code: 'CONNECTIONLOSS' });
  await client.close().catch(() => {});

  // Two of the three, but two of the five as well: nobody leads until a third is there.
  await until('both looking for a leader', async () => {
    const modes = await Promise.all([first, second].map((m) => modeOf(m.clientPort)));
    return modes.every((mode) => mode === undefined) && /waiting for other members/.test(second.process?.output ?? '');
  });
  await zk.kill(second);
  zk.startMember(second); // also after a restart
  await until('ours waiting again', () => /waiting for other members/.test(second.process?.output ?? ''));
  expect(await modeOf(second.clientPort)).toBeUndefined();

  writeFileSync(fourth.configFile, asJoiner); // Apache wrote itself out of it, and would not start
  zk.startMember(fourth);
  expect(await zk.settled()).toBe(second); // with the longest history
  for (const member of zk.running) {
    expect(await membersAt(member)).toBe('1:participant 2:participant 3:participant 4:participant 5:participant');
  }
  expect(existsSync(`${second.configFile}.dynamic.next`)).toBe(false);
  await createThrough(first, '/completed');
  zk.startMember(third);
  await zk.settled();
  await expectAgreement(zk);
});
