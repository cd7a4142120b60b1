import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { dumpTree, treeDifferences } from '../support/dump-tree.ts';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { oursWith, PROJECT_ROOT } from '../support/implementations.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';

// The AdminServer's snapshot and restore, on real servers.
let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const AUTH = { authorization: 'digest any:one' };
const APACHES = readFileSync(join(PROJECT_ROOT, 'packages/store/test/fixtures/java-3.9.5/snapshot.44'));
const serverOf = (member: Member): string => `127.0.0.1:${member.clientPort}`;
const connect = (member: Member): Promise<ZooKeeper> => ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 20_000 });

/** Servers with admin ports, in the order of their ids. */
async function start(count: number): Promise<number[]> {
  const ports = await freePorts(count);
  const implementations = ports.map((port) => oursWith('--set', 'admin.enableServer=true', '--set', `admin.serverPort=${port}`, '--set', 'admin.rateLimiterIntervalInMS=0'));
  zk = await Ensemble.start({ implementations });
  return ports;
}

async function snapshot(port: number): Promise<Buffer> {
  const answer = await fetch(`http://127.0.0.1:${port}/commands/snapshot`, { headers: AUTH });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

const restore = (port: number, body: Buffer): Promise<Response> => fetch(`http://127.0.0.1:${port}/commands/restore`, { method: 'POST', headers: AUTH, body, signal: AbortSignal.timeout(30_000) });

test('a standalone server goes back to its own snapshot, its clients reconnect, and a kill does not undo it', async () => {
  const [port = 0] = await start(1);
  const [server] = (zk as Ensemble).members as [Member];
  const client = await connect(server);
  await client.create('/kept', 'as it was');
  const before = await dumpTree(serverOf(server));
  const taken = await snapshot(port);
  await client.setData('/kept', 'changed');
  const { mzxid } = (await client.getData('/kept')).stat;
  await client.create('/later');
  const answer = await restore(port, taken);
  expect([answer.status, await answer.json()]).toEqual([200, { last_zxid: expect.any(Number) as number, command: 'restore', error: null }]);
  expect(String((await until('the client back', () => client.getData('/kept').catch(() => undefined)))?.data)).toBe('as it was');
  expect(await client.exists('/later')).toBeNull();
  expect((await client.setData('/kept', 'new life')).mzxid).toBeGreaterThan(mzxid);
  await client.setData('/kept', 'as it was');
  await client.close();

  await zk?.kill(server);
  zk?.startMember(server);
  await zk?.settled();
  const again = await connect(server);
  expect(await again.exists('/later')).toBeNull();
  expect(String((await again.getData('/kept')).data)).toBe('as it was');
  await again.close();
  expect([...(await dumpTree(serverOf(server))).keys()].sort()).toEqual([...before.keys()].sort());
}, 60_000);

test('what Apache has streamed is served', async () => {
  const [port = 0] = await start(1);
  const [server] = (zk as Ensemble).members as [Member];
  expect(await (await restore(port, APACHES)).json()).toEqual({ last_zxid: 0x44, command: 'restore', error: null });
  const client = await until('a client', () => connect(server).catch(() => undefined), 20_000);
  expect(String((await client.getData('/app')).data)).toBe('root of app');
  await client.close();
}, 60_000);

test('restoring the leader restores the ensemble; a follower says whom to ask', async () => {
  const ports = await start(3);
  const members = (zk as Ensemble).members;
  const leader = (await zk?.settled()) as Member;
  const client = await connect(leader);
  await client.create('/kept', 'as it was');
  const taken = await snapshot(ports[members.indexOf(leader)] as number);
  await client.create('/later');
  await client.close();
  const refused = await restore(ports[(members.indexOf(leader) + 1) % 3] as number, taken);
  expect([refused.status, await refused.json()]).toEqual([409, { command: 'restore', error: 'this server is following: restore the leader, the others get the tree from it' }]);
  const answer = await restore(ports[members.indexOf(leader)] as number, taken);
  expect(answer.status).toBe(200);
  await zk?.settled();
  const trees = new Map<string, Awaited<ReturnType<typeof dumpTree>>>();
  for (const member of members) trees.set(serverOf(member), await until('its tree', () => dumpTree(serverOf(member)).catch(() => undefined)));
  expect(treeDifferences(trees)).toEqual([]);
  const [tree] = [...trees.values()];
  expect([tree?.has('/kept'), tree?.has('/later')]).toEqual([true, false]);
}, 90_000);
