import { existsSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataFiles } from '@zk/store';
import { processIn } from '../operator/installation.ts';
import { ToolError } from './tool.ts';

/** In dataDir, written by `zk-server start` and by Apache's zkServer.sh. */
const PID_FILE = 'zookeeper_server.pid';

/**
 * Nobody may change the files of a running server. A pid file tells of one that was started in the background; /proc of
 * any process of this machine that has one of the directories' files open.
 * @throws ToolError
 */
export function requireStopped({ snapshots, logs }: DataFiles): void {
  for (const dataDir of new Set([dirname(snapshots), dirname(logs)])) {
    const pidFile = join(dataDir, PID_FILE);
    const pid = existsSync(pidFile) ? processIn(pidFile) : null;
    if (pid !== null) throw new ToolError(`process ${pid} is running on ${dataDir}, says ${pidFile}: stop it first`);
  }
  const user = userOf(new Set([snapshots, logs]));
  if (user !== null) throw new ToolError(`process ${user.pid} has ${user.file} open: stop it first`);
}

/** The process that has a file of these directories open; null also where there is no /proc, or it belongs to another user. */
function userOf(directories: ReadonlySet<string>): { pid: string; file: string } | null {
  const roots = [...directories].filter((directory) => existsSync(directory)).map((directory) => `${realpathSync(directory)}/`);
  for (const pid of entriesOf('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    for (const fd of entriesOf(`/proc/${pid}/fd`)) {
      const file = targetOf(`/proc/${pid}/fd/${fd}`);
      if (roots.some((root) => file.startsWith(root))) return { pid, file };
    }
  }
  return null;
}

/** Processes end while they are looked at, and those of others do not let themselves be looked at. */
function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
