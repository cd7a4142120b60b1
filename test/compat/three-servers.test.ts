import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Ensemble } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { ZkCli } from '../support/zk-cli.ts';
import { implementationUnderTest } from './under-test.ts';

// The master/worker walk through of the ZooKeeper book, typed into Apache's zkCli against three servers of ours.
let zk: Ensemble;
const shells: ZkCli[] = [];

async function shell(connectString = zk.connectString): Promise<ZkCli> {
  const cli = await ZkCli.connect(connectString);
  shells.push(cli);
  return cli;
}

beforeAll(async () => {
  const server = implementationUnderTest(ours);
  zk = await Ensemble.start({ implementations: [server, server, server] });
});
afterEach(async () => {
  await Promise.all(shells.splice(0).map((cli) => cli.kill()));
});
afterAll(() => zk.stop());

test('master election, workers and tasks through zkCli', async () => {
  const first = await shell();
  first.type('create -e /master "master1.example.com:2182"');
  await first.prints('Created /master');

  const second = await shell();
  second.type('create -e /master "master2.example.com:2182"');
  await second.prints('Node already exists: /master');
  second.type('stat -w /master');
  const [, owner] = await second.prints(/ephemeralOwner = (0x[0-9a-f]+)/);
  expect(owner).not.toBe('0x0');

  await first.quit();
  await second.prints(/WatchedEvent state:SyncConnected type:NodeDeleted path:\/master/);
  second.type('create -e /master "master2.example.com:2182"');
  await second.prints('Created /master');
  for (const path of ['/workers', '/tasks', '/assign']) {
    second.type(`create ${path} ""`);
    await second.prints(`Created ${path}`);
  }
  second.type('ls -w /workers');
  await second.prints('[]');

  const third = await shell();
  third.type('create -e /workers/worker1.example.com "worker1.example.com:2224"');
  await third.prints('Created /workers/worker1.example.com');
  await second.prints(/WatchedEvent state:SyncConnected type:NodeChildrenChanged path:\/workers/);

  const client = await shell();
  client.type('create -s /tasks/task- "cmd"');
  await client.prints('Created /tasks/task-0000000000');
  client.type('ls -w /tasks/task-0000000000');
  await client.prints('[]');
  third.type('create /tasks/task-0000000000/status "done"');
  await third.prints('Created /tasks/task-0000000000/status');
  await client.prints(/WatchedEvent state:SyncConnected type:NodeChildrenChanged path:\/tasks\/task-0000000000/);
});

test('get -s shows the same stat from all three servers', async () => {
  const writer = await shell();
  writer.type('create /same "v0"');
  await writer.prints('Created /same');
  writer.type('create /same/child ""');
  await writer.prints('Created /same/child');
  writer.type('set /same "v1"');
  const seen = new Set<string>();
  for (const member of zk.members) {
    const reader = await shell(`127.0.0.1:${member.clientPort}`);
    reader.type('sync /same');
    await reader.prints(/Sync is OK|Sync returned 0/);
    reader.type('get -s /same');
    const [stat] = await reader.prints(/v1\s+cZxid = [\s\S]*?numChildren = \d+/);
    seen.add(stat.replace(/\r/g, ''));
  }
  expect([...seen]).toHaveLength(1);
  const [stat] = seen;
  expect(stat).toMatch(/cversion = 1\ndataVersion = 1\naclVersion = 0\nephemeralOwner = 0x0\ndataLength = 2\nnumChildren = 1/);
});
