import { counterOf, epochOf, type Zxid } from '@zk/protocol';

/**
 * Whether nothing can be missing between two txns of a log: counters rise by one, and a new epoch begins with 1
 * (quorum.md 4.2). A whole epoch in between leaves no trace, so behind damage only the very next counter will do.
 */
export function follows(last: Zxid, next: Zxid, behindDamage = false): boolean {
  if (next === last + 1n) return true;
  return !behindDamage && epochOf(next) > epochOf(last) && counterOf(next) === 1n;
}
