import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeper, type WatchEvent } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { implementationUnderTest } from './under-test.ts';

// Our client is itself a stranger: told to Apache's servers with ZK_SERVER, these say whether it behaves like the others.
let zk: Ensemble;
beforeAll(async () => {
  const server = implementationUnderTest(ours);
  zk = await Ensemble.start({ implementations: [server, server, server] });
});
afterAll(() => zk.stop());

test('everything a client can ask for', async () => {
  await using client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 8_000 });
  const { path, stat } = await client.create('/c', 'one');
  expect([path, stat.version, stat.dataLength]).toEqual(['/c', 0, 3]);
  expect(await client.createOld('/c/old')).toBe('/c/old');
  expect((await client.setData('/c', 'two', 0)).version).toBe(1);
  await expect(client.setData('/c', 'x', 7)).rejects.toMatchObject({ code: 'BADVERSION' });
  expect(String((await client.getData('/c')).data)).toBe('two');
  expect((await client.getChildren('/c')).children).toEqual(['old']);
  expect(await client.getAllChildrenNumber('/c')).toBe(1);
  expect(await client.exists('/nothing')).toBeNull();
  await client.create('/c/e', null, { mode: 'ephemeral' });
  expect(await client.getEphemerals('/c')).toEqual(['/c/e']);
  expect((await client.getAcl('/c')).acl).toEqual([{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]);
  expect(await client.whoAmI()).toEqual([{ scheme: 'ip', user: '127.0.0.1' }]);
  const reads = await client.multiRead([{ op: 'getData', path: '/c' }, { op: 'getChildren', path: '/nothing' }]);
  expect(reads.map((read) => read.op)).toEqual(['getData', 'error']);
  expect((await client.getConfig()).config).toMatch(/^server\.1=/);
  await client.delete('/c/old');
  await expect(client.delete('/c')).rejects.toMatchObject({ code: 'NOTEMPTY' });
});

test('a chroot hides itself, in paths and in events', async () => {
  await using whole = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 8_000 });
  await whole.create('/app');
  await using inside = await ZooKeeper.connect(`${zk.connectString}/app`, { sessionTimeoutMs: 8_000 });
  await inside.sync('/');
  const events: WatchEvent[] = [];
  await inside.getChildren('/', { watch: (event) => events.push(event) });
  expect((await inside.create('/x')).path).toBe('/x');
  await until('the event', () => events.length === 1);
  expect(events[0]).toMatchObject({ type: 'NodeChildrenChanged', path: '/' });
  await whole.sync('/app');
  expect(await whole.exists('/app/x')).not.toBeNull();
});

test('a recursive watch as a loop, over a lost server', async () => {
  await using writer = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 8_000 });
  await writer.create('/loop');
  await using watcher = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 8_000 });
  await watcher.sync('/loop');
  const stop = new AbortController();
  const seen: string[] = [];
  const loop = (async () => {
    for await (const event of watcher.watch('/loop', { recursive: true, signal: stop.signal })) seen.push(`${event.type} ${event.path}`);
  })();
  await until('the first event', async () => {
    await writer.setData('/loop', 'again');
    return seen.length > 0;
  });
  const server = zk.members.find((member) => watcher.server === `127.0.0.1:${member.clientPort}`) as Member;
  await zk.kill(server);
  await until('the watcher on another server', () => watcher.state === 'connected' && watcher.server !== undefined);
  zk.startMember(server);
  await zk.settled();
  await writer.connected();
  seen.length = 0;
  await until('a change below', async () => {
    await writer.create('/loop/n', null, { mode: 'persistent-sequential' }).catch(() => undefined);
    return seen.some((event) => event.startsWith('NodeCreated /loop/n'));
  });
  stop.abort();
  await loop;
});
