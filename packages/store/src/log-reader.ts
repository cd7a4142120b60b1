import type { Zxid } from '@zk/protocol';
import { adler32 } from './adler32.ts';
import { DamageError } from './damage.ts';
import { readFully, type Disk } from './disk.ts';

/** "ZKLG" */
const LOG_MAGIC = 0x5a4b4c47;
const LOG_VERSION = 2;
/** magic, version, dbid (storage.md 2.1) */
export const LOG_HEADER_BYTES = 16;
/** checksum (64 bits, upper half zero) and length in front of an entry */
export const RECORD_HEAD_BYTES = 12;
/** 'B' behind an entry */
export const END_OF_RECORD = 0x42;
/** An entry begins with a whole TxnHeader. */
export const MIN_ENTRY_BYTES = 32;
/** clientId and cxid come first. */
const ZXID_OFFSET = 12;
const WINDOW_BYTES = 256 * 1024;

/** What a log file begins with. */
export function logHeader(): Buffer {
  const header = Buffer.alloc(LOG_HEADER_BYTES); // dbid stays 0
  header.writeInt32BE(LOG_MAGIC, 0);
  header.writeInt32BE(LOG_VERSION, 4);
  return header;
}

/** The zxid of a serialised txn, from its TxnHeader. */
export function zxidOfEntry(entry: Buffer): Zxid {
  return entry.readBigInt64BE(ZXID_OFFSET) as Zxid;
}

export interface LogReaderOptions {
  /** Longest entry that is believed, in bytes (jute.maxbuffer + extrasize). */
  maxEntryBytes: number;
  /** Reads only what lies before this offset, as if the file ended there. */
  end?: number;
  /** A last record that lacks nothing but its end mark is taken for whole; see {@link LogReader.unmarked}. */
  acceptsUnmarked?: boolean;
  /** Begins at this offset, where a record is known to be, instead of at the header. */
  start?: number;
}

/**
 * Reads one log file, record after record (storage.md 2.6), and tells three endings apart: clean (zeros or the end of
 * the file behind a whole record), torn (what a crash leaves of the record being written: its beginning, then zeros or
 * nothing), and damage, which is everything else and throws.
 */
export class LogReader {
  /** Just behind the last whole record. */
  position: number;
  /** The zxid of the last whole record; what the caller gave until there is one. */
  lastZxid: Zxid;
  /** Why the end is not clean; null when it is, or has not been reached. */
  torn: string | null = null;

  /**
   * Where the end mark of the last record belongs, if there is a zero instead. Content and checksum agree: a crash can
   * have left it like that, and so can rot of the mark of a record that was acknowledged. Whole it is right in both cases.
   */
  unmarked: number | null = null;

  readonly #disk: Disk;
  readonly #path: string;
  readonly #acceptsUnmarked: boolean;
  readonly #fd: number;
  readonly #size: number;
  readonly #maxEntryBytes: number;
  #window: Buffer;
  #windowStart = 0;
  #windowLength = 0;

  /** @param lastZxid the last zxid known to be good before this file: for the error message */
  constructor(disk: Disk, path: string, lastZxid: Zxid, options: LogReaderOptions) {
    this.#disk = disk;
    this.#path = path;
    this.lastZxid = lastZxid;
    this.position = options.start ?? LOG_HEADER_BYTES;
    this.#maxEntryBytes = options.maxEntryBytes;
    this.#acceptsUnmarked = options.acceptsUnmarked ?? false;
    this.#size = Math.min(disk.size(path), options.end ?? Infinity);
    this.#window = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, Math.max(this.#size, RECORD_HEAD_BYTES)));
    this.#fd = disk.open(path, 'r');
    try {
      if (options.start === undefined) this.#readHeader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The next entry, a view that the following call overwrites; null at the end. @throws DamageError */
  next(): Buffer | null {
    if (this.torn !== null) return null;
    const from = this.position;
    const available = this.#load(from, RECORD_HEAD_BYTES);
    if (available < RECORD_HEAD_BYTES) return this.#end(this.#onlyZeros(from) ? null : 'the file ends inside a record head');
    const head = from - this.#windowStart;
    const length = this.#window.readInt32BE(head + 8);
    if (length === 0) return this.#endAtZeroLength();
    if (length < 0 || length > this.#maxEntryBytes) throw this.#damage(`Unreasonable length = ${length}`);
    return this.#readEntry(length);
  }

  close(): void {
    this.#disk.close(this.#fd);
  }

  #readHeader(): void {
    const available = this.#load(0, LOG_HEADER_BYTES);
    // Nothing in a file without a whole header was ever acknowledged: header and first record are synced together.
    if (available < LOG_HEADER_BYTES || this.#onlyZeros(0)) {
      this.position = 0;
      this.torn = available === 0 ? 'the file is empty' : 'the file has no whole header';
      return;
    }
    const magic = this.#window.readInt32BE(0);
    if (magic !== LOG_MAGIC) throw this.#damage(`the log has invalid magic number ${magic} != ${LOG_MAGIC}`, 0);
    const version = this.#window.readInt32BE(4);
    if (version !== LOG_VERSION) throw this.#damage(`the log has version ${version}, not ${LOG_VERSION}`, 0);
  }

  #readEntry(length: number): Buffer | null {
    const from = this.position;
    const recordBytes = RECORD_HEAD_BYTES + length + 1;
    const available = this.#load(from, recordBytes);
    if (available < recordBytes) return this.#endTorn('the file ends inside a record');
    const head = from - this.#windowStart;
    const window = this.#window;
    const entryEnd = head + RECORD_HEAD_BYTES + length;
    const mark = window[entryEnd];
    if (mark !== END_OF_RECORD) {
      // The end mark is tested before the checksum: a record cut by zeros is torn, bad content in a whole one is damage.
      if (mark !== 0) throw this.#damage(`a record ends with byte ${mark} where 'B' belongs`);
      if (!this.#onlyZeros(from + recordBytes)) throw this.#damage('a record without its end mark is followed by more data');
      const isWhole = length >= MIN_ENTRY_BYTES && window.readUInt32BE(head + 4) === adler32(window, head + RECORD_HEAD_BYTES, entryEnd);
      if (!this.#acceptsUnmarked || !isWhole) return this.#endTorn('Last transaction was partial.');
      this.unmarked = from + recordBytes - 1;
    }
    const checksum = adler32(window, head + RECORD_HEAD_BYTES, entryEnd);
    if (window.readUInt32BE(head) !== 0 || window.readUInt32BE(head + 4) !== checksum) throw this.#damage('CRC check failed');
    if (length < MIN_ENTRY_BYTES) throw this.#damage(`a txn of ${length} bytes has no room for its header`);
    const entry = window.subarray(head + RECORD_HEAD_BYTES, entryEnd);
    this.lastZxid = zxidOfEntry(entry);
    this.position = from + recordBytes;
    return entry;
  }

  /** Length 0 is padding. A crash inside a record head can also leave it, but then nothing comes after. */
  #endAtZeroLength(): null {
    const from = this.position;
    const head = from - this.#windowStart;
    const checksumIsZero = this.#window.readBigInt64BE(head) === 0n;
    if (!this.#onlyZeros(from + RECORD_HEAD_BYTES)) throw this.#damage('a record of length 0 is followed by more data');
    return this.#end(checksumIsZero ? null : 'the log ends inside a record head');
  }

  /**
   * What is left looks like the beginning of a record. If a whole record can be found in it after all, by checksum and
   * end mark, then it is the length that has been damaged, and the record had been written to its end.
   */
  #endTorn(reason: string): null {
    const from = this.position;
    const available = this.#load(from, Math.min(this.#size - from, RECORD_HEAD_BYTES + this.#maxEntryBytes + 1));
    const bytes = this.#window.subarray(from - this.#windowStart, from - this.#windowStart + available);
    const checksum = bytes.readUInt32BE(4);
    let sum = 1;
    for (let at = RECORD_HEAD_BYTES; at < bytes.length; at++) {
      if (bytes[at] === END_OF_RECORD && sum === checksum) throw this.#damage('the length of a record is wrong, its content is whole');
      sum = adler32(bytes, at, at + 1, sum);
    }
    return this.#end(reason);
  }

  #end(torn: string | null): null {
    this.torn = torn;
    return null;
  }

  #damage(reason: string, offset = this.position): DamageError {
    return new DamageError(this.#path, offset, this.lastZxid, reason);
  }

  #onlyZeros(from: number): boolean {
    const chunk = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, Math.max(0, this.#size - from)));
    for (let at = from; at < this.#size; at += chunk.length) {
      const length = readFully(this.#disk, this.#fd, chunk, 0, Math.min(chunk.length, this.#size - at), at);
      if (length === 0) return true;
      if (!isZero(chunk, length)) return false;
    }
    return true;
  }

  /** Brings `[from, from + wanted)` into the window; returns how much of it the file has. */
  #load(from: number, wanted: number): number {
    const windowEnd = this.#windowStart + this.#windowLength;
    if (from >= this.#windowStart && from + wanted <= windowEnd) return wanted;
    if (wanted > this.#window.length) {
      const grown = Buffer.allocUnsafeSlow(2 * wanted);
      this.#window.copy(grown, 0, 0, this.#windowLength);
      this.#window = grown;
    }
    const kept = from >= this.#windowStart && from < windowEnd ? windowEnd - from : 0;
    this.#window.copyWithin(0, this.#windowLength - kept, this.#windowLength);
    this.#windowStart = from;
    const wantedMore = Math.max(0, Math.min(this.#window.length, this.#size - from) - kept);
    this.#windowLength = kept + readFully(this.#disk, this.#fd, this.#window, kept, wantedMore, from + kept);
    return Math.min(wanted, this.#windowLength);
  }
}

const ZEROS = Buffer.alloc(WINDOW_BYTES);

function isZero(bytes: Buffer, length: number): boolean {
  return bytes.compare(ZEROS, 0, length, 0, length) === 0;
}
