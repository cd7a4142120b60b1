import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encode } from '@zk/jute';
import { ErrorCode, GetChildren2Response, GetDataResponse, KeeperError, OpCode, type Stat } from '@zk/protocol';
import { parseFor, usageOf } from '../src/cli/command.ts';
import { COMMANDS } from '../src/cli/commands/index.ts';
import { messageOf, whyMalformed } from '../src/cli/errors.ts';
import { aclLines, eventText, hexDump, parseAcl, statLines } from '../src/cli/format.ts';
import { parseLaunchOptions } from '../src/cli/launch-options.ts';
import { parseOptions } from '../src/cli/option-parser.ts';
import { formatQuota, parseQuota } from '../src/cli/quota.ts';
import { runCli } from '../src/cli/run.ts';
import { splitLine } from '../src/cli/words.ts';
import { FakeServer, type FakeConnection } from './fake-server.ts';

const stat = {
  czxid: 2n, mzxid: 0x100000003n, ctime: 0n, mtime: 1000n, version: 1, cversion: 2, aversion: 3, ephemeralOwner: -1n, dataLength: 4, numChildren: 5, pzxid: 6n,
} as Stat;

test.each([
  ['get /a', ['get', '/a']],
  ['  get   "/q r"  ', ['get', '/q r']],
  [`create '/q"' "it's"`, ['create', '/q"', "it's"]],
  ['create /a "unfinished', ['create', '/a', 'unfinished']],
  ['create /a ""', ['create', '/a', '']],
  ['   ', []],
])('the line %j is the words %j', (line, words) => expect(splitLine(line)).toEqual(words));

test('options may stand anywhere, be joined, carry their value, and end', () => {
  const specs = { s: { help: '' }, w: { help: '' }, v: { help: '', value: true }, add: { help: '', value: true } };
  const given = parseOptions(['/a', '-sw', '-v3', '-add=server.1=h:1:2', '--', '-x'], specs);
  expect([given.args, given.has('s'), given.has('w'), given.value('v'), given.value('add')]).toEqual([['/a', '-x'], true, true, '3', 'server.1=h:1:2']);
  expect(parseOptions(['-v', '-1', '-'], specs).value('v')).toBe('-1');
  expect(() => parseOptions(['-q'], specs)).toThrow('Unrecognized option: -q');
  expect(() => parseOptions(['-v'], specs)).toThrow('Missing argument for option: v');
  expect(() => parseOptions(['-v', '-s'], specs)).toThrow('Missing argument for option: v');
});

test('too few arguments show the usage', () => {
  const get = COMMANDS.get('get');
  expect(get && usageOf(get)).toBe(
    'get [-s] [-w] [-b] [-x] path\n -b   Output data in base64 format\n -s   Print znode stats additionally\n' +
      ' -w   Watch for changes on the znode\n -x   Output data in hexdump format\n',
  );
  expect(() => get && parseFor(get, [])).toThrow('get [-s] [-w] [-b] [-x] path');
});

test('the options of zk-cli itself end where the command begins', () => {
  expect(parseLaunchOptions(['-server', 'h:1/app', '-timeout', '500', '-r', '--json', 'ls', '-s', '/'])).toEqual({
    server: 'h:1/app', timeoutMs: 500, readOnly: true, waitForConnection: false, json: true, command: ['ls', '-s', '/'],
  });
  expect(parseLaunchOptions([])).toMatchObject({ server: 'localhost:2181', timeoutMs: 30_000, command: [] });
  expect(() => parseLaunchOptions(['-server'])).toThrow('Error: no argument found for option -server');
  expect(() => parseLaunchOptions(['-sever', 'h:1'])).toThrow('Unknown option -sever');
  expect(() => parseLaunchOptions(['-timeout', '5s'])).toThrow('-timeout 5s is not a number of milliseconds');
});

test('errors in the words of Apache', () => {
  expect(messageOf(new KeeperError('NODEEXISTS', '/a'))).toBe('Node already exists: /a');
  expect(messageOf(new KeeperError('BADVERSION', '/a'))).toBe('version No is not valid : /a');
  expect(messageOf(new KeeperError('CONNECTIONLOSS', '/a'))).toBe('KeeperErrorCode = ConnectionLoss for /a');
  expect(messageOf(new KeeperError('SESSIONEXPIRED'))).toBe('KeeperErrorCode = Session expired');
});

test.each([
  ['', 'Path length must be > 0'],
  ['a', 'Path must start with / character'],
  ['/a/', 'Path must not end with / character'],
  ['/a//b', 'Invalid path string "/a//b" caused by empty node name specified @3'],
  ['/a/./b', 'Invalid path string "/a/./b" caused by relative paths not allowed @3'],
  ['/a/..', 'Invalid path string "/a/.." caused by relative paths not allowed @4'],
  ['/a\u0001', 'Invalid path string "/a\u0001" caused by invalid character @2'],
  ['/a/.b', undefined],
  ['/', undefined],
])('what is wrong with %j: %s', (path, reason) => expect(whyMalformed(path)).toBe(reason));

test('ACLs are read and written as scheme:id:perms', () => {
  const complaints: string[] = [];
  const acl = parseAcl('digest:bob:hash:rw,nonsense,world:anyone:cdrwaz', (line) => complaints.push(line));
  expect(acl).toEqual([{ perms: 3, id: { scheme: 'digest', id: 'bob:hash' } }, { perms: 31, id: { scheme: 'world', id: 'anyone' } }]);
  expect(complaints).toEqual(['nonsense does not have the form scheme:id:perm', 'Unknown perm type: z']);
  expect(aclLines(acl)).toEqual(["'digest,'bob:hash", ': rw', "'world,'anyone", ': cdrwa']);
});

test('a stat, an event, a hex dump and a quota as zkCli prints them', () => {
  const lines = statLines(stat).filter((line) => !line.includes('time'));
  expect(lines.join(' ')).toBe(
    'cZxid = 0x2 mZxid = 0x100000003 pZxid = 0x6 cversion = 2 dataVersion = 1 aclVersion = 3 ' +
      'ephemeralOwner = 0xffffffffffffffff dataLength = 4 numChildren = 5',
  );
  expect(statLines(stat)[1]).toMatch(/^ctime = (Thu Jan 01|Wed Dec 31) \d\d:\d\d:00 \S+ (1970|1969)$/);
  expect(eventText({ state: 'connected', type: 'NodeDeleted', path: '/master', zxid: 45n })).toBe(
    'WatchedEvent state:SyncConnected type:NodeDeleted path:/master zxid: 45',
  );
  expect(hexDump(Buffer.from('hello\n')).split('\n')[3]).toBe('|00000000| 68 65 6c 6c 6f 0a                               |hello.          |');
  expect(hexDump(Buffer.alloc(0))).toBe('');
  const text = 'count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7';
  expect(parseQuota(text)).toEqual({ count: 5, bytes: -1, byteHardLimit: -1, countHardLimit: 7 });
  expect(formatQuota(parseQuota(text))).toBe(text);
  expect(formatQuota({ count: 0, bytes: 0 })).toBe('count=0,bytes=0');
});

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.listen();
});
afterEach(() => server.close());

/** Runs zk-cli against the fake server; `serve` answers what comes before the closeSession. */
async function run(words: string[], serve: (connection: FakeConnection) => Promise<void>, typed = ''): Promise<[number, string, string]> {
  const [input, output, error] = [new PassThrough(), new PassThrough(), new PassThrough()];
  input.end(typed);
  const ended = runCli(['-server', server.address, ...words], { input, output, error });
  const connection = await server.welcome();
  await serve(connection);
  const closing = await connection.request();
  expect(closing.type).toBe(OpCode.closeSession);
  connection.reply(closing);
  const code = await ended;
  return [code, String(output.read() ?? ''), String(error.read() ?? '')];
}

const children = encode(GetChildren2Response, { children: ['b', 'a'], stat });

test('one command: the result on standard output, the error on standard error and in the exit status', async () => {
  const good = await run(['ls', '/'], async (connection) => connection.reply(await connection.request(), { body: children }));
  const hello = `Connecting to ${server.address}\n`;
  const event = '\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null zxid: -1\n';
  expect(good).toEqual([0, `${hello}${event}[a, b]\n`, '']);
  const bad = await run(['get', '/x'], async (connection) => connection.reply(await connection.request(), { err: ErrorCode.NONODE }));
  expect(bad).toEqual([1, `${hello}${event}`, 'Node does not exist: /x\n']);
});

test('--json: one value a command, errors too', async () => {
  const data = encode(GetDataResponse, { data: Buffer.from([0xff]), stat });
  const [, text] = await run(['--json', 'get', '/x'], async (connection) => connection.reply(await connection.request(), { body: data }));
  expect(JSON.parse(text)).toMatchObject({ data: '/w==', encoding: 'base64', stat: { mzxid: '0x100000003', mtime: '1970-01-01T00:00:01.000Z' } });
  const [code, out, err] = await run(['--json', 'get', '/x'], async (connection) => connection.reply(await connection.request(), { err: ErrorCode.NOAUTH }));
  expect([code, out, JSON.parse(err)]).toEqual([1, '', { error: 'NOAUTH', path: '/x', message: 'Insufficient permission : /x' }]);
});

test('a typed session: history, redo, printwatches, and the exit status of the last command', async () => {
  const typed = 'ls /\nprintwatches off\nredo 0\nhistory\nredo 9\nprintwatches\nnosuch\nquit\n';
  const [code, out, err] = await run([], async (connection) => {
    connection.reply(await connection.request(), { body: children });
    connection.reply(await connection.request(), { body: children });
  }, typed);
  expect(out.split('\n').filter((line) => line !== '' && !/WATCHER|Connecting|WatchedEvent/.test(line))).toEqual([
    'Welcome to ZooKeeper!', '[a, b]', '[a, b]', '0 - ls /', '1 - printwatches off', '2 - ls /', '3 - history', 'printwatches is off',
  ]);
  expect(err).toMatch(/^Command index out of range\nZooKeeper -server [^]*\n\tls \[-s\] \[-w\] \[-R\] path\n[^]*\nCommand not found: Command not found nosuch\n$/);
  expect(code).toBe(127);
});

test('a znode or a command is completed', async () => {
  const { Shell } = await import('../src/cli/shell.ts');
  const shell = new Shell(parseLaunchOptions(['-server', server.address]), { out: () => undefined, err: () => undefined });
  const connection = await server.welcome();
  expect(await shell.complete('getA')).toEqual([['getAcl', 'getAllChildrenNumber'], 'getA']);
  const completing = shell.complete('get /app/b');
  const request = await connection.request();
  expect(request.body.ustring()).toBe('/app');
  connection.reply(request, { body: children });
  expect(await completing).toEqual([['/app/b'], '/app/b']);
  const closing = shell.close();
  connection.reply(await connection.request());
  await closing;
});
