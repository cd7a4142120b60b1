import { basename, join } from 'node:path';
import { hex, type Zxid } from '@zk/protocol';
import {
  changeDirectory, historyOf, listLogs, listSnapshots, nodeDisk, readBase, readSnapshotFile, surveyLogs,
  type DirectoryChange, type LogSurvey, type NamedFile, type Rewrite,
} from '@zk/store';
import { unusedName } from './log-repair.ts';
import { requireStopped } from './running-server.ts';
import { directoryOf } from './source.ts';
import { ToolError, ToolExit, type ToolCall } from './tool.ts';
import { counted, jsonLine, zxidFrom } from './values.ts';

interface TruncatePlan {
  readonly at: Zxid;
  readonly snapshots: readonly NamedFile[];
  readonly logs: DirectoryChange;
  /** Txns that are forgotten, and the last of them. */
  readonly forgotten: number;
  readonly last: Zxid | null;
}

const ANYTHING = () => ({ onSession: () => {}, onAcl: () => {}, onNode: () => {}, finish: () => null });

/** `log truncate`: forgets what comes after one txn, in the logs and in snapshots. Changes nothing without --yes. */
export function truncateLogs(call: ToolCall): number {
  const at = call.value('at');
  if (at === null) throw new ToolError('--at says after which txn to cut', ToolExit.WRONG_ARGUMENTS);
  const files = directoryOf(call.operands[0] as string, call.value('log-dir'));
  const zxid = zxidFrom(at);
  const surveys = surveyLogs(nodeDisk, listLogs(nodeDisk, files.logs));
  const plan = planTruncation(surveys, newerThan(zxid, listSnapshots(nodeDisk, files.snapshots)), zxid);
  const base = readBase(nodeDisk, files.snapshots, zxid, ANYTHING, []);
  if (base === null) throw new ToolError(`no snapshot without anything newer than ${hex(zxid)} would be left, and a log alone is no database`);
  if (base.file.zxid < zxid) requireContains(surveys, base.file.zxid, zxid);
  const isNeeded = plan.forgotten > 0 || plan.snapshots.length > 0;
  let aside: string | null = null;
  if (isNeeded && call.isSet('yes')) {
    requireStopped(files);
    aside = unusedName(join(files.logs, `truncated.${zxid.toString(16)}`));
    const snapshotAside = files.logs === files.snapshots ? aside : unusedName(join(files.snapshots, basename(aside)));
    changeDirectory(nodeDisk, { rewritten: [], setAside: plan.snapshots.map(({ path }) => path) }, snapshotAside); // one of them would bring it all back
    changeDirectory(nodeDisk, plan.logs, aside);
  }
  call.terminal.out(call.isSet('json') ? `${jsonLine(asJson(plan, aside))}\n` : `${describe(plan, isNeeded, aside).join('\n')}\n`);
  return ToolExit.DONE;
}

function planTruncation(logs: readonly LogSurvey[], snapshots: readonly NamedFile[], at: Zxid): TruncatePlan {
  const damaged = historyOf(logs).gaps.find(({ kind }) => kind !== 'hole');
  if (damaged !== undefined) throw new ToolError(`${damaged.log.path} is damaged at offset ${damaged.offset} (${damaged.reason}): zk-server log repair comes first`);
  const rewritten: Rewrite[] = [];
  const setAside: string[] = [];
  let forgotten = 0;
  for (const log of logs) {
    const ends = log.runs.map(({ first, last, from, to }) => (first > at ? null : { from, to: last <= at ? to : endOf(log, at) }));
    const kept = ends.filter((range) => range !== null);
    const isWhole = log.runs.every(({ last }) => last <= at);
    if (isWhole) continue;
    forgotten += countAbove(log, at);
    if (kept.length === 0) setAside.push(log.path);
    else rewritten.push({ path: log.path, name: basename(log.path), ranges: kept });
  }
  return { at, snapshots, logs: { rewritten, setAside }, forgotten, last: logs.at(-1)?.runs.at(-1)?.last ?? null };
}

/** Offset behind the last record that is kept. */
function endOf(log: LogSurvey, at: Zxid): number {
  let end = 0;
  surveyLogs(nodeDisk, [log], { onRecord: (record) => void (record.zxid <= at && (end = record.end)) });
  return end;
}

function countAbove(log: LogSurvey, at: Zxid): number {
  let count = 0;
  surveyLogs(nodeDisk, [log], { onRecord: ({ zxid }) => void (zxid > at && count++) });
  return count;
}

/** Also fuzzy ones that may hold something newer than their names say, and those that nobody can read. */
function newerThan(at: Zxid, snapshots: readonly NamedFile[]): NamedFile[] {
  return snapshots.filter((file) => {
    if (file.zxid > at) return true;
    try {
      return readSnapshotFile(nodeDisk, file, ANYTHING).reach > at;
    } catch {
      return true;
    }
  });
}

function requireContains(logs: readonly LogSurvey[], base: Zxid, at: Zxid): void {
  const stretch = historyOf(logs).stretches.find(({ first, last }) => first <= at && at <= last);
  if (stretch === undefined || stretch.first > base + 1n) throw new ToolError(`${hex(at)} is not in the history behind ${hex(base)}: zk-server log verify shows what is`);
}

function describe({ at, snapshots, logs, forgotten, last }: TruncatePlan, isNeeded: boolean, aside: string | null): string[] {
  if (!isNeeded) return [`Nothing comes after ${hex(at)}.`];
  return [
    `FORGOTTEN: ${counted(forgotten, 'txn')} after ${hex(at)}${last === null ? '' : `, up to ${hex(last)}`}.`,
    ...logs.rewritten.map(({ path }) => `${basename(path)} is cut`),
    ...[...logs.setAside, ...snapshots.map(({ path }) => path)].map((path) => `${basename(path)} goes`),
    'Members of an ensemble give each other what one has forgotten: this is of use on all of them, or on none.',
    aside === null ? 'Nothing has been changed: repeat with --yes to do this.' : `Done. The originals are in ${aside}.`,
  ];
}

function asJson({ at, snapshots, logs, forgotten, last }: TruncatePlan, aside: string | null): object {
  return { at, forgotten, last, cut: logs.rewritten.map(({ path }) => path), setAside: [...logs.setAside, ...snapshots.map(({ path }) => path)], done: aside !== null, originals: aside };
}
