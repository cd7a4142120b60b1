import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { ours } from '../support/implementations.ts';
import { fill, makeRoom, noSmallDisks, onSmallDisk, smallDiskOf } from '../support/small-disk.ts';
import { until } from '../support/until.ts';
import { missing, Writer } from '../support/writer.ts';

const why = noSmallDisks();
const onThisMachine = test.skipIf(why !== null);
const left = why === null ? '' : ` (left out: ${why})`;

let zk: Ensemble | undefined;
let clients: ZooKeeper[] = [];
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  await zk?.stop();
});

async function connect(...members: Member[]): Promise<ZooKeeper> {
  const client = await ZooKeeper.connect(members.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(','), { sessionTimeoutMs: 20_000 });
  clients.push(client);
  return client;
}

async function tells({ clientPort }: Member, gauge: 'disk_full' | 'checkpoint_failed'): Promise<boolean> {
  return (await fourLetterWord(clientPort, 'mntr')).includes(`zk_${gauge}\t1\n`);
}

const isFull = (member: Member): Promise<boolean> => tells(member, 'disk_full');

/** Creates znodes of 1 KB until one cannot be; the paths of those that could, and why not the last. */
async function createUntilRefused(client: ZooKeeper, prefix: string): Promise<{ created: string[]; code: string }> {
  const created: string[] = [];
  for (;;) {
    const path = `${prefix}${created.length}`;
    try {
      await client.create(path, Buffer.alloc(1000, 'x'));
      created.push(path);
    } catch (error) {
      return { created, code: (error as { code: string }).code };
    }
  }
}

onThisMachine(`a standalone server on a file system that fills up refuses writes, answers reads, and goes on when there is room${left}`, async () => {
  zk = await Ensemble.start({ implementations: [onSmallDisk(ours, 2048)] });
  const [server] = zk.members as [Member];
  const [writer, other] = [await connect(server), await connect(server)];
  await writer.create('/kept', Buffer.from('kept'));
  fill(smallDiskOf(server));
  const first = await createUntilRefused(writer, '/w');
  expect(first.code).toBe('CONNECTIONLOSS'); // under way when the disk was found to be full
  expect(await isFull(server)).toBe(true);
  expect(await createUntilRefused(other, '/refused')).toEqual({ created: [], code: 'NOTREADONLY' });
  expect((await other.getData('/kept')).data?.toString()).toBe('kept');
  expect(await missing(other, first.created)).toEqual([]);

  makeRoom(smallDiskOf(server));
  await until('room to be noticed', async () => !(await isFull(server)));
  await other.create('/again');
  expect(await other.exists('/refused0')).toBeNull();
  expect(server.process?.output).toContain('disk full');
  expect(server.process?.output).toContain('there is room on the disk again');

  // What is on the disk at this moment, as after a kill -9.
  const rescued = await Ensemble.create({ implementations: [ours] });
  const [successor] = rescued.members as [Member];
  cpSync(smallDiskOf(server), `${successor.dataDir}/version-2`, { recursive: true });
  await zk.stop();
  zk = rescued;
  zk.startMember(successor);
  await zk.settled();
  const reader = await connect(successor);
  expect(await missing(reader, ['/kept', ...first.created, '/again'])).toEqual([]);
  expect(successor.process?.output).not.toMatch(/torn|CRC|damage/);
});

onThisMachine(`checkpoints that do not fit stop nothing, and are written when there is room${left}`, async () => {
  const logs = mkdtempSync(join(tmpdir(), 'zk-logs-'));
  onTestFinished(() => rmSync(logs, { recursive: true, force: true }));
  zk = await Ensemble.start({ implementations: [onSmallDisk(ours, 2048)], extra: ['snapCount=40', `dataLogDir=${logs}`] });
  const [server] = zk.members as [Member];
  const client = await connect(server);
  await client.create('/w');
  const writer = new Writer(client, '/w').start();
  await writer.reached(100); // checkpoints are written
  fill(smallDiskOf(server));
  await until('a checkpoint to fail', () => tells(server, 'checkpoint_failed'));
  await writer.reached(200);
  expect(await isFull(server)).toBe(false);
  makeRoom(smallDiskOf(server));
  await until('a checkpoint to be written', async () => !(await tells(server, 'checkpoint_failed')));
  await writer.reached(50);
  await writer.stop();
  expect(writer.acknowledged.length).toBeGreaterThan(350);

  const rescued = await Ensemble.create({ implementations: [ours] });
  const [successor] = rescued.members as [Member];
  cpSync(smallDiskOf(server), `${successor.dataDir}/version-2`, { recursive: true });
  cpSync(`${logs}/version-2`, `${successor.dataDir}/version-2`, { recursive: true });
  await zk.stop();
  zk = rescued;
  zk.startMember(successor);
  await zk.settled();
  expect(await missing(await connect(successor), writer.acknowledged)).toEqual([]);
  expect(successor.process?.output).not.toMatch(/problem reading|CRC/);
});

onThisMachine(`a leader whose file system fills up hands over, and is back when there is room; no acknowledged write is lost${left}`, async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, onSmallDisk(ours, 2048)] });
  const leader = await zk.settled();
  expect(leader.sid).toBe(3);
  const others = zk.members.filter((member) => member !== leader);
  const client = await connect(...others);
  await client.create('/w');
  const writer = new Writer(client, '/w').start();
  await writer.reached(50);
  fill(smallDiskOf(leader));
  await until('the leader to notice', () => leader.process?.output.includes('disk full'));
  await writer.reached(100); // with one of the others in the lead
  expect(leader.process?.exited).toBe(false);
  makeRoom(smallDiskOf(leader));
  await zk.settled();
  await writer.reached(50);
  await writer.stop();
  const reader = await connect(leader);
  await reader.sync('/w');
  expect(await missing(reader, writer.acknowledged)).toEqual([]);
});
