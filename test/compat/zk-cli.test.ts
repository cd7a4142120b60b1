import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Ensemble, type Implementation } from '../support/ensemble.ts';
import { APACHE_39_JARS, PROJECT_ROOT, apache39, ours as ourServer } from '../support/implementations.ts';
import { implementationUnderTest } from './under-test.ts';

/** A command line client: what is run, and the arguments that come before those of the test. */
interface Cli {
  readonly command: string;
  readonly args: readonly string[];
}

const theirs: Cli = {
  command: 'java',
  args: [
    '-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
    '-cp', `${APACHE_39_JARS}/*`, 'org.apache.zookeeper.ZooKeeperMain',
  ],
};
const ours: Cli = { command: process.execPath, args: [join(PROJECT_ROOT, 'zk-cli.js')] };

/** On a server of its own, so that the zxids are the same for everybody. */
async function onFresh<T>(server: Implementation, story: (zk: Ensemble) => Promise<T>): Promise<T> {
  const zk = await Ensemble.start({ implementations: [server], extra: ['extendedTypesEnabled=true', 'reconfigEnabled=true'] });
  try {
    return await story(zk);
  } finally {
    await zk.stop();
  }
}

/** Types a script; everything printed, both streams as they came, and the exit status as the last line. */
async function type(cli: Cli, zk: Ensemble, script: readonly string[]): Promise<string[]> {
  const file = join(zk.directory, 'printed');
  const printed = openSync(file, 'a');
  const child = spawn(cli.command, [...cli.args, '-server', zk.connectString], { stdio: ['pipe', printed, printed] });
  child.stdin?.end(`${script.join('\n')}\n`);
  const code = await new Promise((resolve) => child.once('close', resolve));
  closeSync(printed);
  return [...readFileSync(file, 'utf8').split('\n'), `exit ${String(code)}`];
}

async function call(cli: Cli, zk: Ensemble, words: readonly string[]): Promise<{ words: string; out: string[]; err: string[]; code: unknown }> {
  const child = spawn(cli.command, [...cli.args, '-server', zk.connectString, ...words]);
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  const answers = normalised(out.split('\n')).filter((line) => !isEvent(line));
  return { words: words.join(' '), out: answers, err: normalised(err.split('\n')), code };
}

/** Java prints events from a thread of their own: they are in order among themselves only. */
const isEvent = (line: string): boolean => /^(|WATCHER::|WatchedEvent .*)$/.test(line);

/** The events alone. Whether Java's shell still prints that it is closed depends on which of its threads ends first. */
const eventsOf = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith('WatchedEvent') && !line.includes('state:Closed'));

/** Without what differs from run to run, and what is Java's. */
function normalised(lines: readonly string[]): string[] {
  return lines
    .filter((line) => !/^JLine support|^\texit $/.test(line))
    .map((line) =>
      line
        .replace(/127\.0\.0\.1:\d+/, 'SERVER')
        .replace(/^([cm]time = ).*/, '$1TIME')
        .replace(/^(ephemeralOwner = 0x)[0-9a-f]{2,}/, '$1SESSION')
        .replace(/^(ZooKeeper CLI version: ).*/, '$1VERSION')
        .replace(/^ZooKeeper -server host:port.*/, 'USAGE')
        .replace(/^org\.apache\.commons\.cli\.\w+: /, ''),
    );
}

const CREATING = [
  'create /a hello', 'create /a', 'create /nope/x', 'create', 'create -c -e /x', 'create -c -s /x', 'create -t abc /x', 'create -t 5 -e /x',
  'create -t 5 -c /x', 'create -t 0 /x', 'create -t 1099511627776 /x', 'create -t 60000 /ttl d', 'create -c /c', 'create bad', 'create /bad/',
  'create /a//b', 'create /a/../b', 'create -s /a/s- d', 'create -e /a/e d', 'create -es /a/es d', 'create /a/e/c', 'create /a/nul',
  'create /a/acl d digest:bob:x:rw,nonsense,world:anyone:rz', 'create /a/badacl d foo:bar:r', 'create "/q r" "a b"', `create '/q"' 'x y'`,
  'create /unterminated "abc', 'create -q /x', 'create -t',
];
const READING = [
  'get /a', 'get /a/nul', 'get -s /a', 'get -sw /a', 'get -b /a', 'get -x /a', 'get -x /a/nul', 'get', 'get -q /a', 'get /a true', 'get /nope',
  'get "/q r"', 'ls /', 'ls -s /', 'ls -R /', 'ls', 'ls /a true', 'ls -?', 'ls -R /nope', 'ls /nope', 'stat /a', 'stat /nope', 'stat /a/e',
  'getAcl /a', 'getAcl -s /a', 'getAcl /nope', 'getAllChildrenNumber /', 'getAllChildrenNumber', 'getEphemerals /nope', 'getEphemerals /a/es',
  'sync /a', 'sync', 'sync nope', 'config', 'config -c', 'config -s', 'whoami', 'version', 'version x',
];
const WRITING = [
  'set /a world', 'set -s /a world2', 'set -v 7 /a x', 'set -v1 /a x', 'set -b /a aGVsbG8=', 'set', 'set /nope x', 'set /a -5',
  'setAcl /a world:anyone:cdrw', 'setAcl /a world:anyone:cdrwa', 'create /acl', 'create /acl/b', 'setAcl -s /acl world:anyone:cdra',
  'setAcl -R /acl world:anyone:cdrwa', 'getAcl /acl/b', 'setAcl -v 99 /acl world:anyone:cdrwa', 'setAcl /a',
  'delete -v 9 /a/nul', 'delete', 'delete /a', 'delete /nope', 'delete -v 0 /a/nul', 'deleteall /acl', 'deleteall /acl', 'deleteall -b x /a',
  'deleteall', 'create /r 1', 'create /r/a', 'create /r/b', 'create /r/a/a', 'create /r/b/a', 'ls -R /r', 'deleteall -b 2 /r', 'deleteall /c -b 0',
];
const QUOTAS = [
  'create /quota hello', 'create /quota/b 22', 'setquota -n 5 /quota', 'listquota /quota', 'setquota -b 3 /quota', 'setquota -N 100 /quota',
  'setquota -B 1000 /quota', 'setquota -n 1 /quota', 'listquota /quota', 'setquota -n x /quota', 'setquota -n 0 /quota', 'setquota -b -1 /quota',
  'setquota /quota', 'setquota -n 5', 'setquota -n 5 -b 5 /quota', 'setquota -n 5 /nope', 'setquota -n 5 /quota/b', 'setquota -n 5 /zookeeper/quota/x',
  'setquota -n 5 /', 'listquota /nope', 'listquota', 'delquota -n /quota', 'listquota /quota', 'delquota -n -b /quota', 'delquota /quota',
  'listquota /quota', 'delquota /quota', 'delquota', 'ls -R /zookeeper', 'setquota -n 5 /quota/b', 'setquota -n 5 /quota', 'delquota /quota/b',
  'ls -R /zookeeper',
];
// Nothing happens while watches are not printed: which of two events Java's shell still hides is chance.
const WATCHING = [
  'create /w', 'removewatches /w', 'addWatch /w', 'addWatch -m PERSISTENT /w', 'addWatch -m foo /w', 'addWatch -m persistent /w extra', 'addWatch',
  'set /w 1', 'create /w/x 1', 'delete /w/x', 'get -w /w', 'ls -w /w', 'stat -w /w', 'stat -w /later', 'create /later', 'removewatches -c /w',
  'removewatches -d /w', 'removewatches -x /w', 'removewatches /w', 'set /w 2', 'ls -R -w /w', 'printwatches off', 'printwatches',
  'printwatches on', 'printwatches', 'delete /w', 'delete /later', 'removewatches /w',
  ...Array<string>(20).fill('sync /'), // Java's thread for events has had its turn by then
];
const SHELL = [
  'addauth', 'addauth digest bob:pw', 'getEphemerals', 'reconfig', 'reconfig -add server.2=a:1:2;3 -members x', 'reconfig -file a -members b',
  'reconfig -v zz -remove 1', 'history', 'redo 0', 'redo 400', 'redo', 'nosuchcommand', 'ls /', 'quit',
];

describe.each([
  ['zk-cli on a server of Apache', ours, apache39],
  ["Apache's zkCli on the server under test", theirs, implementationUnderTest(ourServer)],
])('%s', (_who, cli, server) => {
  test.each([
    ['creating', CREATING],
    ['reading', [...CREATING, ...READING]],
    ['writing', [...CREATING, ...WRITING]],
    ['quotas', QUOTAS],
    ['watching', WATCHING],
    ['the shell itself', ['create /a', ...SHELL]],
  ])('a typed session prints what it prints in Apache\'s zkCli on Apache\'s server: %s', async (_name, script) => {
    const expected = await onFresh(apache39, (zk) => type(theirs, zk, script));
    const printed = await onFresh(server, (zk) => type(cli, zk, script));
    expect(normalised(printed).filter((line) => !isEvent(line))).toEqual(normalised(expected).filter((line) => !isEvent(line)));
    expect(eventsOf(printed)).toEqual(eventsOf(expected));
    expect(eventsOf(expected).length).toBeGreaterThan(0);
  });
});

test('one command a call: standard output, standard error and exit status are those of zkCli', async () => {
  const calls = [
    ['ls', '/'], ['create', '/a', 'b c'], ['create', '/a'], ['get', '/a'], ['get', '-s', '/a'], ['set', '/a', 'x'], ['get', '/nope'], ['get'],
    ['delete', '-v', '7', '/a'], ['delete', '/zookeeper'], ['nosuch', 'x'], ['-waitforconnection', 'deleteall', '/a'], ['-timeout', '5000', 'stat', '/'],
  ];
  const told = async (cli: Cli): Promise<unknown[]> =>
    onFresh(apache39, async (zk) => {
      const answers: unknown[] = [];
      for (const words of calls) answers.push(await call(cli, zk, words));
      return answers;
    });
  // Apache's leaves its session to expire, ours closes it: one zxid more for every call.
  const withoutZxids = (answers: unknown[]): unknown => JSON.parse(JSON.stringify(answers).replace(/(Zxid = 0x)[0-9a-f]+/g, '$1N'));
  const [expected, printed] = (await Promise.all([told(theirs), told(ours)])) as [unknown[], unknown[]];
  expect(withoutZxids(printed)).toEqual(withoutZxids(expected));
});

test('no server: zk-cli says so, with exit status 1', async () => {
  const zk = await Ensemble.create({ implementations: [apache39] });
  const [expected, printed] = await Promise.all([theirs, ours].map((cli) => call(cli, zk, ['ls', '/'])));
  await zk.stop();
  expect(printed).toEqual(expected);
});
