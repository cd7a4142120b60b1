import { asZxid, type Zxid } from '@zk/protocol';
import { DamageError } from '../damage.ts';
import type { Disk } from '../disk.ts';
import { LOG_HEADER_BYTES, LogReader, zxidOfEntry } from '../log-reader.ts';
import { findRecord } from './record-search.ts';

/** Longest entry believed unless told otherwise: jute.maxbuffer + extrasize of Apache's defaults, in bytes. */
export const DEFAULT_MAX_ENTRY_BYTES = 2 * 0xfffff;

/** What lies in a log file, in the order of its bytes. Offsets are those of the file. */
export type LogItem =
  /** A whole record; `entry` is a view that the next step overwrites. */
  | { readonly kind: 'record'; readonly offset: number; readonly end: number; readonly zxid: Zxid; readonly entry: Buffer }
  /** Bytes that are no record, up to the next whole one, or to the end of the file. */
  | { readonly kind: 'damage'; readonly offset: number; readonly end: number; readonly after: Zxid; readonly reason: string }
  /** Behind the last record: padding, or with `torn` what a crash has left of the one being written. */
  | { readonly kind: 'end'; readonly offset: number; readonly torn: string | null };

/** A file that a server is writing can change between two looks at the same place: damage is what stays. */
const LOOKS = 3;

/**
 * Reads one log file from its header to its end and, unlike a start of the server, goes on behind damage: from the next
 * place where checksum, length and end mark agree. In constant memory; of a file that is being written, up to where it
 * has come.
 */
export function* scanLog(disk: Disk, path: string, maxEntryBytes = DEFAULT_MAX_ENTRY_BYTES): Generator<LogItem> {
  const stretch: Stretch = { start: null, last: asZxid(0n) };
  let looks = 0;
  for (;;) {
    const from = stretch.start;
    const damage = yield* scanStretch(disk, path, maxEntryBytes, stretch);
    if (damage === null) return;
    looks = from === damage.offset ? looks + 1 : 1;
    stretch.start = damage.offset === 0 ? null : damage.offset;
    if (looks < LOOKS && stretch.start !== null) continue;
    const next = findRecord(disk, path, Math.max(damage.offset + 1, LOG_HEADER_BYTES), maxEntryBytes);
    yield { kind: 'damage', offset: damage.offset, end: next ?? disk.size(path), after: stretch.last, reason: damage.reason };
    if (next === null) return;
    stretch.start = next;
  }
}

interface Stretch {
  /** Null: at the header. */
  start: number | null;
  last: Zxid;
}

/** @returns what it ended with; null at the end of the file */
function* scanStretch(disk: Disk, path: string, maxEntryBytes: number, stretch: Stretch): Generator<LogItem, DamageError | null> {
  let reader: LogReader;
  try {
    reader = new LogReader(disk, path, stretch.last, { maxEntryBytes, ...(stretch.start === null ? {} : { start: stretch.start }) });
  } catch (error) {
    if (error instanceof DamageError) return error;
    throw error;
  }
  try {
    for (let offset = reader.position, entry = reader.next(); entry; offset = reader.position, entry = reader.next()) {
      stretch.last = zxidOfEntry(entry);
      yield { kind: 'record', offset, end: reader.position, zxid: stretch.last, entry };
    }
    yield { kind: 'end', offset: reader.position, torn: reader.torn };
    return null;
  } catch (error) {
    if (error instanceof DamageError) return error;
    throw error;
  } finally {
    reader.close();
  }
}
