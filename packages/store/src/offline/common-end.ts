import { asZxid, type Zxid } from '@zk/protocol';
import type { Disk } from '../disk.ts';
import { LOG_HEADER_BYTES } from '../log-reader.ts';
import { scanLog, type LogItem } from './log-scan.ts';

export interface CommonPart {
  /** Behind the last record that both have, and its zxid; 0 when there is none. */
  readonly offset: number;
  readonly zxid: Zxid;
  /** Whether that is all the copy has. */
  readonly isWhole: boolean;
}

/**
 * How far a copy of a log file has the same records as the original. A zxid belongs to one txn for ever, so the zxids are compared, with the places where they are.
 */
export function commonEnd(disk: Disk, copy: string, original: string): CommonPart {
  const originals = scanLog(disk, original);
  let offset = LOG_HEADER_BYTES;
  let zxid = asZxid(0n);
  try {
    for (const item of scanLog(disk, copy)) {
      if (item.kind !== 'record') return { offset, zxid, isWhole: item.kind === 'end' };
      if (!isSame(item, originals.next().value ?? null)) return { offset, zxid, isWhole: false };
      offset = item.end;
      zxid = item.zxid;
    }
    return { offset, zxid, isWhole: true };
  } finally {
    originals.return(undefined);
  }
}

function isSame(item: Extract<LogItem, { kind: 'record' }>, other: LogItem | null): boolean {
  return other?.kind === 'record' && other.zxid === item.zxid && other.end === item.end;
}
