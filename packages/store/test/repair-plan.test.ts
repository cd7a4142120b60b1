import { asZxid, zxidOf } from '@zk/protocol';
import { expect, test } from 'vitest';
import { planRepair, type LogSurvey, type RepairPlan } from '../src/index.ts';

const RECORD_BYTES = 100;

/** A file in words: `1-5` are txns, `!` is damage, `~` a torn tail; `2:1` is the first txn of epoch 2. */
function log(text: string): LogSurvey {
  const runs: LogSurvey['runs'][number][] = [];
  const damage: LogSurvey['damage'][number][] = [];
  let torn: string | null = null;
  let at = 16;
  for (const word of text.split(' ').filter((one) => one !== '')) {
    if (word === '!') damage.push({ kind: 'damage', offset: at, end: at + RECORD_BYTES, after: asZxid(0n), reason: 'bit rot' });
    else if (word === '~') torn = 'the file ends inside a record';
    else {
      const [first, last] = word.split('-').map(zxidFrom) as [bigint, bigint];
      const records = Number(last - first) + 1;
      runs.push({ first: asZxid(first), last: asZxid(last), records, from: at, to: at + records * RECORD_BYTES });
      at += (records - 1) * RECORD_BYTES;
    }
    at += RECORD_BYTES;
  }
  const name = runs[0]?.first ?? asZxid(99n);
  return { zxid: name, path: `/d/log.${name.toString(16)}`, size: at, records: runs.reduce((sum, run) => sum + run.records, 0), runs, damage, torn, end: at };
}

function zxidFrom(text: string): bigint {
  const [epoch, counter] = text.includes(':') ? text.split(':') : ['0', text];
  return zxidOf(BigInt(epoch as string), BigInt(counter as string));
}

/** The plan in words. */
function plan(base: number | null, ...files: string[]): string {
  const logs = files.map(log);
  const { last, rewritten, setAside, cut, loss }: RepairPlan = planRepair(logs, base === null ? null : asZxid(BigInt(base)));
  const name = (path: string): string => path.replace('/d/', '');
  return [
    `ends ${last === null ? '-' : `0x${last.toString(16)}`}`,
    ...rewritten.map(({ path, name: to, ranges }) => `write ${name(path)}→${to}:${ranges.reduce((sum, { from, to: end }) => sum + (end - from) / RECORD_BYTES, 0)}`),
    ...setAside.map((path) => `aside ${name(path)}`),
    ...cut.map(({ path }) => `cut ${name(path)}`),
    ...(loss.txns + loss.unreadable > 0 ? [`lost ${loss.txns}+${loss.unreadable}`] : []),
  ].join(', ');
}

test.each([
  ['a sound log', plan(0, '1-5', '6-9'), 'ends 0x9'],
  ['a torn tail', plan(0, '1-5', '6-9 ~'), 'ends 0x9, write log.6→log.6:4, cut log.6'],
  ['a torn tail that the next file continues', plan(0, '1-5 ~', '6-9'), 'ends 0x9'],
  ['damage at the end', plan(0, '1-5', '6-8 !'), 'ends 0x8, write log.6→log.6:3, lost 0+1'],
  ['damage in the middle: what is behind it goes', plan(0, '1-3 ! 5-6', '7-9'), 'ends 0x3, write log.1→log.1:3, aside log.7, lost 5+1'],
  ['damage below the snapshot: nothing is lost, and no reader finds the hole', plan(6, '1-3 ! 5-6', '7-9'), 'ends 0x9, write log.1→log.5:2'],
  ['older files than that go as well', plan(8, '1-3', '4-5 ! 7-8', '9-9'), 'ends 0x9, write log.4→log.7:2, aside log.1'],
  ['a snapshot ahead of the log', plan(12, '1-3', '4-9'), 'ends 0xc'],
  ['a hole in front of the first needed txn', plan(3, '5-9'), 'ends 0x3, aside log.5, lost 5+0'],
  ['a hole that the snapshot covers stays', plan(7, '1-3', '7-9'), 'ends 0x9'],
  ['a new epoch continues the old one', plan(0, '1-3', '1:1-1:4'), 'ends 0x100000004'],
  ['but not behind damage, which may have been its end', plan(0, '1-3 !', '1:1-1:4'), 'ends 0x3, write log.1→log.1:3, aside log.100000001, lost 4+1'],
  ['nor right behind the snapshot', plan(0, '! 1:1-1:4'), 'ends 0x0, aside log.100000001, lost 4+1'],
  ['damage that hit no txn', plan(0, '1-3 ! 4-9'), 'ends 0x9, write log.1→log.1:9'],
  ['no snapshot at all', plan(null, '1-3 ! 5-9'), 'ends 0x3, write log.1→log.1:3, lost 5+1'],
  ['a file with a torn beginning alone', plan(5, '1-5', '~'), 'ends 0x5, aside log.63, cut log.63'],
])('%s', (_what, actual, expected) => expect(actual).toBe(expected));
