import { afterEach, describe, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Implementation, type Member } from '../support/ensemble.ts';
import { apache38, apache39, ours } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { expectAgreement, serverOf } from './agreement.ts';

// One ensemble, two implementations. On a fresh ensemble the highest id leads, so the last of the list is the leader.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const connect = (member: Member): Promise<ZooKeeper> => ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });

/** Creates, a multi, watches across members, ephemerals, a session that moves from one kind of server to the other. */
async function exercise(ensemble: Ensemble, round: string): Promise<void> {
  const [first, second, third] = ensemble.running as [Member, Member, Member];
  const [a, b, c] = [await connect(first), await connect(second), await connect(third)];
  const root = `/${round}`;
  await a.create(root, 'root');
  await b.sync(root);
  const seen: string[] = [];
  await b.getChildren(root, { watch: (event) => seen.push(`${event.type} ${event.path}`) });
  await b.exists(`${root}/seq-0000000000`, { watch: (event) => seen.push(`${event.type} ${event.path}`) });
  await c.sync(root);
  const { path } = await c.create(`${root}/seq-`, 'from c', { mode: 'persistent-sequential' });
  expect(path).toBe(`${root}/seq-0000000000`);
  await until('both watches of b', () => seen.length === 2);
  expect(seen.sort()).toEqual([`NodeChildrenChanged ${root}`, `NodeCreated ${path}`]);

  const done = await a.multi([
    { op: 'check', path: root, version: 0 },
    { op: 'create', path: `${root}/m1`, data: '1' },
    { op: 'setData', path: root, data: 'multi' },
    { op: 'create', path: `${root}/m1/x`, data: null, mode: 'ephemeral' },
  ]);
  expect(done.map((result) => result.op)).toEqual(['check', 'create', 'setData', 'create']);
  const refused = await b.multi([{ op: 'create', path: `${root}/never` }, { op: 'delete', path: '/no-such' }]);
  expect(refused.map((result) => result.op)).toEqual(['error', 'error']);
  await expect(b.create(root)).rejects.toMatchObject({ code: 'NODEEXISTS' });
  await c.setAcl(path, [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]);
  await Promise.all(Array.from({ length: 100 }, (_, i) => [a, b, c][i % 3]?.create(`${root}/seq-`, String(i), { mode: 'persistent-sequential' })));
  await c.delete(path);

  // The session of `a` goes to another server, with its ephemeral; closing it there takes the ephemeral along.
  const moved = await ZooKeeper.connect(serverOf(third), {
    sessionTimeoutMs: 10_000,
    session: { id: a.sessionId, password: a.sessionPassword },
  });
  expect(await moved.getEphemerals()).toEqual([`${root}/m1/x`]);
  await moved.setData(`${root}/m1`, 'moved');
  await expectAgreement(ensemble);
  await moved.close();
  await b.sync(root);
  expect(await b.exists(`${root}/m1/x`)).toBeNull();
  await Promise.all([a.close(), b.close(), c.close()]);
}

const mixes: [string, Implementation[]][] = [
  ['Apache 3.9.5 leads one of its own and one of ours', [ours, apache39, apache39]],
  ['Apache 3.9.5 leads two of ours', [ours, ours, apache39]],
  ['ours leads two Apache 3.9.5', [apache39, apache39, ours]],
  ['ours leads one of its own and one Apache 3.9.5', [apache39, ours, ours]],
  ['Apache 3.8.0 leads two of ours', [ours, ours, apache38]],
  ['ours leads two Apache 3.8.0', [apache38, apache38, ours]],
];

describe('three servers of two kinds', () => {
  test.each(mixes)('%s', async (_title, implementations) => {
    zk = await Ensemble.start({ implementations });
    const leader = await zk.settled();
    expect(leader.sid).toBe(3);
    await exercise(zk, 'before');
    await zk.kill(leader);
    await zk.settled();
    const survivor = await connect(zk.running[0] as Member);
    await survivor.create('/while-away');
    await survivor.close();
    zk.startMember(leader); // it missed a few txns: DIFF
    await zk.settled();
    await exercise(zk, 'after');
    await expectAgreement(zk);
  });
});
