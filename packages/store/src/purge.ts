import type { Snapshots } from './snapshots.ts';
import type { TxnLog } from './txn-log.ts';

/** Apache refuses to keep fewer. */
export const MIN_RETAINED_SNAPSHOTS = 3;

/**
 * Removes what recovery does not need and nobody asked to keep (storage.md 5.2): snapshots older than the `retain` newest
 * ones, and logs that replay from the oldest of those would not read.
 * @returns the paths removed
 */
export function purge(snapshots: Snapshots, log: TxnLog, retain: number): string[] {
  const kept = snapshots.candidates().slice(0, Math.max(retain, MIN_RETAINED_SNAPSHOTS));
  const oldestKept = kept.at(-1);
  if (!oldestKept) return [];
  const old = snapshots.list().filter((file) => file.zxid < oldestKept.zxid);
  snapshots.remove(old);
  return [...old.map((file) => file.path), ...log.purgeBefore(oldestKept.zxid)];
}
