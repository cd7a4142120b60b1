import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { missing, Writer } from '../support/writer.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

test('the leader is killed with -9 while a client writes: no acknowledged write is lost, and it catches up again', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const leader = await zk.settled();
  const client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  await client.create('/w');
  const writer = new Writer(client, '/w').start();
  await writer.reached(200);
  await zk.kill(leader);
  await writer.reached(200); // by the new leader
  zk.startMember(leader);
  await zk.settled();
  await writer.reached(200);
  await writer.stop();
  await client.close();

  for (const member of zk.members) {
    const reader = await ZooKeeper.connect(`127.0.0.1:${member.clientPort}`, { sessionTimeoutMs: 20_000 });
    await reader.sync('/w');
    expect(await missing(reader, writer.acknowledged)).toEqual([]);
    await reader.close();
  }
});

test('all three are killed with -9 under write load: every acknowledged write is there after the restart', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const clients = await Promise.all(
    zk.members.map((m) => ZooKeeper.connect(`127.0.0.1:${m.clientPort}`, { sessionTimeoutMs: 20_000 })),
  );
  const writers: Writer[] = [];
  for (const [i, client] of clients.entries()) {
    await client.create(`/w${i}`);
    writers.push(new Writer(client, `/w${i}`).start());
  }
  for (let round = 0; round < 2; round++) {
    await Promise.all(writers.map((writer) => writer.reached(150)));
    const running = zk;
    await Promise.all(zk.members.map((member) => running.kill(member)));
    for (const member of zk.members) zk.startMember(member);
    await zk.settled();
  }
  await Promise.all(writers.map((writer) => writer.reached(50)));
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const client of clients) {
    await client.sync('/');
    for (const writer of writers) expect(await missing(client, writer.acknowledged)).toEqual([]);
    await client.close();
  }
});
