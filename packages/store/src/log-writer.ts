import { join } from 'node:path';
import { invariant, type Proposal, type Zxid } from '@zk/protocol';
import { adler32 } from './adler32.ts';
import { readFully, syncDirectory, whenAll, writeFully, type Disk, type Done } from './disk.ts';
import { logName } from './file-names.ts';
import { END_OF_RECORD, LOG_HEADER_BYTES, logHeader, RECORD_HEAD_BYTES } from './log-reader.ts';
import { isOutOfRoom } from './room.ts';

export interface LogWriterOptions {
  /** How much a file grows at a time, in KiB (zookeeper.preAllocSize); ≤ 0 = not at all. */
  preAllocKb: number;
  /** False acknowledges without a sync (zookeeper.forceSync=no): a power failure then loses acknowledged writes. */
  forceSync: boolean;
}

/** The file is extended when less than this is left of it, as Apache does. */
const PADDING_MARGIN_BYTES = 4096;
/**
 * So far ahead of the records the padding is written out as zeros. A sync of bytes in a hole also has the file system
 * note which blocks they took; where zeros were, it has only the bytes to write.
 */
const ZEROS_AHEAD_BYTES = 128 * 1024;
const ZEROS = Buffer.alloc(ZEROS_AHEAD_BYTES);
/** A batch buffer larger than this is given back after use. */
const KEPT_BUFFER_BYTES = 4 * 1024 * 1024;
const RECORD_BYTES_AROUND = RECORD_HEAD_BYTES + 1;

/** Writes one log file, a batch of records at a time. */
export class LogWriter {
  readonly path: string;
  /** Behind the last record written. */
  position = 0;

  readonly #disk: Disk;
  readonly #directory: string;
  readonly #fd: number;
  readonly #preAllocBytes: number;
  readonly #forceSync: boolean;
  #buffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #allocated = LOG_HEADER_BYTES;
  /** Up to here the file has no holes. */
  #filled = 0;
  #nameIsDurable = false;

  private constructor(disk: Disk, directory: string, path: string, options: LogWriterOptions) {
    this.path = path;
    this.#disk = disk;
    this.#directory = directory;
    this.#preAllocBytes = options.preAllocKb * 1024;
    this.#forceSync = options.forceSync;
    this.#fd = disk.open(path, 'w');
  }

  /**
   * A new file (or an emptied old one) for txns from `first` on. Nothing is durable before the first sync. One without a
   * header is no log to anybody, and is emptied again by the next attempt.
   */
  static create(disk: Disk, directory: string, first: Zxid, options: LogWriterOptions): LogWriter {
    const writer = new LogWriter(disk, directory, join(directory, logName(first)), options);
    try {
      writer.#put(logHeader());
    } catch (error) {
      writer.close();
      throw error;
    }
    return writer;
  }

  /** Length of the file, preallocation included. */
  get paddedSize(): number {
    return Math.max(this.position, this.#allocated);
  }

  /** All records in one write. */
  write(proposals: readonly Proposal[]): void {
    this.#extend();
    this.#put(this.#encode(proposals));
    this.#fillAhead();
    if (this.#buffer.length > KEPT_BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(64 * 1024);
  }

  /** `done` when the records, and the file's name, survive a crash. */
  sync(done: Done): void {
    if (!this.#forceSync) {
      setImmediate(done, null);
      return;
    }
    if (this.#nameIsDurable) return this.#disk.datasync(this.#fd, done);
    // Side by side, for under load each of them waits for a turn of the event loop. Either alone is what a crash may leave.
    const both = whenAll(2, (failure) => {
      this.#nameIsDurable = failure === null;
      done(failure);
    });
    this.#disk.datasync(this.#fd, both);
    syncDirectory(this.#disk, this.#directory, both);
  }

  /**
   * Forgets everything behind `end`, the end of a record, durably: whatever of it has reached the file. A sync that has
   * failed tells nothing about the pages it was for, so they are dropped rather than synced once more.
   */
  cutTo(end: number): void {
    this.#disk.resize(this.#fd, end);
    this.#disk.syncNow(this.#fd);
    this.#requireEnd(end);
    this.position = end;
    this.#allocated = end;
    this.#filled = end;
  }

  close(): void {
    this.#disk.close(this.#fd);
  }

  /** A view that the next batch overwrites. */
  #encode(proposals: readonly Proposal[]): Buffer {
    let length = 0;
    for (const { bytes } of proposals) length += bytes.length + RECORD_BYTES_AROUND;
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
    const buffer = this.#buffer;
    let at = 0;
    for (const { bytes } of proposals) {
      buffer.writeUInt32BE(0, at); // the checksum is 64 bits wide, its upper half is 0
      buffer.writeUInt32BE(adler32(bytes), at + 4);
      buffer.writeInt32BE(bytes.length, at + 8);
      buffer.set(bytes, at + RECORD_HEAD_BYTES);
      at += RECORD_HEAD_BYTES + bytes.length;
      buffer[at++] = END_OF_RECORD;
    }
    return buffer.subarray(0, length);
  }

  #put(bytes: Buffer): void {
    writeFully(this.#disk, this.#fd, bytes, bytes.length, this.position);
    this.position += bytes.length;
  }

  /** Before anything is written behind what was acknowledged: the file does end there. */
  #requireEnd(end: number): void {
    const mark = Buffer.alloc(2);
    const fd = this.#disk.open(this.path, 'r');
    try {
      const length = readFully(this.#disk, fd, mark, 0, mark.length, end - 1);
      invariant(length === 1 && mark[0] === END_OF_RECORD, 'a log that was cut ends with a whole record', { path: this.path, end });
    } finally {
      this.#disk.close(fd);
    }
  }

  /**
   * Apache's rule (FilePadding.calculateFileSizeWithPadding), so that our files have the lengths its files have. Padding
   * that does not fit is none of the record's business, which may.
   */
  #extend(): void {
    const step = this.#preAllocBytes;
    if (step <= 0 || this.position + PADDING_MARGIN_BYTES < this.#allocated) return;
    const grown = Math.max(this.position, this.#allocated) + step;
    const padded = this.position > this.#allocated ? grown - (grown % step) : grown;
    try {
      this.#disk.resize(this.#fd, padded);
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
      return;
    }
    this.#allocated = padded;
  }

  /** Zeros that do not fit are none of the record's business either. */
  #fillAhead(): void {
    if (this.position <= this.#filled) return;
    const length = Math.min(ZEROS_AHEAD_BYTES, this.#allocated - this.position);
    try {
      if (length > 0) writeFully(this.#disk, this.#fd, ZEROS, length, this.position);
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
    }
    this.#filled = this.position + Math.max(0, length);
  }
}
