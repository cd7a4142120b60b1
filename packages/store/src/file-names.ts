import { basename, join } from 'node:path';
import { asZxid, type Zxid } from '@zk/protocol';
import { syncDirectoryNow, type Disk } from './disk.ts';

/** A file of a data directory that is named for a zxid. */
export interface NamedFile {
  readonly zxid: Zxid;
  readonly path: string;
}

/** How a snapshot's bytes are wrapped; the file's suffix says it (storage.md 3.4). */
export type Compression = 'none' | 'gz' | 'snappy';

const LOG = /^log\.([0-9a-f]{1,16})$/i;
const SNAPSHOT = /^snapshot\.([0-9a-f]{1,16})(?:\.(?:gz|snappy))?$/i;

/** `log.<zxid>`, named for the first txn in it, and `snapshot.<zxid>`: lower case hex, no leading zeros. */
export function logName(zxid: Zxid): string {
  return `log.${hexDigits(zxid)}`;
}

/** The zxid in the name of a log file; null: it is none. */
export function zxidOfLog(name: string): Zxid | null {
  return zxidIn(LOG.exec(name));
}

/** The zxid in the name of a snapshot, compressed or not; null: it is none. */
export function zxidOfSnapshot(name: string): Zxid | null {
  return zxidIn(SNAPSHOT.exec(name));
}

/** The end of a snapshot's name, behind the first dot: `3b`, `44.gz`. */
export function snapshotSuffix(zxid: Zxid, compression: Compression): string {
  return compression === 'none' ? hexDigits(zxid) : `${hexDigits(zxid)}.${compression}`;
}

export function compressionOf(path: string): Compression {
  if (path.endsWith('.gz')) return 'gz';
  return path.endsWith('.snappy') ? 'snappy' : 'none';
}

/** Where the files go that a snapshot from the leader has replaced, if they are to be kept. */
export function asideName(zxid: string): string {
  return `damaged.${zxid}`;
}

/** Moves files into a directory beside them, durably, newest name first. */
export function moveAside(disk: Disk, directory: string, files: readonly NamedFile[], aside: string): void {
  if (files.length === 0) return;
  const target = join(directory, aside);
  disk.makeDirectory(target);
  syncDirectoryNow(disk, directory);
  for (const file of files) disk.rename(file.path, join(target, basename(file.path)));
  syncDirectoryNow(disk, target);
  syncDirectoryNow(disk, directory);
}

/** Log files, oldest first. */
export function listLogs(disk: Disk, directory: string): NamedFile[] {
  return listNamed(disk, directory, zxidOfLog);
}

/** Snapshot files of every compression, newest first. */
export function listSnapshots(disk: Disk, directory: string): NamedFile[] {
  return listNamed(disk, directory, zxidOfSnapshot).reverse();
}

/**
 * The files that replay from `start` has to read (storage.md 4.3): every log named ≥ start, and the last one before,
 * whose later records may be needed. Oldest first, like `logs`.
 */
export function logsFrom<F extends NamedFile>(logs: readonly F[], start: bigint): F[] {
  const lastBefore = logs.findLastIndex((log) => log.zxid < start);
  return logs.slice(Math.max(lastBefore, 0));
}

function listNamed(disk: Disk, directory: string, zxidOf: (name: string) => Zxid | null): NamedFile[] {
  const files: NamedFile[] = [];
  for (const name of disk.list(directory)) {
    const zxid = zxidOf(name);
    if (zxid !== null) files.push({ zxid, path: join(directory, name) });
  }
  return files.sort((one, other) => (one.zxid < other.zxid ? -1 : one.zxid > other.zxid ? 1 : 0));
}

function zxidIn(match: RegExpExecArray | null): Zxid | null {
  const digits = match?.[1];
  return digits === undefined ? null : asZxid(BigInt.asIntN(64, BigInt(`0x${digits}`)));
}

function hexDigits(zxid: Zxid): string {
  return BigInt.asUintN(64, zxid).toString(16);
}
