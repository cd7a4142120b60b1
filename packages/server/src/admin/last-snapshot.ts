import { existsSync, statSync } from 'node:fs';
import { listSnapshots, nodeDisk, version2In } from '@zk/store';
import type { AdminView } from './view.ts';

/** The snapshot file with the highest zxid in its name. */
export function lastSnapshot(dataDir: string): ReturnType<AdminView['lastSnapshot']> {
  const directory = version2In(dataDir);
  const newest = existsSync(directory) ? listSnapshots(nodeDisk, directory)[0] : undefined;
  if (newest === undefined) return { zxid: -1n, time: null };
  return { zxid: newest.zxid, time: statSync(newest.path, { throwIfNoEntry: false })?.mtimeMs ?? null };
}
