import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { ClientProgram, javaProgram, run } from '../support/client-program.ts';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { APACHE_39_JARS, ours, PROJECT_ROOT } from '../support/implementations.ts';
import { ZkCli } from '../support/zk-cli.ts';
import { implementationUnderTest } from './under-test.ts';

// Every client there is, through the death of the leader: session, ephemerals and watches are still there afterwards, and
// what was acknowledged as well. The programs do everything once, say `ready`, and go on when they are told to.
const PROGRAMS = join(PROJECT_ROOT, 'test/compat/clients');
const CURATOR_JARS = join(PROJECT_ROOT, 'test/compat/.peers/curator');

let zk: Ensemble;
let build: string;

beforeAll(async () => {
  build = mkdtempSync(join(tmpdir(), 'zk-clients-'));
  const server = implementationUnderTest(ours);
  zk = await Ensemble.start({ implementations: [server, server, server] });
  await using client = await ZooKeeper.connect(zk.connectString);
  await client.create('/real');
});
afterAll(async () => {
  await zk.stop();
  rmSync(build, { recursive: true, force: true });
});

/** kill -9; resolves when another one leads. */
async function killLeader(): Promise<Member> {
  const leader = await zk.settled();
  await zk.kill(leader);
  await zk.settled();
  return leader;
}

async function throughTheDeathOfTheLeader(program: ClientProgram): Promise<void> {
  await program.says('ready');
  const dead = await killLeader();
  program.tell('the leader is dead');
  await program.says('ok');
  await program.succeeds();
  zk.startMember(dead);
  await zk.settled();
}

/** What the program left behind: its last write, and no ephemerals. */
async function left(base: string): Promise<{ data: string; hasEphemeral: boolean }> {
  await using client = await ZooKeeper.connect(zk.connectString);
  await client.sync(base);
  const { data } = await client.getData(base);
  return { data: String(data), hasEphemeral: (await client.exists(`${base}/me`)) !== null };
}

const javaStory = (source: string, classpath: string): Promise<ClientProgram> => javaProgram(join(PROGRAMS, source), build, classpath, [zk.connectString]);

test('the Java client goes on under the next leader', async () => {
  await throughTheDeathOfTheLeader(await javaStory('java/LeaderKill.java', `${APACHE_39_JARS}/*`));
  expect(await left('/real/java')).toEqual({ data: '1', hasEphemeral: false });
});

test('Curator’s leader latch and mutex go on under the next leader', async () => {
  await throughTheDeathOfTheLeader(await javaStory('curator/Recipes.java', `${APACHE_39_JARS}/*:${CURATOR_JARS}/*`));
});

test('the C client goes on under the next leader', async () => {
  const binary = join(build, 'leader_kill');
  await run('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-DTHREADED', '-o', binary, join(PROGRAMS, 'c/leader_kill.c'), '-lzookeeper_mt', '-lpthread']);
  await throughTheDeathOfTheLeader(new ClientProgram(binary, [zk.connectString]));
  expect(await left('/real/c')).toEqual({ data: '1', hasEphemeral: false });
});

test('kazoo goes on under the next leader', async () => {
  await throughTheDeathOfTheLeader(new ClientProgram('/usr/bin/python3', [join(PROJECT_ROOT, 'test/compat/kazoo_stories.py'), 'leader_kill', zk.connectString]));
  expect(await left('/real/kazoo')).toEqual({ data: '1', hasEphemeral: false });
});

test('node-zookeeper-client goes on under the next leader', async () => {
  await throughTheDeathOfTheLeader(new ClientProgram(process.execPath, [join(PROGRAMS, 'javascript/leader-kill.js'), zk.connectString]));
  expect(await left('/real/javascript')).toEqual({ data: '1', hasEphemeral: false });
});

const canBuildGo = spawnSync('go', ['-C', join(PROGRAMS, 'go'), 'mod', 'verify']).status === 0;
test.runIf(canBuildGo)('go-zookeeper goes on under the next leader (where there is a go, and its module could be downloaded)', async () => {
  const binary = join(build, 'leader-kill-go');
  await run('go', ['-C', join(PROGRAMS, 'go'), 'build', '-o', binary, '.']);
  await throughTheDeathOfTheLeader(new ClientProgram(binary, [zk.connectString]));
  expect(await left('/real/go')).toEqual({ data: '1', hasEphemeral: false });
});

test('zkCli goes on under the next leader', async () => {
  const cli = await ZkCli.connect(zk.connectString, 10_000);
  try {
    cli.type('create /real/cli 0');
    await cli.prints('Created /real/cli');
    cli.type('create -e /real/cli/me');
    await cli.prints('Created /real/cli/me');
    cli.type('get -w /real/cli');
    await cli.prints(/^0\r?$/m);
    const before = await zk.settled();
    // The shell may sit on any of the three: it is asked again until it has found a server that lives.
    const dead = await killLeader();
    expect(dead.sid).toBe(before.sid);
    await untilPrinted(cli, 'set /real/cli 1', /WatchedEvent state:SyncConnected type:NodeDataChanged path:\/real\/cli/);
    await untilPrinted(cli, 'ls /real/cli', /\[me\]/);
    await cli.quit();
    zk.startMember(dead);
    await zk.settled();
  } finally {
    await cli.kill();
  }
  expect(await left('/real/cli')).toEqual({ data: '1', hasEphemeral: false });
});

async function untilPrinted(cli: ZkCli, line: string, wanted: RegExp): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    cli.type(line);
    try {
      return void (await cli.prints(wanted, 1_500));
    } catch (error) {
      if (attempt === 12) throw error;
    }
  }
}
