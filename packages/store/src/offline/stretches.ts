import type { Zxid } from '@zk/protocol';
import type { Damage, LogSurvey, Run } from './log-survey.ts';
import { follows } from './sequence.ts';

/** Part of one file. */
export interface Piece {
  readonly log: LogSurvey;
  readonly run: Run;
}

/** A history without a gap, across files. */
export interface Stretch {
  readonly first: Zxid;
  readonly last: Zxid;
  readonly records: number;
  readonly pieces: readonly Piece[];
}

/** Why one txn is not followed by the next, or what is unreadable. */
export interface Gap {
  readonly kind: 'damage' | 'hole' | 'disorder';
  readonly log: LogSurvey;
  readonly offset: number;
  /** The txns on either side; null at the beginning or the end. */
  readonly after: Zxid | null;
  readonly before: Zxid | null;
  readonly reason: string;
}

export interface History {
  readonly stretches: readonly Stretch[];
  readonly gaps: readonly Gap[];
}

type Part = { readonly log: LogSurvey; readonly offset: number } & ({ readonly run: Run } | { readonly damage: Damage });

/** Puts the runs of all files together, oldest first, and says where and why they do not join. */
export function historyOf(logs: readonly LogSurvey[]): History {
  const stretches: Stretch[] = [];
  const gaps: Gap[] = [];
  let pending: { log: LogSurvey; damage: Damage }[] = [];
  const gapsOfDamage = (after: Zxid | null, before: Zxid | null): Gap[] =>
    pending.map(({ log, damage }) => ({ kind: 'damage', log, offset: damage.offset, after, before, reason: damage.reason }));
  for (const part of logs.flatMap(partsOf)) {
    if ('damage' in part) {
      pending.push(part);
      continue;
    }
    const { log, run } = part;
    const previous = stretches.at(-1) ?? null;
    const after = previous?.last ?? null;
    gaps.push(...gapsOfDamage(after, run.first));
    if (previous !== null && follows(previous.last, run.first, pending.length > 0)) stretches[stretches.length - 1] = joined(previous, part);
    else {
      if (after !== null && pending.length === 0) gaps.push(gapBetween(after, part));
      stretches.push({ first: run.first, last: run.last, records: run.records, pieces: [{ log, run }] });
    }
    pending = [];
  }
  gaps.push(...gapsOfDamage(stretches.at(-1)?.last ?? null, null));
  return { stretches, gaps };
}

function partsOf(log: LogSurvey): Part[] {
  const runs = log.runs.map((run): Part => ({ log, offset: run.from, run }));
  const damage = log.damage.map((item): Part => ({ log, offset: item.offset, damage: item }));
  return [...runs, ...damage].sort((one, other) => one.offset - other.offset);
}

function joined(stretch: Stretch, { log, run }: Piece): Stretch {
  return { first: stretch.first, last: run.last, records: stretch.records + run.records, pieces: [...stretch.pieces, { log, run }] };
}

function gapBetween(after: Zxid, { log, run }: Piece): Gap {
  const goesBack = run.first <= after;
  const reason = goesBack ? 'the log goes back' : 'txns are missing in front of this one';
  return { kind: goesBack ? 'disorder' : 'hole', log, offset: run.from, after, before: run.first, reason };
}
