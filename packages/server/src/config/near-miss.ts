import { KEYS } from './keys.ts';

/** A key that is one or two slips of the finger away from `typed`: `tickTme` → `tickTime`; `null` when none is. */
export function nearestKey(typed: string): string | null {
  const allowed = typed.length <= 5 ? 1 : 2;
  let best: string | null = null;
  let bestDistance = allowed + 1;
  for (const known of Object.keys(KEYS)) {
    const distance = editDistance(typed.toLowerCase(), known.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [known, distance];
  }
  return best;
}

/**
 * What a mistyped `server.N`, `group.N` or `weight.N` was meant to be: `sever.1` → `server.1`, `server1` → `server.1`.
 * A server line that is silently taken for something else would change who forms a quorum.
 */
export function meantMember(typed: string): string | null {
  const match = /^([A-Za-z]+)[._\-\s]*(\d+)$/.exec(typed);
  const word = match?.[1]?.toLowerCase();
  if (word === undefined) return null;
  const meant = ['server', 'group', 'weight'].find((member) => editDistance(word, member, 3) <= 2);
  return meant === undefined ? null : `${meant}.${match?.[2]}`;
}

/** Levenshtein distance with swaps of neighbours, or `limit` when it is at least that. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforePrevious[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [beforePrevious, previous] = [previous, row];
  }
  return Math.min(previous[b.length] ?? limit, limit);
}
