import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminView } from './view.ts';

const SNAPSHOT = /^snapshot\.([0-9a-f]{1,16})(?:\.(?:gz|snappy))?$/i;

/** The snapshot file with the highest zxid in its name. */
export function lastSnapshot(dataDir: string): ReturnType<AdminView['lastSnapshot']> {
  const directory = join(dataDir, 'version-2');
  let newest: { zxid: bigint; name: string } | null = null;
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const digits = SNAPSHOT.exec(name)?.[1];
    if (digits === undefined) continue;
    const zxid = BigInt.asIntN(64, BigInt(`0x${digits}`));
    if (newest === null || zxid > newest.zxid) newest = { zxid, name };
  }
  if (newest === null) return { zxid: -1n, time: null };
  return { zxid: newest.zxid, time: statSync(join(directory, newest.name), { throwIfNoEntry: false })?.mtimeMs ?? null };
}
