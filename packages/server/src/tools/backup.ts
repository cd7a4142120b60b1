import { resolve } from 'node:path';
import { hex } from '@zk/protocol';
import { BackupError, backUp, nodeDisk } from '@zk/store';
import { directoryOf } from './source.ts';
import { ToolError, ToolExit, type ToolCall } from './tool.ts';
import { bytesText, isoTime, jsonLine } from './values.ts';

/** `backup`: adds what is new to a backup. The server may be running. */
export function backup(call: ToolCall): number {
  const [from, to] = call.operands as [string, string];
  const files = directoryOf(from, call.value('log-dir'));
  const target = resolve(to);
  try {
    const run = backUp(nodeDisk, files, target, { now: call.now, progress: (done, total) => call.progress.update('reading the logs', done, total) });
    call.progress.clear();
    const { snapshot, copied, bytes, lastZxid, lastTime, superseded, notes } = run;
    if (call.isSet('json')) call.terminal.out(`${jsonLine({ ...run, startedAt: isoTime(run.startedAt), lastTime: lastTime === null ? null : isoTime(lastTime), target })}\n`);
    else {
      const lines = [
        ...notes,
        copied.length === 0 ? 'Nothing is new.' : `Copied ${bytesText(bytes)}: ${copied.join(' ')}`,
        ...superseded.map((path) => `The server has forgotten what was in a copy of its log; it is kept as ${path}`),
        `The backup reaches to ${hex(lastZxid)}${lastTime === null ? '' : ` (${isoTime(lastTime)})`}; its newest snapshot is ${snapshot}.`,
      ];
      call.terminal.out(`${lines.join('\n')}\n`);
    }
    return ToolExit.DONE;
  } catch (error) {
    if (error instanceof BackupError) throw new ToolError(error.message);
    throw error;
  }
}
