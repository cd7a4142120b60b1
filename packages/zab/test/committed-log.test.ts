import { describe, expect, test } from 'vitest';
import { CommittedLog } from '../src/index.ts';
import { txnAt, z } from './support.ts';

describe('the committed log', () => {
  test('keeps the newest proposals, however many pass through', () => {
    const log = new CommittedLog(3);
    for (let counter = 1; counter <= 20; counter++) log.add(txnAt(z(`5.${counter}`)));
    expect(zxids(log)).toEqual([z('5.18'), z('5.19'), z('5.20')]);
    expect([log.min, log.max, log.size]).toEqual([z('5.18'), z('5.20'), 3]);
  });

  test('begins again after a hole, so that none is passed on (T8)', () => {
    expect(zxids(logOf('5.1', '5.2', '5.4'))).toEqual([z('5.4')]);
  });

  test('goes on into a later epoch', () => {
    expect(zxids(logOf('5.1', '6.1', '8.1'))).toEqual([z('5.1'), z('6.1'), z('8.1')]);
  });

  test('ignores what it has', () => {
    expect(zxids(logOf('5.1', '5.2', '5.2', '5.1'))).toEqual([z('5.1'), z('5.2')]);
  });

  test('is read from the middle', () => {
    expect([...logOf('5.1', '5.2', '5.3').from(z('5.2'))].map(({ zxid }) => zxid)).toEqual([z('5.2'), z('5.3')]);
  });

  test('is cut back, and goes on from there', () => {
    const log = logOf('5.1', '5.2', '5.3');
    log.truncate(z('5.1'));
    log.add(txnAt(z('5.2')));
    expect(zxids(log)).toEqual([z('5.1'), z('5.2')]);
  });

  test('has neither min nor max when empty', () => {
    const log = logOf('5.1');
    log.clear();
    expect([log.min, log.max, log.size]).toEqual([null, null, 0]);
  });
});

function logOf(...texts: string[]): CommittedLog {
  const log = new CommittedLog();
  for (const text of texts) log.add(txnAt(z(text)));
  return log;
}

function zxids(log: CommittedLog): bigint[] {
  return [...log.from(z('0'))].map(({ zxid }) => zxid);
}
