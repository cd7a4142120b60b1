import { basename, join } from 'node:path';
import type { Image, Zxid } from '@zk/protocol';
import { discardAll, settled, syncDirectory, syncDirectoryNow, type Disk } from './disk.ts';
import { asideName, listSnapshots, moveAside, snapshotSuffix, type NamedFile } from './file-names.ts';
import { looksComplete, readSnapshot } from './snapshot-reader.ts';
import { writeSnapshot, writeSnapshotNow, type SnapshotFormat } from './snapshot-writer.ts';

/** How many candidates are tried, like Apache. */
const MAX_CANDIDATES = 100;
/** Being written: worthless after a crash. Apache takes neither name for a snapshot. */
const INCOMING = 'incoming.';
/** Complete and durable: the state of this member from the moment it has this name, whatever else still lies around. */
const REPLACEMENT = 'replacement.';
/** The same, for a member whose old state is damaged: that is set aside, not deleted. */
const RESCUE = 'rescue.';

export interface FoundSnapshot {
  file: NamedFile;
  image: Image;
}

/** The snapshot files of one directory. */
export class Snapshots {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #format: SnapshotFormat;

  constructor(disk: Disk, directory: string, format: SnapshotFormat) {
    this.#disk = disk;
    this.#directory = directory;
    this.#format = format;
  }

  /** Newest first. */
  list(): NamedFile[] {
    return listSnapshots(this.#disk, this.#directory);
  }

  /** Those that pass the cheap test, newest first. */
  candidates(): NamedFile[] {
    return this.list().filter((file) => looksComplete(this.#disk, file.path)).slice(0, MAX_CANDIDATES);
  }

  /**
   * The newest one that can be believed; each candidate is read from scratch, nothing of a bad one survives.
   * @param ceiling txns above it must not be in the snapshot, not even by being fuzzy
   */
  newestReadable(notes: string[], ceiling: Zxid | null = null): FoundSnapshot | null {
    for (const file of this.candidates()) {
      if (ceiling !== null && file.zxid > ceiling) continue;
      try {
        const image = readSnapshot(this.#disk, file);
        if (ceiling === null || !image.digest || image.digest.zxid <= ceiling) return { file, image };
      } catch (error) {
        notes.push(`problem reading snap file ${basename(file.path)}: ${(error as Error).message}`);
      }
    }
    return null;
  }

  /** Durable when it returns. For an empty database; what has content is written in slices. */
  writeNow(image: Image): void {
    const path = this.#path(INCOMING, image.zxid);
    const fd = this.#disk.open(path, 'w');
    try {
      writeSnapshotNow(this.#disk, fd, image, this.#format);
      this.#disk.syncNow(fd);
    } finally {
      this.#disk.close(fd);
    }
    this.#disk.rename(path, this.#path('snapshot.', image.zxid));
    syncDirectoryNow(this.#disk, this.#directory);
  }

  /** Writes and syncs a snapshot that does not count yet. @returns null when `stopped` said so */
  async writeIncoming(image: Image, zxid: Zxid, stopped: () => boolean): Promise<IncomingSnapshot | null> {
    const path = this.#path(INCOMING, zxid);
    const fd = this.#disk.open(path, 'w');
    let complete = false;
    try {
      complete = await writeSnapshot(this.#disk, fd, named(image, zxid), this.#format, stopped);
      if (complete) await settled((done) => this.#disk.sync(fd, done));
    } catch (error) {
      complete = false;
      throw error;
    } finally {
      this.#disk.close(fd);
      if (!complete) this.#disk.remove(path); // and the room it took is free again
    }
    return complete ? { path, zxid } : null;
  }

  /** From here on recovery finds it. */
  async publish(incoming: IncomingSnapshot): Promise<void> {
    this.#disk.rename(incoming.path, this.#path('snapshot.', incoming.zxid));
    await settled((done) => syncDirectory(this.#disk, this.#directory, done));
  }

  /** The one step that decides between old state and new; finishReplacement() does the rest, now or after a crash. */
  async publishAsReplacement(incoming: IncomingSnapshot, isRescue: boolean): Promise<void> {
    this.#disk.rename(incoming.path, this.#path(isRescue ? RESCUE : REPLACEMENT, incoming.zxid));
    await settled((done) => syncDirectory(this.#disk, this.#directory, done));
  }

  discard(incoming: IncomingSnapshot): void {
    this.#disk.remove(incoming.path);
  }

  /**
   * If a replacement has been published: forgets every other snapshot, then (through `forgetLog`) the log, and only then
   * gives it its proper name. In this order Apache, should it be started on what a crash left, refuses to (logs without a
   * snapshot) rather than replay the old log over the new image.
   * @param forgetLog is given the name of the directory where damaged files are kept; null: they are sound, and deleted
   */
  finishReplacement(forgetLog: (aside: string | null) => void): boolean {
    const name = this.#disk.list(this.#directory).find((other) => other.startsWith(REPLACEMENT) || other.startsWith(RESCUE));
    if (!name) return false;
    const suffix = name.slice(name.indexOf('.') + 1);
    const aside = name.startsWith(RESCUE) ? asideName(suffix) : null;
    if (aside === null) this.remove(this.list());
    else moveAside(this.#disk, this.#directory, this.list(), aside);
    forgetLog(aside);
    this.#disk.rename(join(this.#directory, name), join(this.#directory, `snapshot.${suffix}`));
    syncDirectoryNow(this.#disk, this.#directory);
    return true;
  }

  /** Half-written files of an earlier life. */
  removeIncoming(): void {
    for (const name of this.#disk.list(this.#directory)) {
      if (name.startsWith(INCOMING)) this.#disk.remove(join(this.#directory, name));
    }
  }

  remove(files: readonly NamedFile[]): void {
    if (files.length === 0) return;
    for (const file of files) this.#disk.remove(file.path);
    syncDirectoryNow(this.#disk, this.#directory);
  }

  /** {@link remove}, beside everything else. */
  async discardAll(files: readonly NamedFile[]): Promise<void> {
    await discardAll(this.#disk, this.#directory, files.map(({ path }) => path));
  }

  newestSize(): number {
    const newest = this.candidates()[0];
    return newest ? this.sizeOf(newest) : 0;
  }

  sizeOf({ path }: NamedFile): number {
    return this.#disk.size(path);
  }

  #path(prefix: string, zxid: Zxid): string {
    return join(this.#directory, `${prefix}${snapshotSuffix(zxid, this.#format.compression)}`);
  }
}

/** A snapshot on disk under a name that recovery does not look at. */
export interface IncomingSnapshot {
  readonly path: string;
  readonly zxid: Zxid;
}

/** A view of a live image that keeps the zxid it began with, while everything else is still asked of the tree. */
function named(image: Image, zxid: Zxid): Image {
  return {
    zxid,
    sessions: image.sessions,
    acls: image.acls,
    nodes: image.nodes,
    get digest() {
      return image.digest;
    },
  };
}
