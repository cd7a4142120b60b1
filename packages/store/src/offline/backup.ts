import fs from 'node:fs';
import { basename, join } from 'node:path';
import { collectImage, type Zxid } from '@zk/protocol';
import { DamageError } from '../damage.ts';
import { version2In, type DataFiles } from '../data-files.ts';
import { isMissing, syncDirectoryNow, writeFileDurably, type Disk } from '../disk.ts';
import { readEpochs, writeEpochs } from '../epochs.ts';
import { listLogs, listSnapshots, logsFrom, type NamedFile } from '../file-names.ts';
import { commonEnd } from './common-end.ts';
import { copyFile, copyRange } from './copy-file.ts';
import { scanLog } from './log-scan.ts';
import { readBase } from './read-base.ts';
import { timeOfEntry } from './read-txns.ts';

/** What makes a directory a backup; also a short history of it. */
export const BACKUP_MANIFEST = 'backup.json';
const FORMAT = 1;
const ATTEMPTS = 3;

/** It was not begun, or given up with what had been copied left as it is. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** One run of a backup. */
export interface BackupRun {
  /** ms since 1970. */
  readonly startedAt: number;
  /** The newest snapshot that the backup has. */
  readonly snapshot: string;
  /** Files that are new, or have grown. */
  readonly copied: readonly string[];
  readonly bytes: number;
  /** The newest txn: its zxid, and when it was made (ms since 1970; null: there is none behind the snapshot). */
  readonly lastZxid: Zxid;
  readonly lastTime: number | null;
  /** Where files went that are no history any more, because the server has been made to forget it (TRUNC, SNAP). */
  readonly superseded: readonly string[];
  readonly notes: readonly string[];
}

export interface BackupOptions {
  now: number;
  /** Told of bytes read so far, and of all there are to read. */
  progress?: (bytes: number, total: number) => void;
}

/**
 * Adds what is new in a data directory to the backup in `target`: the newest snapshot, then every log from there on up to
 * its last whole record, then the epochs. The server may be running; nothing in its directory is changed.
 * The backup is itself laid out as a data directory.
 * @throws BackupError; DamageError for a source that is damaged
 */
export function backUp(disk: Disk, source: DataFiles, target: string, options: BackupOptions): BackupRun {
  const earlier = requireBackup(target);
  const files = version2In(target);
  disk.makeDirectory(files);
  const run = withRetries(() => new BackupJob(disk, source, files, options).run());
  const manifest = { format: FORMAT, runs: [...earlier, describe(run)] };
  writeFileDurably(disk, target, join(target, BACKUP_MANIFEST), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  return run;
}

/** @returns its earlier runs */
function requireBackup(target: string): unknown[] {
  const manifest = join(target, BACKUP_MANIFEST);
  if (!fs.existsSync(target) || (!fs.existsSync(manifest) && fs.readdirSync(target).length === 0)) return [];
  if (!fs.existsSync(manifest)) throw new BackupError(`${target} is not empty and no backup: give a new directory, or one that was made by zk-server backup`);
  const { format, runs } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { format: unknown; runs: unknown };
  if (format !== FORMAT || !Array.isArray(runs)) throw new BackupError(`${manifest} is of another version of this program (format ${String(format)})`);
  return runs;
}

function describe({ startedAt, snapshot, bytes, lastZxid }: BackupRun): object {
  return { at: new Date(startedAt).toISOString(), snapshot, bytes, lastZxid: `0x${lastZxid.toString(16)}` };
}

/** A running server may remove a file between our seeing and our reading it: then there is a newer snapshot. */
function withRetries(run: () => BackupRun): BackupRun {
  for (let attempt = 1; ; attempt++) {
    try {
      return run();
    } catch (error) {
      if (attempt === ATTEMPTS || !isMissing(error)) throw error;
    }
  }
}

class BackupJob {
  readonly #disk: Disk;
  readonly #source: DataFiles;
  readonly #target: string;
  readonly #options: BackupOptions;
  readonly #copied: string[] = [];
  readonly #superseded: string[] = [];
  readonly #notes: string[] = [];
  #bytes = 0;
  #read = 0;
  #lastZxid = 0n as Zxid;
  #lastTime: number | null = null;

  constructor(disk: Disk, source: DataFiles, target: string, options: BackupOptions) {
    this.#disk = disk;
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  run(): BackupRun {
    const newestBefore = listSnapshots(this.#disk, this.#target)[0];
    const snapshot = this.#copyNewestSnapshot();
    this.#lastZxid = snapshot.zxid;
    this.#dropForgotten();
    this.#copyLogs(newestBefore?.zxid ?? snapshot.zxid);
    const epochs = readEpochs(this.#disk, this.#source.snapshots, this.#lastZxid, this.#notes);
    if (epochs) writeEpochs(this.#disk, this.#target, epochs);
    syncDirectoryNow(this.#disk, this.#target);
    return {
      startedAt: this.#options.now,
      snapshot: basename(snapshot.path),
      copied: this.#copied,
      bytes: this.#bytes,
      lastZxid: this.#lastZxid,
      lastTime: this.#lastTime,
      superseded: this.#superseded,
      notes: this.#notes,
    };
  }

  #copyNewestSnapshot(): NamedFile {
    const readOnly = (zxid: Zxid) => ({ ...collectImage(zxid), onNode: () => {}, finish: () => null });
    const base = readBase(this.#disk, this.#source.snapshots, null, readOnly, this.#notes);
    if (!base) throw new BackupError(`there is no snapshot that can be read in ${this.#source.snapshots}`);
    const copy = join(this.#target, basename(base.file.path));
    if (!fs.existsSync(copy) || this.#disk.size(copy) !== this.#disk.size(base.file.path)) this.#took(copy, copyFile(this.#disk, base.file.path, copy));
    return base.file;
  }

  /** Logs of the backup that go on otherwise than the server's own, which has been made to forget what they hold. */
  #dropForgotten(): void {
    const present = listLogs(this.#disk, this.#source.logs);
    const oldest = present[0];
    for (const copy of listLogs(this.#disk, this.#target).reverse()) {
      const original = present.find(({ zxid }) => zxid === copy.zxid);
      if (original === undefined && (oldest === undefined || copy.zxid < oldest.zxid)) return; // purged there: history all the same
      const common = original && commonEnd(this.#disk, copy.path, original.path);
      if (common?.isWhole) return;
      this.#supersede(copy.path);
      this.#dropForgottenSnapshots(common?.zxid ?? copy.zxid);
    }
  }

  /** Those that may hold txns above the last one that the server still has. */
  #dropForgottenSnapshots(last: Zxid): void {
    const present = new Set(this.#disk.list(this.#source.snapshots));
    for (const { zxid, path } of listSnapshots(this.#disk, this.#target)) if (zxid > last && !present.has(basename(path))) this.#supersede(path);
  }

  #supersede(path: string): void {
    const aside = join(this.#target, `superseded.${this.#options.now}`);
    fs.mkdirSync(aside, { recursive: true });
    this.#disk.rename(path, join(aside, basename(path)));
    this.#superseded.push(join(basename(aside), basename(path)));
  }

  /** @param reach the newest txn in a snapshot of the backup when this run began */
  #copyLogs(reach: Zxid): void {
    const newestCopy = listLogs(this.#disk, this.#target).at(-1);
    const present = listLogs(this.#disk, this.#source.logs);
    const needed = newestCopy === undefined ? logsFrom(present, reach + 1n) : present.filter(({ zxid }) => zxid >= newestCopy.zxid);
    const total = needed.reduce((sum, { path }) => sum + this.#disk.sizeUsed(path), 0);
    for (const file of needed) this.#copyLog(file, total);
  }

  #copyLog({ path }: NamedFile, total: number): void {
    const end = this.#endOf(path, total);
    const copy = join(this.#target, basename(path));
    if (end === 0) return; // a file whose first record is being written
    if (!fs.existsSync(copy)) return this.#took(copy, copyFile(this.#disk, path, copy, end));
    const { offset } = commonEnd(this.#disk, copy, path);
    if (offset < end) this.#took(copy, copyRange(this.#disk, path, copy, offset, end));
  }

  /** Behind the last whole record. Reads all of it: a damaged file is no backup. */
  #endOf(path: string, total: number): number {
    let end = 0;
    for (const item of scanLog(this.#disk, path)) {
      if (item.kind === 'damage') throw new DamageError(path, item.offset, item.after, item.reason);
      if (item.kind !== 'record') continue;
      end = item.end;
      if (item.zxid > this.#lastZxid) {
        this.#lastZxid = item.zxid;
        this.#lastTime = timeOfEntry(item.entry);
      }
      this.#options.progress?.(this.#read + end, Math.max(total, this.#read + end));
    }
    this.#read += end;
    return end;
  }

  #took(copy: string, bytes: number): void {
    this.#copied.push(basename(copy));
    this.#bytes += bytes;
  }
}
