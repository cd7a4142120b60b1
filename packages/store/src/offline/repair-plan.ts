import type { Zxid } from '@zk/protocol';
import { logName } from '../file-names.ts';
import type { LogSurvey } from './log-survey.ts';
import type { DirectoryChange, Rewrite } from './directory-change.ts';
import { follows } from './sequence.ts';
import { historyOf, type Gap, type History, type Stretch } from './stretches.ts';

/** What a repair would do to a log, and what it would cost. */
export interface RepairPlan extends DirectoryChange {
  /** The last txn of the repaired history; null: nothing is left. */
  readonly last: Zxid | null;
  /** What is unreadable, or missing. */
  readonly gaps: readonly Gap[];
  /** Torn tails that are cut: nothing in them was ever acknowledged. */
  readonly cut: readonly LogSurvey[];
  readonly loss: Loss;
}

/** What had been in the log and is given up. Any of it may have been acknowledged. */
export interface Loss {
  /** Whole txns that cannot be kept, because something before them is missing. */
  readonly txns: number;
  /** Places that cannot be read and whose txns are in no snapshot either. */
  readonly unreadable: number;
  /** From the first lost one on; `last` null: unknown, what was lost is unreadable. */
  readonly first: Zxid | null;
  readonly last: Zxid | null;
}

/**
 * The longest history that continues the snapshot `base` (zxid; null: there is none) without a gap. What is behind a gap
 * is given up: a txn that is applied while one before it is missing makes another tree than the other members have.
 */
export function planRepair(logs: readonly LogSurvey[], base: Zxid | null): RepairPlan {
  const history = historyOf(logs);
  const kept = stretchBehind(history, base);
  const last = kept === null ? base : base !== null && base > kept.last ? base : kept.last;
  const first = kept?.first ?? base;
  const isOldDamage = history.gaps.some(({ kind, before }) => kind !== 'hole' && before !== null && first !== null && before <= first);
  const rewritten: Rewrite[] = [];
  const setAside: string[] = [];
  const cut: LogSurvey[] = [];
  for (const log of logs) {
    const ranges = kept?.pieces.filter((piece) => piece.log === log).map(({ run }) => run) ?? [];
    const isTornEnd = log.torn !== null && log === logs.at(-1);
    if (isTornEnd) cut.push(log);
    const isWhole = log.damage.length === 0 && ranges.length === log.runs.length;
    const firstKept = ranges[0];
    if (firstKept === undefined) {
      if (!isHarmless(log, first, isOldDamage)) setAside.push(log.path);
    } else if (!isWhole || isTornEnd) {
      const name = firstKept.from === log.runs[0]?.from ? logName(log.zxid) : logName(firstKept.first);
      rewritten.push({ path: log.path, name, ranges });
    }
  }
  return { last, gaps: history.gaps, cut, rewritten, setAside, loss: lossBehind(history, last) };
}

function stretchBehind({ stretches, gaps }: History, base: Zxid | null): Stretch | null {
  if (base === null) return stretches[0] ?? null;
  const isBehindDamage = (first: Zxid): boolean => gaps.some(({ kind, before }) => kind === 'damage' && before === first);
  return stretches.findLast(({ first, last }) => (first <= base + 1n && base <= last) || follows(base, first, isBehindDamage(first))) ?? null;
}

/** Files without a txn of the kept history: older ones may stay as long as nothing between them and it is damaged. */
function isHarmless(log: LogSurvey, first: Zxid | null, isOldDamage: boolean): boolean {
  const end = log.runs.at(-1)?.last;
  if (log.damage.length > 0) return false;
  if (end === undefined) return log.torn === null; // a header alone
  return !isOldDamage && first !== null && end <= first;
}

function lossBehind({ stretches, gaps }: History, last: Zxid | null): Loss {
  const isLost = (zxid: Zxid): boolean => last === null || zxid > last;
  const lost = stretches.filter((stretch) => isLost(stretch.last));
  const unreadable = gaps.filter(({ kind, before }) => kind === 'damage' && (before === null || (last !== null && before > last + 1n))).length;
  const txns = lost.reduce((sum, { records }) => sum + records, 0);
  const first = txns + unreadable === 0 || last === null ? null : ((last + 1n) as Zxid);
  return { txns, unreadable, first, last: lost.at(-1)?.last ?? null };
}
