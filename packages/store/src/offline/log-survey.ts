import type { Zxid } from '@zk/protocol';
import type { Disk } from '../disk.ts';
import type { NamedFile } from '../file-names.ts';
import { DEFAULT_MAX_ENTRY_BYTES, scanLog, type LogItem } from './log-scan.ts';
import { follows } from './sequence.ts';

/** Records of one file with nothing missing and nothing unreadable between them. */
export interface Run {
  readonly first: Zxid;
  readonly last: Zxid;
  readonly records: number;
  /** Offsets of the first record, and behind the last. */
  readonly from: number;
  readonly to: number;
}

export type Damage = Extract<LogItem, { kind: 'damage' }>;

/** What a log file holds. */
export interface LogSurvey extends NamedFile {
  /** Bytes of the file, padding included. */
  readonly size: number;
  readonly records: number;
  /** In the order of the file. */
  readonly runs: readonly Run[];
  readonly damage: readonly Damage[];
  /** What a crash has left behind the last record; null: nothing. */
  readonly torn: string | null;
  /** Behind the last record, or where the damage at the end begins. */
  readonly end: number;
}

export interface SurveyOptions {
  maxEntryBytes?: number;
  /** Told how far the reading of all files has come, in bytes. */
  progress?: (bytes: number) => void;
  /** Shown every record, in order; `entry` is a view for the time of the call. */
  onRecord?: (record: Extract<LogItem, { kind: 'record' }>, file: NamedFile) => void;
}

/** Reads every byte of these files, in constant memory. */
export function surveyLogs(disk: Disk, files: readonly NamedFile[], options: SurveyOptions = {}): LogSurvey[] {
  let before = 0;
  return files.map((file) => {
    const survey = surveyLog(disk, file, { ...options, progress: (bytes) => options.progress?.(before + bytes) });
    before += survey.size;
    return survey;
  });
}

const PROGRESS_EVERY_BYTES = 1024 * 1024;

function surveyLog(disk: Disk, file: NamedFile, { maxEntryBytes = DEFAULT_MAX_ENTRY_BYTES, progress, onRecord }: SurveyOptions): LogSurvey {
  const runs: Run[] = [];
  const damage: Damage[] = [];
  let records = 0;
  let torn: string | null = null;
  let end = 0;
  let run: Run | null = null;
  let told = 0;
  const finishRun = (): void => {
    if (run !== null) runs.push(run);
    run = null;
  };
  for (const item of scanLog(disk, file.path, maxEntryBytes)) {
    end = item.offset;
    switch (item.kind) {
      case 'record':
        onRecord?.(item, file);
        records += 1;
        end = item.end;
        if (run !== null && !follows((run as Run).last, item.zxid)) finishRun();
        run = extended(run, item);
        if (end - told > PROGRESS_EVERY_BYTES) progress?.((told = end));
        break;
      case 'damage':
        finishRun();
        damage.push(item);
        break;
      case 'end':
        torn = item.torn;
    }
  }
  finishRun();
  const size = disk.size(file.path);
  progress?.(size);
  return { ...file, size, records, runs, damage, torn, end };
}

function extended(run: Run | null, { zxid, offset, end }: Extract<LogItem, { kind: 'record' }>): Run {
  if (run === null) return { first: zxid, last: zxid, records: 1, from: offset, to: end };
  return { ...run, last: zxid, records: run.records + 1, to: end };
}
