import fs from 'node:fs';

export type Done = (error: Error | null) => void;

/**
 * The few things a store asks of a file system. {@link nodeDisk} does them; a test puts something in between that runs
 * out of space, writes half, or flips a bit. Every method throws (or reports) Node's own error, with its `code`.
 */
export interface Disk {
  /** @param flags as for fs.open: 'r', 'r+', 'w' (creates, or empties) */
  open(path: string, flags: 'r' | 'r+' | 'w'): number;
  close(fd: number): void;
  /** Bytes read, fewer than asked for only at the end of the file. */
  read(fd: number, into: Uint8Array, offset: number, length: number, position: number): number;
  /** Bytes written, which may be fewer than asked for. */
  write(fd: number, from: Uint8Array, offset: number, length: number, position: number): number;
  /** Cuts the file, or extends it with zeros. */
  resize(fd: number, length: number): void;
  /** Content, and the length when it has changed; in the thread pool. */
  datasync(fd: number, done: Done): void;
  sync(fd: number, done: Done): void;
  syncNow(fd: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** {@link remove} in the thread pool, where it takes tens of ms for a large file. */
  discard(path: string, done: Done): void;
  makeDirectory(path: string): void;
  /** File names in a directory, in no order. */
  list(directory: string): string[];
  exists(path: string): boolean;
  /** Throws unless new files can be made in the directory. */
  requireWritable(directory: string): void;
  /** Length in bytes. */
  size(path: string): number;
  /** Bytes that take up space: what preallocation has set aside and nobody has written does not count. */
  sizeUsed(path: string): number;
}

const SECTOR_BYTES = 512; // the unit of st_blocks, whatever the file system

/** The file system of this machine. */
export const nodeDisk: Disk = {
  open: (path, flags) => fs.openSync(path, flags),
  close: (fd) => fs.closeSync(fd),
  read: (fd, into, offset, length, position) => fs.readSync(fd, into, offset, length, position),
  write: (fd, from, offset, length, position) => fs.writeSync(fd, from, offset, length, position),
  resize: (fd, length) => fs.ftruncateSync(fd, length),
  datasync: (fd, done) => fs.fdatasync(fd, done),
  sync: (fd, done) => fs.fsync(fd, done),
  syncNow: (fd) => fs.fsyncSync(fd),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.unlinkSync(path),
  discard: (path, done) => fs.unlink(path, done),
  makeDirectory: (path) => void fs.mkdirSync(path, { recursive: true }),
  list: (directory) => fs.readdirSync(directory),
  exists: (path) => fs.existsSync(path),
  requireWritable: (directory) => fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK),
  size: (path) => fs.statSync(path).size,
  sizeUsed: (path) => {
    const { size, blocks } = fs.statSync(path);
    return Math.min(size, blocks * SECTOR_BYTES);
  },
};

/** Writes all of `bytes[0, length)` at `position`, however many calls it takes. */
export function writeFully(disk: Disk, fd: number, bytes: Uint8Array, length: number, position: number): void {
  for (let done = 0; done < length; ) {
    const written = disk.write(fd, bytes, done, length - done, position + done);
    if (written <= 0) throw new Error(`the file system wrote ${written} of ${length - done} bytes`);
    done += written;
  }
}

/** Fills `into[offset, offset + length)`; returns how much the file had. */
export function readFully(disk: Disk, fd: number, into: Uint8Array, offset: number, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const read = disk.read(fd, into, offset + done, length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** Names come and go durably only when their directory is synced as well (quorum.md T16). */
export function syncDirectoryNow(disk: Disk, directory: string): void {
  const fd = disk.open(directory, 'r');
  try {
    disk.syncNow(fd);
  } finally {
    disk.close(fd);
  }
}

/** {@link syncDirectoryNow} in the thread pool. */
export function syncDirectory(disk: Disk, directory: string, done: Done): void {
  let fd: number;
  try {
    fd = disk.open(directory, 'r');
  } catch (error) {
    done(error as Error);
    return;
  }
  disk.sync(fd, (error) => {
    disk.close(fd);
    done(error);
  });
}

/** For `count` things done side by side: `done` once all have ended, with the first failure. */
export function whenAll(count: number, done: Done): Done {
  let left = count;
  let failure: Error | null = null;
  return (error) => {
    failure ??= error;
    if (--left === 0) done(failure);
  };
}

/** Files of one directory go, in this order, beside everything else; durably when it resolves. Some may have gone already. */
export async function discardAll(disk: Disk, directory: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await settled((done) => disk.discard(path, (error) => done(isMissing(error) ? null : error)));
  if (paths.length > 0) await settled((done) => syncDirectory(disk, directory, done));
}

/** There is no such file (any more). */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

/** What was started has ended. @throws what it reported */
export function settled(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

/** A whole file, made durable under its final name or not there at all: tmp, sync, rename, sync of the directory. */
export function writeFileDurably(disk: Disk, directory: string, path: string, content: Buffer): void {
  const temporary = `${path}.tmp`;
  const fd = disk.open(temporary, 'w');
  try {
    writeFully(disk, fd, content, content.length, 0);
    disk.syncNow(fd);
  } finally {
    disk.close(fd);
  }
  disk.rename(temporary, path);
  syncDirectoryNow(disk, directory);
}

/** The whole content of a file. */
export function readFile(disk: Disk, path: string): Buffer {
  const content = Buffer.allocUnsafeSlow(disk.size(path));
  const fd = disk.open(path, 'r');
  try {
    return content.subarray(0, readFully(disk, fd, content, 0, content.length, 0));
  } finally {
    disk.close(fd);
  }
}
