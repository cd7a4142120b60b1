import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';

const ZK_SERVER_SH = join(PROJECT_ROOT, 'bin/zkServer.sh');

/** Nine processes one after another, on a machine that may be busy with other tests. */
const PATIENCE_MS = 120_000;

let home: string;
let cfg: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'zk-lifecycle-'));
  const [port] = await freePorts(1);
  cfg = join(home, 'zoo.cfg');
  writeFileSync(cfg, `dataDir=${home}/data\nclientPort=${port}\nadmin.enableServer=false\npreAllocSize=64\n`);
});
afterEach(async () => {
  await zkServer('stop');
  rmSync(home, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function zkServer(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, ZOOCFGDIR: home, ZOO_LOG_DIR: join(home, 'logs') };
  return new Promise((resolve) => {
    execFile(ZK_SERVER_SH, args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** What `status` says; null while it says that nobody serves. */
async function statusOfServing(): Promise<string | null> {
  const { code, stdout } = await zkServer('status');
  return code === 0 ? stdout : null;
}

describe('zkServer.sh', () => {
  test('start, status, stop, in Apache’s words', async () => {
    expect(await zkServer('start')).toEqual({ code: 0, stdout: 'Starting zookeeper ... STARTED\n', stderr: `Using config: ${cfg}\n` });
    const pid = readFileSync(join(home, 'data/zookeeper_server.pid'), 'utf8');
    expect(await zkServer('start', 'zoo.cfg')).toMatchObject({ code: 1, stdout: `Starting zookeeper ... already running as process ${pid}.\n` });
    const serving = await until('it serves', statusOfServing); // STARTED it is a moment before
    expect(serving).toMatch(/^Client port found: \d+\. Client address: localhost\. Client SSL: false\.\nMode: standalone\n$/);
    expect((await zkServer('restart')).stdout).toBe('Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n');
    expect(readFileSync(join(home, 'data/zookeeper_server.pid'), 'utf8')).not.toBe(pid);
    expect(await zkServer('stop')).toMatchObject({ code: 0, stdout: 'Stopping zookeeper ... STOPPED\n' });
    expect(await zkServer('status')).toMatchObject({ code: 1, stdout: expect.stringMatching(/\nError contacting service\. It is probably not running\.\n$/) });
    expect(existsSync(join(home, 'data/zookeeper_server.pid'))).toBe(false);
  }, PATIENCE_MS);

  test('a server that does not start says why', async () => {
    writeFileSync(cfg, `dataDir=${home}/data\ntickTime=soon\n`);
    const { code, stdout, stderr } = await zkServer('start');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Starting zookeeper ... FAILED TO START\n' });
    expect(stderr).toContain('zoo.cfg:2 tickTime=soon is not a whole number');
    expect(await zkServer('start-foreground')).toMatchObject({ code: 2, stderr: expect.stringMatching(/\nInvalid config, exiting abnormally\n$/) });
  });

  test('version and usage', async () => {
    expect((await zkServer('version')).stdout).toMatch(/^Apache ZooKeeper, version 3\.9\.5 /);
    expect(await zkServer('frobnicate')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('{start|start-foreground|stop|version|restart|status|print-cmd}') });
  });
});

const systemdAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
test.runIf(systemdAnalyze)('the systemd unit is one (needs systemd-analyze)', () => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(PROJECT_ROOT, 'deploy/systemd/zookeeper.service')], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
