import fs from 'node:fs';
import { basename, join } from 'node:path';
import { nodeDisk, syncDirectoryNow } from './disk.ts';
import { FILE } from './checkpoint-tables.js';

const DIRECTORY = 'checkpoint';

/** `version-2/checkpoint`: LMDB's file, and the one it locks. */
export class CheckpointDirectory {
  readonly path: string;

  /** @param directory `version-2`. Nothing is made in it here. */
  constructor(directory: string) {
    this.path = join(directory, DIRECTORY);
  }

  get file(): string {
    return join(this.path, FILE);
  }

  /** Bytes; 0 also for the file of an LMDB that was killed before it had written anything. */
  size(): number {
    return fs.statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** The same again: nobody has written to the file in between. */
  version(): string {
    const stat = fs.statSync(this.file, { throwIfNoEntry: false, bigint: true });
    return stat ? `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}` : 'none';
  }

  /** Durable when it returns. Whoever has the file open still has it. */
  removeFile(): void {
    if (!fs.existsSync(this.file)) return;
    fs.rmSync(this.file);
    syncDirectoryNow(nodeDisk, this.path);
  }

  /** For a person to look at. @returns its name from now on */
  setAside(): string {
    const aside = `${this.path}.damaged`;
    fs.rmSync(aside, { recursive: true, force: true });
    fs.renameSync(this.path, aside);
    return basename(aside);
  }

  remove(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

/** For a directory that is kept without a checkpoint from now on: an old one must not come back. */
export function removeCheckpoint(directory: string): void {
  new CheckpointDirectory(directory).remove();
}
