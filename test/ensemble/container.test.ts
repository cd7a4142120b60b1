import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { modeOf } from '../support/four-letter-word.ts';
import { PROJECT_ROOT } from '../support/implementations.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';

const ENTRY_POINT = join(PROJECT_ROOT, 'deploy/container/docker-entrypoint.sh');

/** Three processes start at once, on a machine that may be busy with other tests. */
const PATIENCE_MS = 60_000;

let home: string;
let containers: ChildProcess[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-container-'));
  containers = [];
});
afterEach(async () => {
  await Promise.all(containers.map(async (container) => {
    if (container.exitCode === null && container.kill('SIGTERM')) await once(container, 'exit');
  }));
  rmSync(home, { recursive: true });
});

/** The variables of the official image, for a container whose directories lie here. */
function variables(name: string, more: Record<string, string>): NodeJS.ProcessEnv {
  const paths = Object.fromEntries([['ZOO_CONF_DIR', 'conf'], ['ZOO_DATA_DIR', 'data'], ['ZOO_DATA_LOG_DIR', 'datalog'], ['ZOO_LOG_DIR', 'logs']].map(([variable = '', folder = '']) => {
    const path = join(home, name, folder);
    mkdirSync(path, { recursive: true });
    return [variable, path];
  }));
  return { PATH: `${join(PROJECT_ROOT, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`, ...paths, ZOO_USER: 'root', ...more };
}

const read = (...path: string[]): string => readFileSync(join(home, ...path), 'utf8');

describe('the entry point of the container', () => {
  test('writes zoo.cfg and myid as the official image does', () => {
    const env = variables('c', {
      ZOO_MY_ID: '3', ZOO_TICK_TIME: '1000', ZOO_4LW_COMMANDS_WHITELIST: '*', ZOO_CFG_EXTRA: 'metricsProvider.httpPort=7070 snapCount=5',
      ZOO_SERVERS: 'server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181', ZOO_AUTOPURGE_PURGEINTERVAL: '24',
    });
    expect(spawnSync(ENTRY_POINT, ['true'], { env })).toMatchObject({ status: 0 });
    expect(read('c/conf/zoo.cfg').split('\n')).toEqual([
      `dataDir=${home}/c/data`, `dataLogDir=${home}/c/datalog`, 'tickTime=1000', 'initLimit=5', 'syncLimit=2', 'autopurge.snapRetainCount=3', 'autopurge.purgeInterval=24',
      'maxClientCnxns=60', 'standaloneEnabled=true', 'admin.enableServer=true', 'server.1=zoo1:2888:3888;2181', 'server.2=zoo2:2888:3888;2181',
      '4lw.commands.whitelist=*', 'metricsProvider.httpPort=7070', 'snapCount=5', '',
    ]);
    expect(read('c/data/myid')).toBe('3\n');
  });

  test('old snapshots and logs are purged unless ZOO_AUTOPURGE_PURGEINTERVAL=0', () => {
    expect(spawnSync(ENTRY_POINT, ['true'], { env: variables('purging', {}) })).toMatchObject({ status: 0 });
    expect(spawnSync(ENTRY_POINT, ['true'], { env: variables('keeping', { ZOO_AUTOPURGE_PURGEINTERVAL: '0' }) })).toMatchObject({ status: 0 });
    expect(read('purging/conf/zoo.cfg')).toContain('\nautopurge.purgeInterval=1\n');
    expect(read('keeping/conf/zoo.cfg')).toContain('\nautopurge.purgeInterval=0\n');
  });

  test('keeps what is there, and runs whatever it is told to', () => {
    const env = variables('c', { ZOO_MY_ID: '7' });
    writeFileSync(join(home, 'c/conf/zoo.cfg'), 'mine\n');
    writeFileSync(join(home, 'c/data/myid'), '2\n');
    expect(spawnSync(ENTRY_POINT, ['echo', 'a  b'], { env, encoding: 'utf8' })).toMatchObject({ status: 0, stdout: 'a  b\n' });
    expect([read('c/conf/zoo.cfg'), read('c/data/myid')]).toEqual(['mine\n', '2\n']);
  });

  const isRoot = process.getuid?.() === 0;
  test.runIf(isRoot)('started as root, becomes the user that ZOO_USER names and gives it the volumes (needs root)', () => {
    const own = join(home, 'entrypoint.sh'); // the other user may not read this checkout
    copyFileSync(ENTRY_POINT, own);
    writeFileSync(join(home, 'zkServer.sh'), '#!/bin/sh\nid -un\nstat -c %U "$ZOO_DATA_DIR/myid"\n', { mode: 0o755 });
    chmodSync(home, 0o755);
    const env = variables('c', { ZOO_USER: 'nobody' });
    expect(spawnSync(own, ['zkServer.sh'], { env: { ...env, PATH: `${home}${delimiter}${process.env['PATH'] ?? ''}` }, encoding: 'utf8' })).toMatchObject({ status: 0, stdout: 'nobody\nnobody\n' });
  });

  test('passes the exit code on: 2 for a configuration that is none', () => {
    const env = variables('c', { ZOO_SERVERS: 'server.1=zoo1' });
    expect(spawnSync(ENTRY_POINT, ['zkServer.sh', 'start-foreground'], { env })).toMatchObject({ status: 2 });
  });

  test('three containers are an ensemble, ended by SIGTERM', async () => {
    const ports = await freePorts(9);
    const clientPorts = [0, 1, 2].map((i) => ports[3 * i + 2] ?? 0);
    const servers = clientPorts.map((clientPort, i) => `server.${i + 1}=localhost:${ports[3 * i]}:${ports[3 * i + 1]};${clientPort}`).join(' ');
    containers = clientPorts.map((_port, i) => {
      const env = variables(`zoo${i + 1}`, { ZOO_MY_ID: String(i + 1), ZOO_SERVERS: servers, ZOO_ADMINSERVER_ENABLED: 'false', ZOO_CFG_EXTRA: 'preAllocSize=64' });
      return spawn(ENTRY_POINT, ['zkServer.sh', 'start-foreground'], { env, stdio: 'ignore' });
    });
    const modes = await until('three servers that serve', async () => {
      const all = await Promise.all(clientPorts.map(modeOf));
      return all.every((mode) => mode !== undefined) && all;
    }, PATIENCE_MS);
    expect(modes.sort()).toEqual(['follower', 'follower', 'leader']);
    const env = variables('zoo1', {});
    const health = spawnSync('zkServer.sh', ['status'], { env: { ...env, ZOOCFGDIR: join(home, 'zoo1/conf') }, encoding: 'utf8' });
    expect(health).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Client port found: \d+\..*\nMode: (leader|follower)\n$/) });
    const codes = await Promise.all(containers.map(async (container) => {
      container.kill('SIGTERM');
      return ((await once(container, 'exit')) as [number | null])[0];
    }));
    expect(codes).toEqual([0, 0, 0]);
  }, 2 * PATIENCE_MS);

  test('a single one is standalone, on the port of its server line', async () => {
    const [quorum, election, client] = await freePorts(3);
    const env = variables('alone', { ZOO_SERVERS: `server.1=localhost:${quorum}:${election};${client}`, ZOO_ADMINSERVER_ENABLED: 'false' });
    containers = [spawn(ENTRY_POINT, ['zkServer.sh', 'start-foreground'], { env, stdio: 'ignore' })];
    expect(await until('a server that serves', () => modeOf(client ?? 0), PATIENCE_MS)).toBe('standalone');
  }, 2 * PATIENCE_MS);
});
