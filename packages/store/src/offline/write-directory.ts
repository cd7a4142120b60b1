import fs from 'node:fs';
import { basename, join } from 'node:path';
import type { Image } from '@zk/protocol';
import { version2In } from '../data-files.ts';
import { nodeDisk, syncDirectoryNow } from '../disk.ts';
import { writeEpochs } from '../epochs.ts';
import { snapshotSuffix, type Compression } from '../file-names.ts';
import { writeSnapshot } from '../snapshot-writer.ts';
import type { Epochs } from '../store.ts';

export interface NewDirectoryOptions {
  compression: Compression;
  /** Null: no epoch files, as for a standalone server. */
  epochs: Epochs | null;
}

const FILE_OF_A_SERVER = /^(log|snapshot|checkpoint|replacement|rescue|incoming)(\.|$)|Epoch$/;

/** A data directory has files in it, or belongs to a running server. */
export class OccupiedError extends Error {
  override readonly name = 'OccupiedError';
}

/** @throws OccupiedError unless nothing of a server's is in the directory; `myid` may be */
export function requireUnoccupied(dataDir: string): void {
  const occupied = [version2In(dataDir), dataDir].find((directory) => namesIn(directory).some((name) => FILE_OF_A_SERVER.test(name)));
  if (occupied !== undefined) throw new OccupiedError(`${occupied} is not empty: stop its server and move what is in it away first`);
}

/**
 * Makes a data directory of one snapshot that a server, ours or Apache's, starts from.
 * @param image exact as of its zxid: there is no log beside it
 * @returns the path of the snapshot
 */
export async function writeDataDirectory(dataDir: string, image: Image, { compression, epochs }: NewDirectoryOptions): Promise<string> {
  requireUnoccupied(dataDir);
  const files = version2In(dataDir);
  fs.mkdirSync(files, { recursive: true });
  const path = join(files, `snapshot.${snapshotSuffix(image.zxid, compression)}`);
  const incoming = join(files, `incoming.${basename(path)}`);
  const fd = nodeDisk.open(incoming, 'w');
  try {
    await writeSnapshot(nodeDisk, fd, image, { digest: true, lastZxid: true, compression }, () => false);
    nodeDisk.syncNow(fd);
  } finally {
    nodeDisk.close(fd);
  }
  if (epochs) writeEpochs(nodeDisk, files, epochs); // first: a crash must not leave a history without its promises
  nodeDisk.rename(incoming, path);
  syncDirectoryNow(nodeDisk, files);
  syncDirectoryNow(nodeDisk, dataDir);
  return path;
}

function namesIn(directory: string): string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
}
