import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Implementation, Member } from './ensemble.ts';

/** A file system of a few MB of its own, which needs user namespaces: why not, or null. */
export function noSmallDisks(): string | null {
  const { status, stderr, error } = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt'], { encoding: 'utf8' });
  if (status === 0) return null;
  return `no mount in a user namespace: ${(error?.message ?? stderr).trim()}`;
}

/** The same server, whose version-2 lies on a file system of so many KiB. What is on it ends with the process. */
export function onSmallDisk(implementation: Implementation, kib: number): Implementation {
  return (configFile) => {
    const { command, args, env } = implementation(configFile);
    const version2 = join(configFile.replace(/\.cfg$/, ''), 'version-2');
    const script = `mkdir -p "$1" && mount -t tmpfs -o size=${kib}k none "$1" && shift && exec "$@"`;
    return { command: 'unshare', args: ['-rm', 'sh', '-c', script, 'sh', version2, command, ...args], env };
  };
}

/** The directory of a member on a small disk, seen from outside. */
export function smallDiskOf({ process, dataDir }: Member): string {
  return `/proc/${process?.pid}/root${join(dataDir, 'version-2')}`;
}

/** Takes all the room there is. */
export function fill(directory: string): void {
  const fd = openSync(join(directory, 'filler'), 'w');
  try {
    for (let length = 64 * 1024; length > 0; ) {
      try {
        writeSync(fd, Buffer.alloc(length));
      } catch {
        length >>= 1;
      }
    }
  } finally {
    closeSync(fd);
  }
}

export function makeRoom(directory: string): void {
  rmSync(join(directory, 'filler'));
}
