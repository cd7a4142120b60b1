import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig, parseConfig, type ServerConfig } from '../src/config.ts';
import { check } from '../src/operator/check.ts';
import { cleanup } from '../src/operator/cleanup.ts';
import { completion } from '../src/operator/completion.ts';
import { start, stop } from '../src/operator/daemon.ts';
import { initialize } from '../src/operator/initialize.ts';
import { configFileOf, installationOf, pidFileOf, processIn } from '../src/operator/installation.ts';
import { status } from '../src/operator/status.ts';
import { Door, freePort } from './support/sockets.ts';

let home: string;
let said: { out: string; error: string };
const terminal = {
  out: (text: string) => void (said.out += text),
  error: (text: string) => void (said.error += text),
};
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-operator-'));
  said = { out: '', error: '' };
});
afterEach(() => rmSync(home, { recursive: true }));

function file(name: string, ...lines: string[]): string {
  const path = join(home, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

const installation = (env: NodeJS.ProcessEnv = {}) => installationOf({ ZOOCFGDIR: join(home, 'conf'), ZOO_LOG_DIR: join(home, 'logs'), ...env });

describe('the file that is meant', () => {
  test('is zoo.cfg of the configuration directory, a bare name there, or a path', () => {
    expect(configFileOf(null, installation(), home)).toBe(join(home, 'conf/zoo.cfg'));
    expect(configFileOf(null, installation({ ZOOCFG: 'mine.cfg' }), home)).toBe(join(home, 'conf/mine.cfg'));
    expect(configFileOf('zoo3.cfg', installation(), home)).toBe(join(home, 'conf/zoo3.cfg'));
    expect(configFileOf('conf/zoo3.cfg', installation(), '/srv')).toBe('/srv/conf/zoo3.cfg');
    file('here.cfg');
    expect(configFileOf('here.cfg', installation(), home)).toBe(join(home, 'here.cfg'));
  });

  test('says where the process id is kept, even when everything else in it is wrong', () => {
    const broken = file('zoo.cfg', 'dataDir=${configDir}/data', 'tickTime=x');
    expect(pidFileOf(broken, installation())).toBe(join(home, 'data/zookeeper_server.pid'));
    expect(pidFileOf(broken, installation({ ZOOPIDFILE: '/run/zk.pid' }))).toBe('/run/zk.pid');
    expect(pidFileOf(join(home, 'nowhere.cfg'), installation())).toBeNull();
  });
});

test('a process id that is somebody else’s after a reboot is not taken for a server', () => {
  expect(processIn(file('own.pid', String(process.pid)))).toBeNull();
  expect(processIn(file('none.pid', 'x'))).toBeNull();
  expect(processIn(join(home, 'missing.pid'))).toBeNull();
});

describe('stop', () => {
  test('with no pid file says so, and that is fine', async () => {
    const cfg = file('zoo.cfg', `dataDir=${home}`);
    expect(await stop(cfg, installation(), terminal)).toBe(0);
    expect(said.out).toBe(`Stopping zookeeper ... no zookeeper to stop (could not find file ${home}/zookeeper_server.pid)\n`);
  });

  test('cleans up behind a server that died', async () => {
    const cfg = file('zoo.cfg', `dataDir=${home}`);
    file('zookeeper_server.pid', '999999999');
    expect(await stop(cfg, installation(), terminal)).toBe(0);
    expect(said.out).toBe('Stopping zookeeper ... STOPPED\n');
    expect(existsSync(join(home, 'zookeeper_server.pid'))).toBe(false);
  });
});

test('start without a dataDir has nowhere to leave its process id', async () => {
  expect(await start({ installation: installation(), configFile: file('zoo.cfg', 'clientPort=1'), settings: [] }, terminal)).toBe(1);
  expect(said.out).toBe('Starting zookeeper ... FAILED TO START\n');
});

describe('status', () => {
  const configWith = (port: number): ServerConfig => parseConfig(`dataDir=${home}\nclientPort=${port}\nclientPortAddress=127.0.0.1`, { file: 'zoo.cfg', path: null });

  test('prints what srvr says', async () => {
    const door = await Door.open();
    const asked = status(() => configWith(door.port), terminal);
    const wire = await door.next();
    expect((await wire.read(4)).toString()).toBe('srvr');
    wire.socket.end('Zookeeper version: 3.9.5, built on x\nMode: follower\nNode count: 5\n');
    expect(await asked).toBe(0);
    expect(said.out).toBe(`Client port found: ${door.port}. Client address: 127.0.0.1. Client SSL: false.\nMode: follower\n`);
    door.close();
  });

  test('of a member without a quorum is no status', async () => {
    const door = await Door.open();
    const asked = status(() => configWith(door.port), terminal);
    (await door.next()).socket.end('This ZooKeeper instance is not currently serving requests\n');
    expect(await asked).toBe(1);
    expect(said.out).toMatch(/\nError contacting service\. It is probably not running\.\n$/);
    expect(said.error).toContain('not currently serving');
    door.close();
  });

  test('of nobody is an error', async () => {
    const port = await freePort();
    expect(await status(() => configWith(port), terminal)).toBe(1);
    expect(said.out).toBe(`Client port found: ${port}. Client address: 127.0.0.1. Client SSL: false.\nError contacting service. It is probably not running.\n`);
  });

  test('without a client port cannot be asked for', async () => {
    expect(await status(() => parseConfig(`dataDir=${home}`, { file: 'zoo.cfg', path: null }), terminal)).toBe(1);
    expect(said.out).toContain('Unable to find either secure or unsecure client port in any configs. Terminating.\n');
  });
});

describe('init', () => {
  const twoDirectories = (): string => file('zoo.cfg', 'dataDir=${configDir}/data', 'dataLogDir=${configDir}/log');

  test('makes the directories, the myid and the marker', () => {
    expect(initialize([twoDirectories(), '--myid=3'], installation(), terminal)).toBe(0);
    expect(said.out).toBe('Using myid of 3\n');
    expect(readFileSync(join(home, 'data/myid'), 'utf8')).toBe('3\n');
    expect(readdirSync(join(home, 'data')).sort()).toEqual(['initialize', 'myid', 'version-2']);
    expect(readdirSync(join(home, 'log'))).toEqual(['version-2']);
  });

  test('spares what is there unless forced', () => {
    mkdirSync(join(home, 'log/version-2'), { recursive: true });
    writeFileSync(join(home, 'log/version-2/log.1'), '');
    const cfg = twoDirectories();
    expect(initialize([`--configfile=${cfg}`], installation(), terminal)).toBe(1);
    expect(said.out).toBe(`ZooKeeper txnlog directory already exists at ${home}/log (or use --force to force re-initialization)\n`);
    expect(readdirSync(join(home, 'log/version-2'))).toEqual(['log.1']);
    expect(initialize([`--configfile=${cfg}`, '--force'], installation(), terminal)).toBe(0);
    expect(readdirSync(join(home, 'log/version-2'))).toEqual([]);
  });

  test.each([[['--myid=x'], '--myid=x is not a number'], [['--frobnicate'], 'Unknown option'], [['nowhere/zoo.cfg'], 'Unable to find config file at']])('%j is refused', (args, reason) => {
    expect(initialize(args, installation(), terminal)).toBe(1);
    expect(said.out).toContain(reason);
  });
});

describe('cleanup', () => {
  function files(directory: string, ...names: string[]): void {
    mkdirSync(join(home, directory, 'version-2'), { recursive: true });
    // The end mark that makes a snapshot look complete: a checksum, a string of length 1, a slash.
    for (const name of names) writeFileSync(join(home, directory, 'version-2', name), Buffer.concat([Buffer.from('5a4b534e00000002ffffffffffffffff', 'hex'), Buffer.from('0000000000000000000000012f', 'hex')]));
  }

  test('keeps the snapshots asked for, and the logs they need', () => {
    files('data', 'snapshot.1', 'snapshot.5', 'snapshot.9', 'snapshot.d');
    files('log', 'log.1', 'log.3', 'log.6', 'log.a');
    expect(cleanup([join(home, 'log'), join(home, 'data'), '-n', '3'], installation(), terminal)).toBe(0);
    expect(readdirSync(join(home, 'data/version-2'))).toEqual(['snapshot.5', 'snapshot.9', 'snapshot.d']);
    expect(readdirSync(join(home, 'log/version-2'))).toEqual(['log.3', 'log.6', 'log.a']);
    expect(said.out).toMatch(/^Removing file: \w{3} \w{3} \d\d .*\t.*snapshot\.1\nRemoving file: .*log\.1\n$/);
  });

  test('takes the directories from the configuration', () => {
    files('data', 'snapshot.1', 'snapshot.2', 'snapshot.3', 'snapshot.4');
    expect(cleanup(['-n', '3', file('zoo.cfg', `dataDir=${home}/data`)], installation(), terminal)).toBe(0);
    expect(readdirSync(join(home, 'data/version-2'))).toHaveLength(3);
  });

  test('keeps at least three', () => {
    expect(cleanup([home, '-n', '2'], installation(), terminal)).toBe(1);
    expect(said.error).toMatch(/^count should be greater than or equal to 3\nusage: /);
    expect(cleanup([home], installation(), terminal)).toBe(1);
  });
});

describe('check', () => {
  const notRunning = (): null => null;
  async function checked(lines: readonly string[], runningAs: () => number | null = notRunning): Promise<number> {
    const path = file('zoo.cfg', ...lines);
    return check(() => loadConfig(path), runningAs, terminal, { now: Date.now, timeAt: () => Promise.resolve(null), isSynchronized: () => Promise.resolve(null) });
  }

  test('a sound configuration', async () => {
    expect(await checked([`dataDir=${home}/data`, `clientPort=${await freePort()}`, `admin.serverPort=${await freePort()}`])).toBe(0);
    expect(said.out).toMatch(/^ok {4}standalone.*\nok {4}clients connect to every address.*\nok {4}.*data will be made.*\nok {4}snapshots and logs are on one device.*\nok {4}client port \d+ is free\nok {4}admin port \d+ is free\nok {4}the clock says .*\nAll is well\.\n$/);
  });

  test('every problem of the file, and its oddities', async () => {
    expect(await checked(['tickTime=x', 'tickTme=2000'])).toBe(2);
    expect(said.out).toContain('zoo.cfg:1 tickTime=x is not a whole number');
    expect(said.out).toContain('dataDir is not set');
    expect(said.out).toMatch(/^warn {2}.*did you mean tickTime=2000/m);
  });

  test('a port that is taken, unless by this very server', async () => {
    const taken = await Door.open();
    const lines = [`dataDir=${home}`, `clientPort=${taken.port}`, 'clientPortAddress=127.0.0.1', 'admin.enableServer=false'];
    expect(await checked(lines)).toBe(2);
    expect(said.out).toContain(`fail  client port ${taken.port} on 127.0.0.1 is in use by another process`);
    expect(await checked(lines, () => 4711)).toBe(0);
    expect(said.out).toContain('running as process 4711');
    taken.close();
  });

  test('peers: names that do not resolve, and localhost among real addresses', async () => {
    file('myid', '1');
    const ports = await Promise.all(Array.from({ length: 3 }, freePort));
    const code = await checked([
      `dataDir=${home}`, `clientPort=${ports[0]}`, 'admin.enableServer=false', 'initLimit=5', 'syncLimit=2',
      `server.1=127.0.0.1:${ports[1]}:${ports[2]}`, 'server.2=zk2.invalid:2888:3888', 'server.3=10.255.0.3:2888:3888',
    ]);
    expect(code).toBe(0);
    expect(said.out).toContain('ok    server 1 of 3 voters: serves while no more than 1 of the voters fail\n');
    expect(said.out).toMatch(/^warn {2}server\.2: zk2\.invalid does not resolve now/m);
    expect(said.out).toContain('ok    server.3: 10.255.0.3 is 10.255.0.3\n');
    expect(said.out).toMatch(/^warn {2}127\.0\.0\.1 means another machine on each machine/m);
    expect(said.out).toMatch(/Usable, with 2 to think about\.\n$/);
  });

  test('a data directory below a file, and a clock that went back', async () => {
    file('plain', 'text');
    expect(await checked([`dataDir=${home}/plain/data`, 'admin.enableServer=false'])).toBe(2);
    expect(said.out).toMatch(/^fail {2}.*plain/m);
    mkdirSync(join(home, 'version-2'));
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(file('version-2/snapshot.0'), tomorrow, tomorrow);
    expect(await checked([`dataDir=${home}`, 'admin.enableServer=false'])).toBe(0);
    expect(said.out).toMatch(/^warn {2}the clock says .*it went back$/m);
  });
});

test('settings from the environment stand between the file and the command line', () => {
  const env = { ZK_SET_SNAPCOUNT: '7', ZK_SET_4lw_commands_whitelist: '*', ZK_SET_tickTime: '5', ZK_SERVICE_HOST: 'x', ZK_SET_NOSUCH_KEY: '1', ZK_SET_server_1: 'localhost:2888:3888;2181' };
  const config = parseConfig(`dataDir=${home}\ntickTime=4`, { file: 'zoo.cfg', path: null, env, sets: ['tickTime=6'] });
  expect([config.settings.get('snapCount'), config.settings.get('4lw.commands.whitelist'), config.settings.get('tickTime')]).toEqual([7, '*', 6]);
  expect(config.client).toEqual({ host: null, port: 2181 });
  expect(config.warnings.map(({ file: place, what }) => `${place}: ${what}`)).toEqual(['environment ZK_SET_NOSUCH_KEY: NOSUCH.KEY is not a key ZooKeeper knows; it has no effect']);
});

test('completion knows the shells it is for', () => {
  for (const shell of ['bash', 'zsh', 'fish']) expect(completion([shell], terminal)).toBe(0);
  expect(said.out).toContain('4lw.commands.whitelist=');
  expect(said.out).toContain("compgen -W 'dump verify repair truncate --help'");
  expect(said.out).toContain("-n '__fish_seen_subcommand_from log; and __fish_seen_subcommand_from repair' -l accept-loss");
  expect(completion(['tcsh'], terminal)).toBe(2);
  expect(said.error).toContain('usage: zk-server completion bash|zsh|fish');
});
