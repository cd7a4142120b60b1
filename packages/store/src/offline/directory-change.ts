import { copyFileSync, linkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectoryNow, writeFully, type Disk } from '../disk.ts';
import { LOG_HEADER_BYTES, logHeader } from '../log-reader.ts';
import { copyBytes, type Range } from './copy-file.ts';

/** A log file that is replaced by a new one with some of its records. */
export interface Rewrite {
  readonly path: string;
  /** What the new one is called, in the same directory. */
  readonly name: string;
  readonly ranges: readonly Range[];
}

/** What is to be done to the files of a directory. Nothing is deleted: originals are kept in a directory beside them. */
export interface DirectoryChange {
  readonly rewritten: readonly Rewrite[];
  readonly setAside: readonly string[];
}

/**
 * Carries out a change of files in one directory.
 *
 * A server that is started after a crash in between finds either the change as a whole or a directory that it still
 * refuses: later files go first, the file with the damage last.
 * @param aside the directory for the originals: new, in the same directory
 */
export function changeDirectory(disk: Disk, { rewritten, setAside }: DirectoryChange, aside: string): void {
  const originals = [...new Set([...rewritten.map(({ path }) => path), ...setAside])].sort();
  if (originals.length === 0) return;
  disk.makeDirectory(aside);
  for (const path of originals) keep(path, join(aside, basename(path)));
  syncDirectoryNow(disk, aside);
  const incoming = rewritten.map((rewrite) => ({ ...rewrite, ...write(disk, rewrite) }));
  const changed = new Set(rewritten.map(({ path }) => path));
  for (const path of setAside.filter((one) => !changed.has(one)).sort().reverse()) remove(disk, path);
  for (const { path, temporary, final } of incoming) {
    disk.rename(temporary, final);
    syncDirectoryNow(disk, dirname(final));
    if (path !== final) remove(disk, path);
  }
}

/** A second name for the same content where the file system has that, otherwise a copy. */
function keep(path: string, copy: string): void {
  try {
    linkSync(path, copy);
  } catch {
    copyFileSync(path, copy);
  }
}

function remove(disk: Disk, path: string): void {
  disk.remove(path);
  syncDirectoryNow(disk, dirname(path));
}

function write(disk: Disk, { path, name, ranges }: Rewrite): { temporary: string; final: string } {
  const final = join(dirname(path), name);
  const temporary = join(dirname(path), `repair.${name}`); // no reader takes this name for a log
  const fd = disk.open(path, 'r');
  const to = disk.open(temporary, 'w');
  try {
    writeFully(disk, to, logHeader(), LOG_HEADER_BYTES, 0);
    let position = LOG_HEADER_BYTES;
    for (const range of ranges) {
      copyBytes(disk, { fd, path }, range, to, position);
      position += range.to - range.from;
    }
    disk.syncNow(to);
  } finally {
    disk.close(to);
    disk.close(fd);
  }
  return { temporary, final };
}
