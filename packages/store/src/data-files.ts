import { join } from 'node:path';
import type { Disk } from './disk.ts';

/** Where the files of a server are: its `version-2` directories, which are often the same one. */
export interface DataFiles {
  /** Snapshots and epoch files. */
  readonly snapshots: string;
  /** Transaction logs. */
  readonly logs: string;
}

/** The directory in a dataDir or a dataLogDir that the files are in: named for the version of their formats (storage.md 1). */
export function version2In(directory: string): string {
  return join(directory, 'version-2');
}

/** Those of a server with this configuration, whether they exist or not. */
export function configuredDataFiles(dataDir: string, dataLogDir: string): DataFiles {
  return { snapshots: version2In(dataDir), logs: version2In(dataLogDir) };
}

/** The same for what a person names: a data directory, the `version-2` in it, or wherever such files have been copied to. */
export function dataFilesOf(disk: Disk, dataDir: string, dataLogDir = dataDir): DataFiles {
  const find = (directory: string): string => (disk.exists(version2In(directory)) ? version2In(directory) : directory);
  return { snapshots: find(dataDir), logs: find(dataLogDir) };
}
