import { basename } from 'node:path';
import { hex } from '@zk/protocol';
import { historyOf, listLogs, listSnapshots, nodeDisk, readSnapshotFile, surveyLogs, type DataFiles, type Gap, type LogSurvey, type NamedFile } from '@zk/store';
import { DataTree } from '@zk/tree';
import { explain, loadState } from './load-state.ts';
import { LineOutput } from './output.ts';
import type { Progress } from './progress.ts';
import { sourceOf } from './source.ts';
import { ToolError, ToolExit, type ToolCall } from './tool.ts';
import { bytesText, counted, jsonLine } from './values.ts';

interface Finding {
  readonly file: string;
  readonly verdict: 'ok' | 'note' | 'bad';
  readonly text: string;
}

/** `log verify`: whether logs, and the snapshots beside them, can be read and belong together. */
export function verifyLogs(call: ToolCall): number {
  const findings = call.operands.flatMap((operand) => findingsOn(operand, call));
  const isBad = findings.some(({ verdict }) => verdict === 'bad');
  const output = new LineOutput(call.terminal);
  if (call.isSet('json')) findings.forEach((finding) => output.line(jsonLine(finding)));
  else {
    findings.forEach(({ file, verdict, text }) => output.line(`${verdict.padEnd(4)}  ${file}: ${text}`));
    output.line(isBad ? 'Something is wrong. zk-server log repair shows what can be kept.' : 'All is well.');
  }
  output.flush();
  return isBad ? ToolExit.FAILED : ToolExit.DONE;
}

function findingsOn(operand: string, call: ToolCall): Finding[] {
  const source = sourceOf(operand, call.value('log-dir'));
  if (source.kind === 'log') return logFindings([source.file], [], call.progress);
  if (source.kind === 'snapshot') return [snapshotFinding(source.file)];
  const { files } = source;
  const snapshots = listSnapshots(nodeDisk, files.snapshots).reverse();
  const logs = logFindings(listLogs(nodeDisk, files.logs), snapshots, call.progress);
  const isReadable = [...logs].every(({ verdict }) => verdict !== 'bad');
  return [...snapshots.map(snapshotFinding), ...logs, ...(isReadable ? digestFindings(files, call) : [])];
}

function snapshotFinding(file: NamedFile): Finding {
  const name = basename(file.path);
  try {
    const { value: tree, reach, digest } = readSnapshotFile(nodeDisk, file, (zxid) => DataTree.builder(zxid, { extendedTypes: true }));
    const about = `${counted(tree.nodeCount, 'znode')}, ${counted(tree.sessions.size, 'session')}`;
    if (reach > file.zxid) return { file: name, verdict: 'ok', text: `${about}; taken while txns up to ${hex(reach)} came in` };
    const isOther = digest !== null && BigInt.asUintN(64, digest.value) !== BigInt.asUintN(64, tree.digest);
    if (isOther) return { file: name, verdict: 'bad', text: `${about}; its digest is not that of its znodes` };
    return { file: name, verdict: 'ok', text: `${about}${digest === null ? '' : '; the digest agrees'}` };
  } catch (error) {
    return { file: name, verdict: 'bad', text: `cannot be read: ${(error as Error).message}` };
  }
}

function logFindings(files: readonly NamedFile[], snapshots: readonly NamedFile[], progress: Progress): Finding[] {
  const total = files.reduce((sum, { path }) => sum + nodeDisk.size(path), 0);
  const logs = surveyLogs(nodeDisk, files, { progress: (bytes) => progress.update('reading the logs', bytes, total) });
  progress.clear();
  const { gaps } = historyOf(logs);
  return logs.flatMap((log) => [...logFinding(log, log === logs.at(-1)), ...gaps.filter((gap) => gap.log === log).map((gap) => gapFinding(gap, snapshots))]);
}

function logFinding(log: LogSurvey, isLast: boolean): Finding[] {
  const file = basename(log.path);
  const [first, last] = [log.runs[0]?.first, log.runs.at(-1)?.last];
  const content = first === undefined || last === undefined ? 'no txn' : `${counted(log.records, 'txn')}, ${hex(first)} to ${hex(last)}`;
  const padding = log.size - log.end;
  const text = `${content}, ${bytesText(log.size)}${padding > 0 && log.torn === null ? `, ${bytesText(padding)} of padding` : ''}`;
  const misnamed = first !== undefined && first !== log.zxid ? [{ file, verdict: 'note', text: `is not named for its first txn, ${hex(first)}` } as const] : [];
  const torn = log.torn === null ? [] : [{ file, verdict: 'note', text: `${log.torn} (offset ${log.end}): what a crash leaves; ${isLast ? 'the next start cuts it off' : 'nothing in it was acknowledged'}` } as const];
  return [{ file, verdict: 'ok', text }, ...misnamed, ...torn];
}

/** A leader's snapshot (SNAP) skips what it replaces: a hole that a snapshot covers is no loss. */
function gapFinding({ kind, log, offset, after, before, reason }: Gap, snapshots: readonly NamedFile[]): Finding {
  const file = basename(log.path);
  const where = `offset ${offset}, after ${after === null ? 'nothing' : hex(after)}, before ${before === null ? 'the end' : hex(before)}`;
  const cover = before === null ? undefined : snapshots.find(({ zxid }) => zxid >= before - 1n);
  if (kind === 'hole' && cover !== undefined) return { file, verdict: 'note', text: `${reason} (${where}); ${basename(cover.path)} has them` };
  return { file, verdict: 'bad', text: `${reason} (${where})` };
}

/** Replays what a start would replay, and compares the digests in the txns. */
function digestFindings(files: DataFiles, call: ToolCall): Finding[] {
  try {
    const { base, txns, mismatches, notes } = loadState({ kind: 'directory', files }, null, call.progress);
    const seen = notes.map((text): Finding => ({ file: base, verdict: 'note', text }));
    const [first] = mismatches;
    if (first === undefined) return [...seen, { file: base, verdict: 'ok', text: `${counted(txns, 'txn')} replayed over it; every digest agrees` }];
    return [...seen, { file: base, verdict: 'bad', text: `replayed over it, ${counted(mismatches.length, 'digest')} of txns are not those of the tree, the first at ${hex(first)}` }];
  } catch (error) {
    const text = error instanceof ToolError ? error.message : explain(error);
    if (text === null) throw error;
    return [{ file: basename(files.snapshots), verdict: 'bad', text }];
  }
}
