import fs from 'node:fs';
import { basename, join } from 'node:path';
import { hex, type Zxid } from '@zk/protocol';
import { changeDirectory, listLogs, nodeDisk, planRepair, readBase, surveyLogs, type DataFiles, type Gap, type LogSurvey, type RepairPlan, type Rewrite } from '@zk/store';
import { DataTree } from '@zk/tree';
import { requireStopped } from './running-server.ts';
import { directoryOf } from './source.ts';
import { ToolExit, type ToolCall } from './tool.ts';
import { bytesText, counted, jsonLine } from './values.ts';

/** `log repair`: keeps the longest history without a gap. Changes nothing without --yes. */
export function repairLogs(call: ToolCall): number {
  const files = directoryOf(call.operands[0] as string, call.value('log-dir'));
  const logs = listLogs(nodeDisk, files.logs);
  const total = logs.reduce((sum, { path }) => sum + nodeDisk.size(path), 0);
  const notes: string[] = [];
  const base = readBase(nodeDisk, files.snapshots, null, (zxid) => DataTree.builder(zxid, { extendedTypes: true }), notes)?.file.zxid ?? null;
  const plan = planRepair(surveyLogs(nodeDisk, logs, { progress: (bytes) => call.progress.update('reading the logs', bytes, total) }), base);
  call.progress.clear();
  const isNeeded = plan.rewritten.length + plan.setAside.length > 0;
  const losesTxns = plan.loss.txns + plan.loss.unreadable > 0;
  const isAllowed = !losesTxns || call.isSet('accept-loss');
  const aside = isNeeded && isAllowed && call.isSet('yes') ? carryOut(plan, files) : null;
  if (call.isSet('json')) call.terminal.out(`${jsonLine(asJson(plan, base, notes, aside))}\n`);
  else call.terminal.out(`${[...notes, ...describe(plan, base), ...verdict({ isNeeded, losesTxns, isAllowed, aside })].join('\n')}\n`);
  return !isNeeded || aside !== null || (isAllowed && !call.isSet('yes')) ? ToolExit.DONE : ToolExit.FAILED;
}

function carryOut(plan: RepairPlan, files: DataFiles): string {
  requireStopped(files);
  const aside = unusedName(join(files.logs, `damaged.${(plan.last ?? 0n).toString(16)}`));
  changeDirectory(nodeDisk, plan, aside);
  return aside;
}

/** A second repair at the same txn must not mix its originals with those of the first. */
export function unusedName(path: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? path : `${path}.${number}`;
    if (!fs.existsSync(name)) return name;
  }
}

function describe({ last, gaps, cut, rewritten, setAside, loss }: RepairPlan, base: Zxid | null): string[] {
  const range = (first: Zxid | null, end: Zxid | null): string => `${first === null ? 'the beginning' : hex(first)} to ${end === null ? 'an unknown one' : hex(end)}`;
  const lines = [base === null ? 'No snapshot beside the logs: the first txn is taken for the beginning.' : `The newest snapshot has everything up to ${hex(base)}.`];
  lines.push(...gaps.map(gapText));
  lines.push(...cut.map(cutText), ...rewritten.map(rewriteText));
  lines.push(...setAside.map((path) => `${basename(path)} goes`));
  lines.push(`The history then ends with ${last === null ? 'nothing' : hex(last)}.`);
  if (loss.txns > 0) lines.push(`LOST: ${counted(loss.txns, 'txn')} that can be read but not kept, because one before them is missing: ${range(loss.first, loss.last)}.`);
  if (loss.unreadable > 0) lines.push(`LOST: what was in ${counted(loss.unreadable, 'place')} that cannot be read${loss.txns === 0 ? `: txns from ${hex(loss.first ?? 0n)} on` : ''}.`);
  return lines;
}

function gapText({ log, offset, after, before, reason }: Gap): string {
  const between = `after ${after === null ? 'nothing' : hex(after)}, before ${before === null ? 'the end' : hex(before)}`;
  return `${basename(log.path)}, offset ${offset}: ${reason} (${between})`;
}

function cutText({ path, end, size, torn }: LogSurvey): string {
  return `${basename(path)}: ${torn}; ${bytesText(size - end)} behind offset ${end} go, nothing in them was ever acknowledged`;
}

function rewriteText({ path, name, ranges }: Rewrite): string {
  const bytes = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  return `${basename(path)} is written anew${name === basename(path) ? '' : ` as ${name}`}, with ${bytesText(bytes)} of txns`;
}

interface Outcome {
  readonly isNeeded: boolean;
  readonly losesTxns: boolean;
  readonly isAllowed: boolean;
  readonly aside: string | null;
}

function verdict({ isNeeded, losesTxns, isAllowed, aside }: Outcome): string[] {
  if (!isNeeded) return ['Nothing to repair.'];
  if (aside !== null) return [`Repaired. The originals are in ${aside}.`];
  if (isAllowed) return ['Nothing has been changed: repeat with --yes to do this.'];
  const advice = 'A member of an ensemble need not be repaired: started, it gets the history from its leader. A backup may have what is lost: zk-server restore.';
  return [`Nothing has been changed: what would be lost may have been acknowledged. To accept ${losesTxns ? 'that' : 'it'}: --accept-loss --yes`, advice];
}

function asJson({ last, gaps, cut, rewritten, setAside, loss }: RepairPlan, base: Zxid | null, notes: readonly string[], aside: string | null): object {
  return {
    snapshot: base,
    last,
    damage: gaps.map(({ kind, log, offset, after, before, reason }) => ({ kind, file: log.path, offset, after, before, reason })),
    cut: cut.map(({ path, end }) => ({ file: path, offset: end })),
    rewritten: rewritten.map(({ path, name }) => ({ file: path, as: name })),
    setAside,
    lost: loss,
    notes,
    done: aside !== null,
    originals: aside,
  };
}
