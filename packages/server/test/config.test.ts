import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, describeProblem, loadConfig, parseConfig, type LoadOptions, type ServerConfig } from '../src/config.ts';
import { peerConfigOf } from '../src/config/peer-config.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-config-'));
  for (const id of ['1', '2', '3', '9']) withMyId(id, `${id}\n`);
  withMyId('empty', '');
  withMyId('word', 'one\n');
});
afterAll(() => rmSync(home, { recursive: true }));

function withMyId(directory: string, text: string): void {
  mkdirSync(join(home, directory));
  writeFileSync(join(home, directory, 'myid'), text);
}

const THREE = ['server.1=a:2888:3888', 'server.2=b:2888:3888', 'server.3=c:2888:3888'];
const MEMBER = ['initLimit=10', 'syncLimit=5'];

function parse(lines: readonly string[], options: LoadOptions = {}): ServerConfig {
  return parseConfig(lines.join('\n'), { cwd: home, ...options, file: 'zoo.cfg', path: join(home, 'zoo.cfg') });
}

function errorOf(lines: readonly string[], options: LoadOptions = {}): ConfigError | null {
  try {
    parse(lines, options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return null;
}

function problemsOf(lines: readonly string[], options: LoadOptions = {}): string[] {
  return (errorOf(lines, options)?.problems ?? []).map((problem) => describeProblem(problem).replaceAll(home, 'HOME'));
}

function warningsOf(lines: readonly string[], options: LoadOptions = {}): string[] {
  return parse(lines, options).warnings.map(describeProblem);
}

describe('a standalone server', () => {
  test('has Apache’s defaults', () => {
    const config = parse(['dataDir=1', 'clientPort=2181']);
    expect(config).toMatchObject({ ensemble: null, sid: 0n, client: { host: null, port: 2181 }, dataDir: join(home, '1'), dataLogDir: join(home, '1'), warnings: [] });
    expect(config.settings.get('tickTime')).toBe(3000);
    expect(config.settings.get('maxClientCnxns')).toBe(60);
  });

  test('takes its client port from a single server line, as in the official image', () => {
    const config = parse(['dataDir=1', 'server.1=localhost:2888:3888;2181']);
    expect(config).toMatchObject({ ensemble: null, client: { host: null, port: 2181 } });
  });

  test('without a client port has no client listener', () => {
    expect(parse(['dataDir=1']).client).toBeNull();
  });

  test('is an ensemble of one with standaloneEnabled=false', () => {
    const config = parse(['dataDir=1', 'server.1=localhost:2888:3888;2181', 'standaloneEnabled=false', ...MEMBER]);
    expect(config.ensemble?.voters.size).toBe(1);
    expect(config.sid).toBe(1n);
  });
});

describe('the text of the file', () => {
  test('is read as java.util.Properties: separators, continuations, escapes', () => {
    const config = parse(['tickTime 1000', 'clientPort : 2181', 'dataDir = \\', '   1', '! a comment', 'initLimit=\\u0031\\u0030']);
    expect(config.settings.get('tickTime')).toBe(1000);
    expect(config.client?.port).toBe(2181);
    expect(config.dataDir).toBe(join(home, '1'));
    expect(config.settings.get('initLimit')).toBe(10);
  });

  test('may be ISO-8859-1 or UTF-8', () => {
    for (const encoding of ['latin1', 'utf8'] as const) {
      const file = join(home, `${encoding}.cfg`);
      writeFileSync(file, 'dataDir=/données\nclientPort=2181\n', encoding);
      expect(loadConfig(file).dataDir).toBe('/données');
    }
  });

  test('may begin with a byte order mark', () => {
    const file = join(home, 'bom.cfg');
    writeFileSync(file, '\ufefftickTime=1234\ndataDir=/d\n');
    expect(loadConfig(file).settings.get('tickTime')).toBe(1234);
  });

  test('keeps doubled backslashes of Windows paths', () => {
    expect(parse(['dataDir=E:\\\\zk\\\\data'], { cwd: '/x' }).dataDir).toContain('E:\\zk\\data');
  });

  test('names the directory of the file with ${configDir}', () => {
    expect(parse(['dataDir=${configDir}/data'], { cwd: '/elsewhere' }).dataDir).toBe(join(home, 'data'));
  });

  test('takes properties of the zookeeper.* family without their prefix', () => {
    const { settings } = parse(['dataDir=1', 'snapCount=1000', '4lw.commands.whitelist=*', 'forceSync=no', 'leaderServes=no', 'admin.serverPort=0']);
    expect(settings.get('snapCount')).toBe(1000);
    expect(settings.get('4lw.commands.whitelist')).toBe('*');
    expect(settings.get('forceSync')).toBe(false);
    expect(settings.get('leaderServes')).toBe(false);
  });

  test('takes unprefixed JVM properties too, which Apache reads with -D only', () => {
    const { settings } = parse(['dataDir=1', 'jute.maxbuffer=4194304', 'readonlymode.enabled=true']);
    expect(settings.get('jute.maxbuffer')).toBe(4194304);
    expect(settings.get('readonlymode.enabled')).toBe(true);
  });
});

describe('the command line', () => {
  test('-D is overridden by the file, the file by --set', () => {
    const { settings } = parse(['dataDir=1', 'snapCount=200'], { defines: ['zookeeper.snapCount=100', 'zookeeper.maxCnxns=7'], sets: ['maxCnxns=8'] });
    expect(settings.get('snapCount')).toBe(200);
    expect(settings.get('maxCnxns')).toBe(8);
  });

  test('-D reaches JVM properties without prefix', () => {
    expect(parse(['dataDir=1'], { defines: ['jute.maxbuffer=999'] }).settings.get('jute.maxbuffer')).toBe(999);
  });

  test.each([
    ['zookeeper.tickTime=1', '-Dzookeeper.tickTime=1 tickTime is read from zoo.cfg only, -D is ignored; write --set tickTime=1'],
    ['snapCount=5', '-DsnapCount=5 -DsnapCount is not read by ZooKeeper; write -Dzookeeper.snapCount=5'],
  ])('-D%s is ignored, and said to be', (define, warning) => {
    expect(warningsOf(['dataDir=1'], { defines: [define] })).toEqual([warning]);
  });

  test('other -D arguments are Java’s business', () => {
    expect(warningsOf(['dataDir=1'], { defines: ['java.net.preferIPv4Stack=true', 'user.timezone=UTC'] })).toEqual([]);
  });
});

describe('mistakes that stop the start, each with its fix', () => {
  const lines = (...extra: string[]): string[] => ['dataDir=1', ...extra];
  const members = (...extra: string[]): string[] => ['dataDir=1', ...MEMBER, ...extra];

  test.each<[string, string[], string]>([
    ['no dataDir', ['clientPort=2181'], 'zoo.cfg dataDir is not set; write for example dataDir=/var/lib/zookeeper'],
    ['a word for a number', lines('tickTime=fast'), 'zoo.cfg:2 tickTime=fast is not a whole number of at least 0; write for example tickTime=3000'],
    ['a unit', lines('tickTime=2000ms'), 'zoo.cfg:2 tickTime=2000ms is not a whole number of at least 0; write for example tickTime=3000'],
    ['tickTime=0', lines('tickTime=0'), 'zoo.cfg:2 tickTime is not set; write for example tickTime=2000'],
    ['a port too large', lines('clientPort=70000'), 'zoo.cfg:2 clientPort=70000 is not a port from 0 to 65535; write for example clientPort=2181'],
    ['a boolean that is none', lines('reconfigEnabled=yes'), "zoo.cfg:2 reconfigEnabled=yes is not 'true' or 'false'; write for example reconfigEnabled=false"],
    ['session bounds the wrong way round', lines('minSessionTimeout=5000', 'maxSessionTimeout=4000'), 'zoo.cfg:2 minSessionTimeout must not be larger than maxSessionTimeout; they are 5000 and 4000 ms'],
    ['another election algorithm', lines('electionAlg=2'), 'zoo.cfg:2 Invalid electionAlg value. Only 3 is supported.; remove the line'],
    ['an unknown peerType', lines('peerType=boss'), 'zoo.cfg:2 Unrecognised peertype: boss; write observer or participant'],
    ['an address without a port', lines('clientPortAddress=::1'), 'zoo.cfg:2 clientPortAddress is set but clientPort is not set; write for example clientPort=2181'],
    ['lost backslashes', ['dataDir=E:\\zk'], 'zoo.cfg:1 dataDir=E:zk has lost its backslashes, which are escapes in this file; double them (E:\\\\data) or use slashes (E:/data)'],
    ['TLS, which would be missing', lines('secureClientPort=2281'), 'zoo.cfg:2 secureClientPort=2281 asks for protection this server does not offer yet; remove the line, or keep this member on Apache ZooKeeper'],
    ['the oracle of two servers, without which one of them stops alone (ZOOKEEPER-3922)', lines('oraclePath=/chassis/mastership'), 'zoo.cfg:2 oraclePath=/chassis/mastership asks for protection this server does not offer yet; remove the line, or keep this member on Apache ZooKeeper'],
    ['sever.1', lines('sever.1=a:2888:3888'), 'zoo.cfg:2 sever.1=a:2888:3888 is not a key; did you mean server.1=a:2888:3888?'],
    ['server1', lines('server1=a:2888:3888'), 'zoo.cfg:2 server1=a:2888:3888 is not a key; did you mean server.1=a:2888:3888?'],
    ['servers.2', lines('servers.2=a:2888:3888'), 'zoo.cfg:2 servers.2=a:2888:3888 is not a key; did you mean server.2=a:2888:3888?'],
    ['a server named, not numbered', members('server.one=a:2888:3888', ...THREE), 'zoo.cfg:4 server.one: the server id one is not a number; write for example server.1=a:2888:3888'],
    ['no election port', members('server.1=a:2888', ...THREE.slice(1)), 'zoo.cfg:4 server.1=a:2888 has no election port; write server.1=a:2888:3888'],
    ['no ports at all', members('server.1=a', ...THREE.slice(1)), 'zoo.cfg:4 server.1=a has no quorum port and no election port; write server.1=a:2888:3888'],
    ['one port for both', members('server.1=a:2888:2888', ...THREE.slice(1)), 'zoo.cfg:4 server.1=a:2888:2888 uses port 2888 as its quorum port and as its election port; write server.1=a:2888:3888'],
    ['an id twice', members(...THREE, 'server.3=d:2888:3888'), 'zoo.cfg:7 server.3 is given twice, first on line 6; give every server a number of its own'],
    ['two servers at one address', members('server.1=a:2888:3888', 'server.2=b:2888:3888', 'server.3=a:2888:3890'), 'zoo.cfg:6 server.3: the quorum port a:2888 is already the quorum port of server.1 (line 4); give each of them a port of its own'],
    ['the client port twice', members('server.1=a:2888:3888;2888', ...THREE.slice(1)), 'zoo.cfg:4 server.1: quorum port and client port are both a:2888; give each of them a port of its own'],
    ['another client port than the server line', members('clientPort=2182', 'server.1=a:2888:3888;2181', ...THREE.slice(1)), 'zoo.cfg:4 clientPort=2182 is different from the client port 2181 of server.1; remove clientPort, or make them equal'],
    ['no initLimit', ['dataDir=1', 'syncLimit=5', ...THREE], 'zoo.cfg initLimit is not set; an ensemble needs it: write for example initLimit=10'],
    ['no myid', ['dataDir=none', ...MEMBER, ...THREE], "zoo.cfg:1 myid file is missing: HOME/none/myid; write this server's number (one of 1, 2, 3) into it: echo 1 > HOME/none/myid"],
    ['an empty myid', ['dataDir=empty', ...MEMBER, ...THREE], 'HOME/empty/myid:1 the myid file is empty; write one of 1, 2, 3 into it'],
    ['a myid that is no number', ['dataDir=word', ...MEMBER, ...THREE], 'HOME/word/myid:1 serverid one is not a number; myid must be one of 1, 2, 3'],
    ['a myid without a line', ['dataDir=9', ...MEMBER, ...THREE], 'HOME/9/myid:1 myid 9 is not among the server lines; use one of 1, 2, 3, or add server.9=host:2888:3888'],
    ['two myids', ['dataDir=2', 'myid=1', ...MEMBER, ...THREE], 'zoo.cfg:2 myid=1 contradicts HOME/2/myid, which says 2; remove the myid line, or correct the file if this is the wrong dataDir'],
    ['observers only', members('server.1=a:2888:3888:observer', 'server.2=b:2888:3888:observer'), 'zoo.cfg:4 every server is an observer, nobody could lead; make at least one server a participant'],
    ['observers with one participant', members('server.1=a:2888:3888', 'server.2=b:2888:3888:observer'), 'zoo.cfg:4 observers with a single participant need an ensemble; set standaloneEnabled=false, or add participants'],
    ['two addresses', members('server.1=a:2888:3888|b:2888:3888', 'server.2=c:2888:3888'), 'zoo.cfg:4 server.1=a:2888:3888|b:2888:3888 cannot be read: Multiple address feature is disabled, but multiple addresses were specified for sid 1; write server.1=a:2888:3888'],
    ['a server in two groups', members(...THREE, 'group.1=1:2', 'group.2=2:3'), 'zoo.cfg:8 group.2=2:3: server 2 is in group.1 as well; put every server into one group'],
    ['nobody in an ensemble', lines('standaloneEnabled=false'), 'zoo.cfg:2 standaloneEnabled=false needs at least one participant; add server.1=host:2888:3888, or remove the line'],
  ])('%s', (_name, text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  test('all of them are told at once', () => {
    expect(problemsOf(['tickTime=x', 'sever.1=a:1:2', 'electionAlg=0'])).toHaveLength(4); // and no dataDir
  });

  test('and what is merely odd with them: it may be the reason', () => {
    expect(errorOf(['dataDri=1'])?.report()).toBe(
      'zoo.cfg dataDir is not set; write for example dataDir=/var/lib/zookeeper\nzoo.cfg:1 dataDri is not a key ZooKeeper knows; it has no effect; did you mean dataDir=1? (warning)',
    );
  });

  test('a file that is not there', () => {
    expect(() => loadConfig('no-such.cfg', { cwd: home })).toThrow('no-such.cfg file is missing; conf/zoo_sample.cfg is one to start from');
  });
});

describe('oddities that are only warned of', () => {
  test.each<[string, string[], string]>([
    ['a comment behind a number', ['tickTime=2000 # milliseconds'], 'zoo.cfg:2 tickTime=2000 # milliseconds: a comment needs a line of its own, Apache refuses this; read as 2000; write tickTime=2000'],
    ['a near miss', ['tickTme=2000'], 'zoo.cfg:2 tickTme is not a key ZooKeeper knows; it has no effect; did you mean tickTime=2000?'],
    ['a stranger', ['favouriteColour=blue'], 'zoo.cfg:2 favouriteColour is not a key ZooKeeper knows; it has no effect'],
    ['a prefix too many', ['zookeeper.snapCount=1000'], 'zoo.cfg:2 zookeeper.snapCount: keys of this file have no prefix; read as snapCount; write snapCount=1000'],
    ['a key twice', ['tickTime=1000', 'tickTime=2000'], 'zoo.cfg:3 tickTime is set twice, first on line 2; the last one counts; remove one of them'],
    ['a property that is no number', ['snapCount=many'], 'zoo.cfg:2 snapCount=many is not a whole number of at least 2; the default 100000 is used; write for example snapCount=100000'],
    ['something not built yet', ['portUnification=true'], 'zoo.cfg:2 portUnification is not supported yet and has no effect'],
    ['few snapshots', ['autopurge.snapRetainCount=1'], 'zoo.cfg:2 autopurge.snapRetainCount=1 is below 3, 3 is used'],
  ])('%s', (_name, text, warning) => {
    expect(warningsOf(['dataDir=1', ...text])).toContain(warning);
  });

  test('an even number of voters', () => {
    const four = [...THREE, 'server.4=d:2888:3888'];
    expect(warningsOf(['dataDir=1', ...MEMBER, ...four])).toContain('zoo.cfg:4 4 voters survive no more failures than 3; choose an odd number');
  });

  test('a comment behind a server line', () => {
    const config = parse(['dataDir=1', ...MEMBER, 'server.1=a:2888:3888 # the first', ...THREE.slice(1)]);
    expect(config.ensemble?.servers.size).toBe(3);
    expect(config.warnings.map(describeProblem)).toEqual(['zoo.cfg:4 server.1=a:2888:3888 # the first: a comment needs a line of its own; read as a:2888:3888; write server.1=a:2888:3888']);
  });
});

describe('dynamicConfigFile', () => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(home, name), text);
    return `dynamicConfigFile=${name}`;
  };

  test('holds the servers; its name ends in the version', () => {
    const line = write('zoo.cfg.dynamic.100000000', 'server.1=a:2888:3888:participant;2181\nserver.2=b:2888:3888:observer;2181\nserver.3=c:2888:3888;2181');
    const config = parse(['dataDir=1', ...MEMBER, line, 'standaloneEnabled=false']);
    expect(config.ensemble?.version).toBe(0x100000000n);
    expect(config.ensemble?.observers.size).toBe(1);
    expect(config.client).toEqual({ host: null, port: 2181 });
  });

  test('is refused with a version, with other keys, and beside server lines in the main file', () => {
    const line = write('bad.dynamic', 'version=1\nclientPort=2181\nserver.1=a:1:2');
    expect(problemsOf(['dataDir=1', line, 'server.2=b:1:2'])).toEqual([
      'zoo.cfg:3 parameter: server.2 must be in a separate dynamic config file; move the line to bad.dynamic',
      "bad.dynamic:1 dynamic file shouldn't have version inside; remove the line: the version is the end of the file's name",
      'bad.dynamic:2 Unrecognised parameter: clientPort; only server, group and weight lines belong here',
    ]);
  });
});

describe('conf/', () => {
  const conf = (name: string): string => fileURLToPath(new URL(`../../../conf/${name}`, import.meta.url));

  test.each([1, 2, 3])('zoo%i.cfg starts on a fresh clone, from any directory', (id) => {
    const config = loadConfig(conf(`zoo${id}.cfg`), { cwd: '/' });
    expect(config.warnings).toEqual([]);
    expect(config.sid).toBe(BigInt(id));
    expect(config.client?.port).toBe(2180 + id);
    expect(config.dataDir).toBe(fileURLToPath(new URL(`../../../data/zoo${id}`, import.meta.url)));
    expect(config.ensemble?.voters.size).toBe(3);
  });

  test('zoo_sample.cfg is a standalone server', () => {
    expect(loadConfig(conf('zoo_sample.cfg'))).toMatchObject({ ensemble: null, client: { port: 2181 }, warnings: [] });
  });
});

test('a peer is told in its own words', () => {
  const peer = peerConfigOf(parse(['dataDir=2', ...MEMBER, ...THREE, 'tickTime=500', 'jute.maxbuffer=2000', 'enforce.auth.schemes=sasl, digest', 'skipACL=yes', 'minSessionTimeout=700']));
  expect(peer).toMatchObject({ sid: 2n, tickTime: 500, initLimit: 10, syncLimit: 5, maxBuffer: 2000, maxBufferExtra: 2000, minSessionTimeout: 700, maxSessionTimeout: null });
  expect(peer.auth).toMatchObject({ skipACL: true, enforceAuthSchemes: ['sasl', 'digest'] });
});
