import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { dataFilesOf, listLogs, listSnapshots, nodeDisk, zxidOfLog, zxidOfSnapshot, type DataFiles, type NamedFile } from '@zk/store';
import { entriesOf } from '../config/source.ts';
import { ToolError } from './tool.ts';

/** What an operand of a tool names. */
export type Source =
  | { readonly kind: 'log'; readonly file: NamedFile }
  | { readonly kind: 'snapshot'; readonly file: NamedFile }
  | { readonly kind: 'directory'; readonly files: DataFiles };

/**
 * A log or snapshot file; a data directory, or the version-2 in it; or a configuration file, for both its directories.
 * @param dataLogDir where the logs are, when it is not the same directory
 * @throws ToolError
 */
export function sourceOf(operand: string, dataLogDir: string | null = null): Source {
  const stat = statSync(operand, { throwIfNoEntry: false });
  if (stat === undefined) throw new ToolError(`${operand} does not exist`);
  if (stat.isDirectory()) return { kind: 'directory', files: existingFiles(operand, dataLogDir) };
  const name = basename(operand);
  const [log, snapshot] = [zxidOfLog(name), zxidOfSnapshot(name)];
  if (log !== null) return { kind: 'log', file: { path: operand, zxid: log } };
  if (snapshot !== null) return { kind: 'snapshot', file: { path: operand, zxid: snapshot } };
  return { kind: 'directory', files: filesOfConfiguration(operand, dataLogDir) };
}

/** The same for what can only be a directory, or its configuration. @throws ToolError */
export function directoryOf(operand: string, dataLogDir: string | null = null): DataFiles {
  const source = sourceOf(operand, dataLogDir);
  if (source.kind === 'directory') return source.files;
  return existingFiles(dirname(operand), dataLogDir);
}

function existingFiles(dataDir: string, dataLogDir: string | null): DataFiles {
  const files = dataFilesOf(nodeDisk, dataDir, dataLogDir ?? dataDir);
  if (!existsSync(files.logs)) throw new ToolError(`${files.logs} does not exist`);
  if (listLogs(nodeDisk, files.logs).length + listSnapshots(nodeDisk, files.snapshots).length === 0) {
    throw new ToolError(`there are no logs and no snapshots in ${files.snapshots === files.logs ? files.logs : `${files.snapshots} and ${files.logs}`}`);
  }
  return files;
}

/** Its two directories; the rest of the file may be wrong. */
function filesOfConfiguration(file: string, dataLogDir: string | null): DataFiles {
  const entries = entriesOf(readFileSync(file, 'utf8'), file);
  const valueOf = (key: string): string | null => entries.findLast((entry) => entry.key === key)?.value.replaceAll('${configDir}', dirname(file)) ?? null;
  const dataDir = valueOf('dataDir');
  if (dataDir === null) throw new ToolError(`${file} is no log, no snapshot, and no configuration: it names no dataDir`);
  return existingFiles(resolve(dataDir), dataLogDir ?? valueOf('dataLogDir'));
}
