import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { until } from '../support/until.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

const WRITES = 20;

async function outstanding({ clientPort }: Member): Promise<number> {
  return Number(/^zk_outstanding_requests\t(\d+)$/m.exec(await fourLetterWord(clientPort, 'mntr'))?.[1]);
}

test('a leader that gets SIGTERM answers what it was asked, ends with 0, and its successor has every write', async () => {
  // Patience enough for followers that stand still on a busy machine.
  zk = await Ensemble.start({ implementations: [ours, ours, ours], extra: ['syncLimit=60', 'request_throttler.shutdownTimeout=60000'] });
  const ensemble = zk;
  const leader = await ensemble.settled();
  const followers = ensemble.members.filter((member) => member !== leader);
  const client = await ZooKeeper.connect(`127.0.0.1:${leader.clientPort}`, { sessionTimeoutMs: 20_000 });

  for (const { process } of followers) process?.signal('SIGSTOP'); // nothing can be committed
  const paths = Array.from({ length: WRITES }, (_, i) => `/w${i}`);
  const writes = paths.map((path) => client.create(path));
  await until('every write in the hands of the leader', async () => (await outstanding(leader)) === WRITES);
  leader.process?.signal('SIGTERM');
  await until('the leader on its way out', () => leader.process?.output.includes('stopping'));
  for (const { process } of followers) process?.signal('SIGCONT');

  expect((await Promise.all(writes)).map(({ path }) => path)).toEqual(paths);
  expect(await leader.process?.ended()).toBe(0);
  leader.process = null;
  await ensemble.settled();
  const heir = await ZooKeeper.connect(followers.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(','));
  for (const path of paths) expect(await heir.exists(path)).not.toBeNull();
  await Promise.all([heir.close(), client.close()]);
});

test('a session outlives the stop of its server', async () => {
  zk = await Ensemble.start({ implementations: [ours] });
  const server = zk.member(1);
  const client = await ZooKeeper.connect(zk.connectString);
  await client.create('/ephemeral', 'still mine', { mode: 'ephemeral' });
  expect(await server.process?.stop('SIGTERM')).toBe(0);
  zk.startMember(server);
  await zk.settled();
  expect(String((await client.getData('/ephemeral')).data)).toBe('still mine');
  await client.close();
});
