import { asSessionId, asSid, asZxid } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { describeTrace, logOptionsOf, logTrace } from '../src/log.ts';
import { recordingLog } from './support/sockets.ts';

test('zxids and sessions are hex, sids and epochs are numbers, empty facts are left out', () => {
  const { log, lines } = recordingLog();
  logTrace(log, { kind: 'session', event: 'expired', session: asSessionId(0x100001e51b60000n), timeoutMs: 4000, remote: null });
  logTrace(log, { kind: 'syncing', side: 'leader', sid: asSid(2n), op: 'DIFF', from: asZxid(0x100000003n), to: asZxid(0x100000005n) });
  logTrace(log, { kind: 'recovered', lastZxid: asZxid(0n), acceptedEpoch: 1n, currentEpoch: 1n, notes: [], trusted: true });
  expect(lines.map(({ time: _time, ...line }) => line)).toEqual([
    { level: 20, msg: 'session expired', session: '0x100001e51b60000', timeoutMs: 4000 },
    { level: 30, msg: 'syncing', side: 'leader', learner: 2, op: 'DIFF', from: '0x100000003', to: '0x100000005' },
    { level: 30, msg: 'recovered from disk', lastZxid: '0x0', acceptedEpoch: 1, currentEpoch: 1, trusted: true },
  ]);
});

test('patience is news, what heals by itself is a warning, what needs a person an error', () => {
  expect(describeTrace({ kind: 'waiting', missing: [asSid(2n)], distrusted: [], forMs: 5000 }).level).toBe('info');
  expect(describeTrace({ kind: 'linkRefused', remote: '127.0.0.1:1', reason: 'HTTP' }).level).toBe('warn');
  expect(describeTrace({ kind: 'digestMismatch', zxid: asZxid(1n), expected: 1n, actual: 2n }).level).toBe('error');
  expect(describeTrace({ kind: 'fatal', code: 1, reason: 'x' }).level).toBe('fatal');
});

describe('the environment', () => {
  test.each([
    [{}, true, { level: 'info', pretty: true, colorize: true }],
    [{}, false, { level: 'info', pretty: false, colorize: false }],
    [{ LOG_LEVEL: 'DEBUG', LOG_FORMAT: 'pretty' }, false, { level: 'debug', pretty: true, colorize: false }],
    [{ LOG_LEVEL: 'shouting', LOG_FORMAT: 'json', NO_COLOR: '1' }, true, { level: 'info', pretty: false, colorize: false }],
  ])('%j on a terminal: %s', (env, isTerminal, options) => {
    expect(logOptionsOf(env, isTerminal)).toEqual(options);
  });
});
