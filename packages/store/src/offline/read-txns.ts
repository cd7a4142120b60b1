import { asZxid, hex, type Zxid } from '@zk/protocol';
import { DamageError } from '../damage.ts';
import type { Disk } from '../disk.ts';
import { listLogs, logsFrom } from '../file-names.ts';
import { scanLog } from './log-scan.ts';
import { follows } from './sequence.ts';

/** `time` of a TxnHeader: behind clientId, cxid and zxid. */
const TIME_OFFSET = 20;

/** One txn of a log; `entry` is a view for the time of one step. */
export interface LoggedTxn {
  readonly zxid: Zxid;
  readonly entry: Buffer;
}

/** When the leader made it, in ms since 1970. */
export function timeOfEntry(entry: Buffer): number {
  return Number(entry.readBigInt64BE(TIME_OFFSET));
}

export interface ReadTxnsOptions {
  /** Not above this one. */
  ceiling?: Zxid;
  maxEntryBytes?: number;
  /** Told how many bytes of all files have been read. */
  progress?: (bytes: number) => void;
}

/**
 * The txns behind `base` in the logs of a directory, in constant memory, changing nothing. Damage among older ones is no
 * obstacle; where one of those asked for is missing, it throws.
 * @throws DamageError
 */
export function* readTxns(disk: Disk, directory: string, base: Zxid, options: ReadTxnsOptions = {}): Generator<LoggedTxn> {
  const ceiling = options.ceiling ?? null;
  let last = base;
  let damage: DamageError | null = null;
  let bytesBefore = 0;
  for (const { path } of logsFrom(listLogs(disk, directory), base + 1n)) {
    for (const item of scanLog(disk, path, options.maxEntryBytes)) {
      if (item.kind === 'damage') damage ??= new DamageError(path, item.offset, last, item.reason);
      if (item.kind !== 'record') continue;
      if (item.zxid <= base) {
        damage = null; // nothing of what was asked for can have been there
        continue;
      }
      if (ceiling !== null && item.zxid > ceiling) return;
      if (!follows(last, item.zxid, damage !== null)) throw damage ?? missing(path, item.offset, last, item.zxid);
      damage = null;
      last = item.zxid;
      yield { zxid: last, entry: item.entry };
      options.progress?.(bytesBefore + item.end);
    }
    bytesBefore += disk.size(path);
  }
  if (damage !== null && (ceiling === null || last < ceiling)) throw damage;
}

function missing(path: string, offset: number, last: Zxid, next: Zxid): DamageError {
  return new DamageError(path, offset, last, `txns are missing: the log goes on with ${hex(next)}`);
}

/** The last txn before the first one that is later than `time` (ms since 1970), whether the log has it or not; null when there are none. */
export function lastTxnAt(disk: Disk, directory: string, time: number, maxEntryBytes?: number): Zxid | null {
  let last: Zxid | null = null;
  for (const { path } of listLogs(disk, directory)) {
    for (const item of scanLog(disk, path, maxEntryBytes)) {
      if (item.kind !== 'record') continue;
      if (timeOfEntry(item.entry) > time) return last ?? asZxid(item.zxid - 1n);
      last = item.zxid;
    }
  }
  return last;
}

/** When a txn was made, in ms since 1970; null when the log does not have it. */
export function timeOf(disk: Disk, directory: string, zxid: Zxid, maxEntryBytes?: number): number | null {
  for (const { path } of logsFrom(listLogs(disk, directory), zxid)) {
    for (const item of scanLog(disk, path, maxEntryBytes)) {
      if (item.kind !== 'record' || item.zxid < zxid) continue;
      return item.zxid === zxid ? timeOfEntry(item.entry) : null;
    }
  }
  return null;
}
