import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { FileStore } from '@zk/store';
import { closed } from '@zk/store/testing';
import { Ensemble } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

test('after SIGTERM the next start has nothing to replay, on any member', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  for (let i = 0; i < 20; i++) await client.create(`/n${i}`);
  await client.close();
  await zk.level(); // a commit that is still on its way when a member is told to stop is left to its log
  for (const member of zk.members) await zk.kill(member, 'SIGTERM'); // the leader last: a majority goes before it
  for (const { sid, dataDir } of zk.members) {
    const store = FileStore.open({ dataDir, checkpoint: 'lmdb' });
    const { image, txns, lastZxid } = store.recover();
    expect([sid, [...txns].length, image?.zxid]).toEqual([sid, 0, lastZxid]);
    await closed(store);
  }
  for (const member of zk.members) zk.startMember(member);
  await zk.settled();
  const reader = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  expect(await reader.exists('/n19')).not.toBeNull();
  await reader.close();
});
