import { join } from 'node:path';
import type { Disk } from '../disk.ts';

/** Where the files of a data directory are. */
export interface DataFiles {
  /** Snapshots and epoch files. */
  readonly snapshots: string;
  /** Transaction logs; often the same directory. */
  readonly logs: string;
}

/** Each a data directory, or the `version-2` in it, or wherever such files have been copied to. */
export function dataFilesOf(disk: Disk, dataDir: string, dataLogDir = dataDir): DataFiles {
  return { snapshots: version2Of(disk, dataDir), logs: version2Of(disk, dataLogDir) };
}

function version2Of(disk: Disk, directory: string): string {
  const version2 = join(directory, 'version-2');
  return disk.exists(version2) ? version2 : directory;
}
