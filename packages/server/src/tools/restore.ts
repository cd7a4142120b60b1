import { hex, type Zxid } from '@zk/protocol';
import { nodeDisk, readTxns, timeOfEntry } from '@zk/store';
import { explain } from './load-state.ts';
import { describeState, make, newDirectoryOf, stateAsJson, type NewDirectory } from './new-directory.ts';
import { ToolError, ToolExit, type ToolCall } from './tool.ts';
import { counted, isoTime, jsonLine } from './values.ts';

/** What the backup has behind the chosen moment. */
interface LeftOut {
  readonly txns: number;
  readonly last: Zxid | null;
  readonly lastTime: number | null;
  /** Why it could not be read to its end. */
  readonly problem: string | null;
}

/** `restore`: a data directory as of one moment of a backup. Changes nothing without --yes. */
export async function restore(call: ToolCall): Promise<number> {
  const directory = newDirectoryOf(call);
  const leftOut = leftOutOf(directory);
  const path = call.isSet('yes') ? await make(directory) : null;
  if (call.isSet('json')) call.terminal.out(`${jsonLine({ ...stateAsJson(directory), leftOut, written: path })}\n`);
  else call.terminal.out(`${[...describeState(directory), ...describeLeftOut(leftOut), ...outcome(directory, path)].join('\n')}\n`);
  return ToolExit.DONE;
}

function leftOutOf({ source, state }: NewDirectory): LeftOut {
  if (source.kind !== 'directory') throw new ToolError('restore takes a backup or a data directory; zk-server snapshot import takes a file');
  let txns = 0;
  let last: Zxid | null = null;
  let lastTime: number | null = null;
  try {
    for (const { zxid, entry } of readTxns(nodeDisk, source.files.logs, state.lastZxid)) {
      txns += 1;
      last = zxid;
      lastTime = timeOfEntry(entry);
    }
    return { txns, last, lastTime, problem: null };
  } catch (error) {
    const problem = explain(error);
    if (problem === null) throw error;
    return { txns, last, lastTime, problem };
  }
}

function describeLeftOut({ txns, last, lastTime, problem }: LeftOut): string[] {
  const known = last === null || lastTime === null ? 'Nothing comes after that in the backup.' : `LEFT OUT: ${counted(txns, 'later txn')}, up to ${hex(last)} (${isoTime(lastTime)}).`;
  return [known, ...(problem === null ? [] : [`The backup cannot be read to its end: ${problem}`])];
}

function outcome({ target, epochs }: NewDirectory, path: string | null): string[] {
  if (path === null) return [`Nothing has been written: repeat with --yes to make ${target}.`];
  const ensemble = 'An ensemble: stop all members and restore the same to each; none of them may start with other data.';
  return [`Written: ${path}`, ...(epochs === null ? [] : [ensemble])];
}
