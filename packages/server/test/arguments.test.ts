import { expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';

test('a configuration file, with properties and settings in any order', () => {
  expect(parseArguments(['-Dzookeeper.snapCount=5', 'conf/zoo.cfg', '--set', 'tickTime=1', '--set=initLimit=2', '-D', 'jute.maxbuffer=9'])).toEqual({
    kind: 'run',
    file: 'conf/zoo.cfg',
    defines: ['zookeeper.snapCount=5', 'jute.maxbuffer=9'],
    sets: ['tickTime=1', 'initLimit=2'],
  });
});

test('the flags that container images pass to Java', () => {
  const invocation = parseArguments(['zoo.cfg'], { JVMFLAGS: '-Xmx512m -Dzookeeper.maxCnxns=3', SERVER_JVMFLAGS: '-Djute.maxbuffer=5' });
  expect(invocation).toMatchObject({ defines: ['zookeeper.maxCnxns=3', 'jute.maxbuffer=5'] });
});

test('port and data directory, with no limit of connections', () => {
  expect(parseArguments(['2181', 'C:\\data', '1000'])).toMatchObject({ kind: 'short', text: 'clientPort=2181\ndataDir=C:\\\\data\nmaxClientCnxns=0\ntickTime=1000' });
});

test.each([
  [[], 'no configuration file given'],
  [['a.cfg', 'b.cfg'], 'one configuration file is enough, not a.cfg b.cfg'],
  [['--frobnicate', 'a.cfg'], 'unknown option --frobnicate'],
  [['a.cfg', '--set'], '--set needs key=value'],
])('%j is refused', (args, reason) => {
  expect(parseArguments(args)).toEqual({ kind: 'wrong', reason });
});

test('help and version', () => {
  expect(parseArguments(['--help']).kind).toBe('help');
  expect(parseArguments(['--version']).kind).toBe('version');
});

test('an action, its file and settings; some have options of their own', () => {
  expect(parseArguments(['start', 'zoo3.cfg', '--set', 'tickTime=1'])).toEqual({ kind: 'action', action: 'start', file: 'zoo3.cfg', defines: [], sets: ['tickTime=1'] });
  expect(parseArguments(['status'])).toMatchObject({ kind: 'action', action: 'status', file: null });
  expect(parseArguments(['cleanup', '/data', '-n', '3'])).toEqual({ kind: 'raw', action: 'cleanup', words: ['/data', '-n', '3'] });
  expect(parseArguments(['stop', 'a.cfg', 'b.cfg'])).toEqual({ kind: 'wrong', reason: 'stop takes one configuration file, not a.cfg b.cfg' });
  expect(parseArguments(['./start'])).toMatchObject({ kind: 'run', file: './start' });
});
