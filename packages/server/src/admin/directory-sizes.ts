import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { version2In } from '@zk/store';
import type { AdminView } from './view.ts';

/** Bytes of everything in the version-2 directories; the same number twice when they are one directory. */
export function directorySizes(dataDir: string, dataLogDir: string): AdminView['directorySizes'] {
  const data = sizeOf(version2In(dataDir));
  return { data, log: dataLogDir === dataDir ? data : sizeOf(version2In(dataLogDir)) };
}

function sizeOf(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    // A file may vanish between the listing and the look: a snapshot that was purged, a temporary one that was renamed.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
