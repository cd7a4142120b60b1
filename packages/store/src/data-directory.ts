import { dirname, join } from 'node:path';
import { configuredDataFiles, type DataFiles } from './data-files.ts';
import type { Disk } from './disk.ts';
import { listLogs, listSnapshots } from './file-names.ts';

/** The directories cannot be used as configured. Apache ends with exit code 3: `Unable to access datadir`. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

/** The files of a server that may run on them. */
export interface DataDirectory extends DataFiles {
  /** The marker that says: starting empty is intended (storage.md 4.2). Where the server looks, and where its script puts it. */
  readonly initializeMarkers: readonly string[];
}

/**
 * The two `version-2` directories, made if need be and checked (storage.md 1).
 * @param autocreate false (zookeeper.datadir.autocreate): they have to exist already
 * @throws DataDirectoryError
 */
export function openDataDirectory(disk: Disk, dataDir: string, dataLogDir: string, autocreate: boolean): DataDirectory {
  const { snapshots, logs } = configuredDataFiles(dataDir, dataLogDir);
  for (const directory of [logs, snapshots]) requireDirectory(disk, directory, autocreate);
  if (logs !== snapshots) requireSeparate(disk, snapshots, logs);
  const parents = new Set([dirname(logs), dirname(snapshots)]);
  return { snapshots, logs, initializeMarkers: [...parents].map((parent) => join(parent, 'initialize')) };
}

function requireDirectory(disk: Disk, directory: string, autocreate: boolean): void {
  if (!disk.exists(directory)) {
    if (!autocreate) {
      throw new DataDirectoryError(`Missing data directory ${directory}, automatic data directory creation is disabled (zookeeper.datadir.autocreate is false). Please create this directory manually.`);
    }
    try {
      disk.makeDirectory(directory);
    } catch (error) {
      throw new DataDirectoryError(`Unable to create data directory ${directory}: ${(error as Error).message}`);
    }
  }
  try {
    disk.requireWritable(directory);
  } catch {
    throw new DataDirectoryError(`Cannot write to data directory ${directory}`);
  }
}

function requireSeparate(disk: Disk, snapshots: string, logs: string): void {
  if (listSnapshots(disk, logs).length > 0) {
    throw new DataDirectoryError(`Log directory has snapshot files. Check if dataLogDir and dataDir configuration is correct. (${logs})`);
  }
  if (listLogs(disk, snapshots).length > 0) {
    throw new DataDirectoryError(`Snapshot directory has log files. Check if dataLogDir and dataDir configuration is correct. (${snapshots})`);
  }
}
