import { spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { ours, PROJECT_ROOT } from '../support/implementations.ts';
import { until } from '../support/until.ts';
import { ZkCli } from '../support/zk-cli.ts';
import { serverOf } from './agreement.ts';
import { implementationUnderTest } from './under-test.ts';

// A server that is cut off from the quorum serves reads to those who say that reads are enough (readonlymode.enabled).
let zk: Ensemble | undefined;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
  await zk?.stop();
});

/** Three servers with `/before`, two of which are then killed; the third one knows it. */
async function cutOff(): Promise<{ ensemble: Ensemble; alone: Member; others: Member[] }> {
  const server = implementationUnderTest(ours);
  const ensemble = (zk = await Ensemble.start({ implementations: [server, server, server], extra: ['readonlymode.enabled=true'] }));
  const [alone, ...others] = ensemble.members as [Member, Member, Member];
  const client = await ZooKeeper.connect(serverOf(alone), { sessionTimeoutMs: 10_000 });
  await client.create('/before', 'v1');
  await client.close();
  expect(await fourLetterWord(alone.clientPort, 'isro')).toBe('rw');
  await Promise.all(others.map((member) => ensemble.kill(member)));
  await until('read-only', async () => (await fourLetterWord(alone.clientPort, 'isro').catch(() => '')) === 'ro');
  return { ensemble, alone, others };
}

test('the Java client reads, is refused a write, and writes again once there is a quorum', async () => {
  const { ensemble, alone, others } = await cutOff();
  const cli = await ZkCli.connectReadOnly(serverOf(alone));
  undo.push(() => cli.kill());
  await cli.type('get /before').prints(/^v1$/m);
  await cli.type('create /never').prints(/not a read-only call/i);
  for (const member of others) ensemble.startMember(member);
  await ensemble.settled();
  await cli.prints(/WatchedEvent state:SyncConnected type:None/, 60_000);
  await cli.type('create /after v2').prints(/Created \/after/);
  expect(await fourLetterWord(alone.clientPort, 'isro')).toBe('rw');
});

test('kazoo does the same', async () => {
  const { ensemble, others } = await cutOff();
  const child = spawn('/usr/bin/python3', [`${PROJECT_ROOT}/test/compat/kazoo_stories.py`, 'read_only', ensemble.connectString]);
  undo.push(() => child.kill('SIGKILL'));
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  await until('kazoo to read', () => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('reads only');
  });
  for (const member of others) ensemble.startMember(member);
  await ensemble.settled();
  child.stdin.write('\n');
  expect(await ended, output).toBe(0);
  expect(output).toContain('read_only: ok');
});
