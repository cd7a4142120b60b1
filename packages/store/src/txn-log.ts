import { basename } from 'node:path';
import { asZxid, epochOf, hex, parseProposal, type Proposal, type Zxid } from '@zk/protocol';
import { DamageError } from './damage.ts';
import { discardAll, syncDirectoryNow, writeFully, type Disk, type Done } from './disk.ts';
import { listLogs, logsFrom, moveAside, type NamedFile } from './file-names.ts';
import { END_OF_RECORD, LogReader, LOG_HEADER_BYTES, zxidOfEntry, type LogReaderOptions } from './log-reader.ts';
import { LogWriter, type LogWriterOptions } from './log-writer.ts';

export interface TxnLogOptions extends LogWriterOptions {
  /** Longest entry that is believed on reading, in bytes (jute.maxbuffer + extrasize). */
  maxEntryBytes: number;
  /** Start a new file when the current one's padded size exceeds this, in KiB; ≤ 0 = never for this reason. */
  sizeLimitKb: number;
}

/** A log file and how far its records reach, where that is known. */
interface LogFile extends NamedFile {
  /** Offset behind the last whole record. */
  readonly end: number | null;
}

/** Where a file breaks off. */
interface Torn {
  readonly file: string;
  readonly offset: number;
}

/** What a scan of the log has found. */
export interface LogScan {
  /** The highest zxid, or the scan's start − 1 when there was nothing from there on. */
  readonly lastZxid: Zxid;
  readonly records: number;
  /** The record whose zxid is the scan's base, if the log still has it. */
  readonly base: Buffer | null;
  readonly txns: Iterable<Proposal>;
  readonly notes: string[];
}

/** The files `log.<zxid>` of one directory (storage.md 2): the truth. One writer, and any number of readers beside it. */
export class TxnLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #options: TxnLogOptions;
  /** Oldest first; the writer's own file is the last one. */
  #files: LogFile[];
  #writer: LogWriter | null = null;
  #durableEnd = 0; // of the writer's file
  #dirty = false;

  constructor(disk: Disk, directory: string, options: TxnLogOptions) {
    this.#disk = disk;
    this.#directory = directory;
    this.#options = options;
    this.#files = listLogs(disk, directory).map((file) => ({ ...file, end: null }));
  }

  /** Whether there is a single readable txn. @throws DamageError */
  hasRecords(): boolean {
    return this.#files.some((file) => {
      const reader = this.#read(file, asZxid(0n));
      try {
        return reader.next() !== null;
      } finally {
        reader.close();
      }
    });
  }

  /**
   * Reads through every record that replay over a snapshot of `base` needs, and cuts a torn tail off the newest file.
   * @throws DamageError
   */
  scan(base: Zxid): LogScan {
    const start = base + 1n;
    const notes: string[] = [];
    let last = base;
    let records = 0;
    let baseRecord: Buffer | null = null;
    let tornAt: Torn | null = null;
    const files: LogFile[] = [];
    for (const file of logsFrom(this.#files, start)) {
      // Behind an older file that ends like this, Java has written the same zxid again (storage.md 2.6).
      const reader = this.#read(file, last, { acceptsUnmarked: file === this.#files.at(-1) });
      try {
        for (let entry = reader.next(); entry; entry = reader.next()) {
          const zxid = zxidOfEntry(entry);
          if (tornAt) requireContinuation(tornAt, last, zxid);
          tornAt = null;
          if (zxid === base) baseRecord = Buffer.from(entry);
          if (zxid < start) continue;
          if (zxid > last) last = zxid;
          records++;
        }
      } finally {
        reader.close();
      }
      if (reader.unmarked !== null) this.#mark(file.path, reader.unmarked, notes);
      if (reader.torn) {
        tornAt = { file: file.path, offset: reader.position };
        notes.push(`${basename(file.path)}: ${reader.torn} at offset ${reader.position}, after zxid ${hex(reader.lastZxid)}`);
      }
      files.push({ ...file, end: reader.position });
    }
    this.#files = [...this.#files.slice(0, this.#files.length - files.length), ...files];
    if (tornAt && tornAt.file === this.#files.at(-1)?.path) this.#cut(tornAt.file, tornAt.offset, notes);
    return { lastZxid: last, records, base: baseRecord, notes, txns: this.#iterate(files.filter((file) => this.#files.includes(file)), start) };
  }

  /** Records written and not yet synced; to the file being written, or to a new one named for the first. */
  write(proposals: readonly Proposal[]): void {
    const first = proposals[0];
    if (!first) return;
    const limit = this.#options.sizeLimitKb * 1024;
    if (this.#writer && limit > 0 && this.#writer.paddedSize > limit) this.roll();
    if (!this.#writer) this.#open(first.zxid);
    this.#writer?.write(proposals);
    this.#dirty = true;
  }

  /** `done` when everything written is durable, the file's own name included. */
  sync(done: Done): void {
    const writer = this.#writer;
    if (!writer || !this.#dirty) return done(null);
    this.#dirty = false;
    const end = writer.position;
    writer.sync((error) => {
      if (!error && writer === this.#writer) this.#durableEnd = end;
      done(error);
    });
  }

  /**
   * After a write or a sync that failed: what has come since the last sync is forgotten, and is not on disk when this
   * returns. To be called again until it does; nothing may be written before.
   */
  takeBack(): void {
    const writer = this.#writer;
    const file = this.#files.at(-1);
    if (!writer || !file) return; // the new file could not even be begun
    if (this.#durableEnd > 0) {
      writer.cutTo(this.#durableEnd);
    } else {
      this.#remove([file]);
      writer.close();
      this.#writer = null;
      this.#files.pop();
    }
    this.#dirty = false;
  }

  /** Length of the file being written, preallocation included. */
  get paddedSize(): number {
    return this.#writer?.paddedSize ?? 0;
  }

  /** The next write begins a new file. What has been written must have been synced. */
  roll(): void {
    const file = this.#files.at(-1);
    if (!this.#writer || !file) return;
    this.#files[this.#files.length - 1] = { ...file, end: this.#writer.position };
    this.#writer.close();
    this.#writer = null;
  }

  /**
   * Forgets every record above `to`, durably: files that begin above it, newest first, then the end of the last one.
   * A crash in between leaves a prefix.
   */
  truncate(to: Zxid): void {
    this.roll();
    const kept = this.#files.findLastIndex((file) => file.zxid <= to) + 1;
    this.#remove(this.#files.slice(kept));
    this.#files.length = kept;
    const last = this.#files.at(-1);
    if (!last) return;
    const end = this.#endOf(last, to);
    this.#resize(last.path, end);
    this.#files[kept - 1] = { ...last, end };
  }

  /** Forgets everything. */
  clear(): void {
    this.roll();
    this.#remove(this.#files);
    this.#files = [];
  }

  /** As {@link clear}, but the files are kept in that directory beside them. */
  setAside(aside: string): void {
    this.roll();
    moveAside(this.#disk, this.#directory, [...this.#files].reverse(), aside);
    this.#files = [];
  }

  /** Forgets what replay from `base` does not read; the files go beside everything else, the oldest first. */
  async discardBefore(base: Zxid): Promise<void> {
    const needed = this.#files.findLastIndex((file) => file.zxid <= base);
    const old = this.#files.splice(0, Math.max(0, needed));
    await discardAll(this.#disk, this.#directory, old.map(({ path }) => path));
  }

  /** See Store.readLog. */
  readFrom(from: Zxid): Iterable<Proposal> | null {
    const oldest = this.#files[0];
    if (!oldest || oldest.zxid > from) return null;
    return this.#iterate(this.#durableFrom(from), from);
  }

  /** Bytes of records in the files that reading from `from` goes through. */
  sizeFrom(from: Zxid): number {
    return this.#durableFrom(from).reduce((sum, file) => sum + this.#recordBytes(file), 0);
  }

  /** Bytes of records in the files that begin after `zxid`. */
  sizeBehind(zxid: Zxid): number {
    return this.#durableFrom(zxid).reduce((sum, file) => (file.zxid > zxid ? sum + this.#recordBytes(file) : sum), 0);
  }

  close(): void {
    this.roll();
  }

  #recordBytes(file: LogFile): number {
    return file.end ?? this.#disk.sizeUsed(file.path);
  }

  #open(first: Zxid): void {
    this.#writer = LogWriter.create(this.#disk, this.#directory, first, this.#options);
    this.#durableEnd = 0;
    // A file of this name can only hold a torn beginning: its first record would have had this zxid.
    this.#files = this.#files.filter((file) => file.path !== this.#writer?.path);
    this.#files.push({ zxid: first, path: this.#writer.path, end: null });
  }

  /** The files to read, the one being written up to its last sync. */
  #durableFrom(from: bigint): LogFile[] {
    const files = logsFrom(this.#files, from + 1n);
    const last = files.at(-1);
    if (this.#writer && last?.path === this.#writer.path) files[files.length - 1] = { ...last, end: this.#durableEnd };
    return files;
  }

  #iterate(files: readonly LogFile[], from: bigint): Iterable<Proposal> {
    const read = (file: LogFile): LogReader => this.#read(file, asZxid(0n), file.end === null ? {} : { end: file.end });
    return { [Symbol.iterator]: () => proposals(files, from, read) };
  }

  #read(file: LogFile, lastZxid: Zxid, options: Omit<LogReaderOptions, 'maxEntryBytes'> = {}): LogReader {
    return new LogReader(this.#disk, file.path, lastZxid, { ...options, maxEntryBytes: this.#options.maxEntryBytes });
  }

  /** What follows `to` itself is to be forgotten, readable or not. */
  #endOf(file: LogFile, to: Zxid): number {
    const reader = this.#read(file, asZxid(0n));
    try {
      let end = reader.position;
      let last = asZxid(0n);
      while (last < to) {
        const entry = reader.next();
        if (!entry || (last = zxidOfEntry(entry)) > to) break;
        end = reader.position;
      }
      return end;
    } finally {
      reader.close();
    }
  }

  #cut(path: string, offset: number, notes: string[]): void {
    const bytes = this.#disk.size(path) - offset;
    if (offset >= LOG_HEADER_BYTES) {
      this.#resize(path, offset);
    } else {
      this.#remove(this.#files.splice(-1));
    }
    notes.push(`${basename(path)}: the torn tail has been cut, ${bytes} bytes with its padding`);
  }

  /** For every reader to come, Java among them. */
  #mark(path: string, offset: number, notes: string[]): void {
    const fd = this.#disk.open(path, 'r+');
    try {
      writeFully(this.#disk, fd, Buffer.of(END_OF_RECORD), 1, offset);
      this.#disk.syncNow(fd);
    } finally {
      this.#disk.close(fd);
    }
    notes.push(`${basename(path)}: the last record had no end mark at offset ${offset}, and is whole: the mark was set`);
  }

  #resize(path: string, length: number): void {
    const fd = this.#disk.open(path, 'r+');
    try {
      this.#disk.resize(fd, length);
      this.#disk.syncNow(fd);
    } finally {
      this.#disk.close(fd);
    }
    syncDirectoryNow(this.#disk, this.#directory);
  }

  /** Newest first, each removal durable before the next: whatever a crash leaves is a log without gaps. */
  #remove(files: readonly LogFile[]): void {
    for (const file of [...files].reverse()) {
      if (this.#disk.exists(file.path)) this.#disk.remove(file.path); // it may have gone in an attempt before this one
      syncDirectoryNow(this.#disk, this.#directory);
    }
  }
}

function* proposals(files: readonly LogFile[], from: bigint, open: (file: LogFile) => LogReader): Iterator<Proposal> {
  let last = asZxid(0n);
  let tornAt: Torn | null = null;
  for (const file of files) {
    const reader = open(file);
    try {
      for (let at = reader.position, entry = reader.next(); entry; at = reader.position, entry = reader.next()) {
        const zxid = zxidOfEntry(entry);
        if (tornAt) requireContinuation(tornAt, last, zxid);
        tornAt = null;
        last = zxid;
        if (zxid >= from) yield parse(entry, file.path, at);
      }
      if (reader.torn && last > 0n) tornAt = { file: file.path, offset: reader.position };
    } finally {
      reader.close();
    }
  }
}

function parse(entry: Buffer, path: string, offset: number): Proposal {
  try {
    return parseProposal(entry);
  } catch (error) {
    throw new DamageError(path, offset, asZxid(zxidOfEntry(entry) - 1n), `a txn cannot be decoded: ${(error as Error).message}`);
  }
}

/**
 * Java leaves a torn tail where it is and goes on in a new file, with the zxid that was torn (storage.md 2.6). Anything
 * else behind it means that more than an unacknowledged record is missing.
 */
function requireContinuation(torn: Torn, last: Zxid, next: Zxid): void {
  if (next <= last + 1n || epochOf(next) > epochOf(last)) return;
  throw new DamageError(torn.file, torn.offset, last, `the log breaks off here, and goes on with ${hex(next)} in the next file`);
}
