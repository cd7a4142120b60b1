import { configuredDataFiles } from './data-files.ts';
import { nodeDisk, type Disk } from './disk.ts';
import { listLogs, listSnapshots, logsFrom, type NamedFile } from './file-names.ts';
import { looksComplete } from './snapshot-reader.ts';
import type { Snapshots } from './snapshots.ts';
import type { TxnLog } from './txn-log.ts';

/** Apache refuses to keep fewer. */
export const MIN_RETAINED_SNAPSHOTS = 3;

/** However little is to be kept: the newest snapshot, and one to fall back on should it turn out to be damaged. */
const NEEDED_SNAPSHOTS = 2;

export interface Retention {
  /** Snapshots to keep, at least {@link MIN_RETAINED_SNAPSHOTS}. */
  readonly count: number;
  /** What they and the logs that go with them may take together; 0: any number of bytes. Goes before `count`. */
  readonly bytes: number;
}

/**
 * Removes what recovery does not need and nobody asked to keep (storage.md 5.2): snapshots older than the newest ones, and
 * logs that replay from the oldest of those would not read.
 */
export async function purge(snapshots: Snapshots, log: TxnLog, { count, bytes }: Retention): Promise<void> {
  const kept = snapshots.candidates().slice(0, Math.max(count, MIN_RETAINED_SNAPSHOTS));
  while (bytes > 0 && kept.length > NEEDED_SNAPSHOTS && bytesOf(snapshots, log, kept) > bytes) kept.pop();
  const oldestKept = kept.at(-1);
  if (!oldestKept) return;
  await snapshots.discardAll(snapshots.list().filter((file) => file.zxid < oldestKept.zxid));
  await log.discardBefore(oldestKept.zxid);
}

function bytesOf(snapshots: Snapshots, log: TxnLog, kept: readonly NamedFile[]): number {
  const oldest = kept.at(-1);
  const ofLogs = oldest ? log.sizeFrom(oldest.zxid) : 0;
  return kept.reduce((sum, file) => sum + snapshots.sizeOf(file), ofLogs);
}

/**
 * The same for the directories of a server that is not running, or at least not writing a snapshot.
 * @param about told of every path before it is removed
 */
export function purgeDirectories(dataDir: string, dataLogDir: string, retain: number, about: (path: string) => void, disk: Disk = nodeDisk): void {
  const files = configuredDataFiles(dataDir, dataLogDir);
  const snapshots = disk.exists(files.snapshots) ? listSnapshots(disk, files.snapshots) : [];
  const kept = snapshots.filter(({ path }) => looksComplete(disk, path)).slice(0, Math.max(retain, MIN_RETAINED_SNAPSHOTS));
  const oldestKept = kept.at(-1);
  if (!oldestKept) return;
  const old = snapshots.filter(({ zxid }) => zxid < oldestKept.zxid);
  const logs = disk.exists(files.logs) ? listLogs(disk, files.logs) : [];
  const unneeded = logs.length - logsFrom(logs, oldestKept.zxid + 1n).length;
  for (const { path } of [...old, ...logs.slice(0, unneeded)]) {
    about(path);
    disk.remove(path);
  }
}
