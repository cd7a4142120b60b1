import { posix } from 'node:path';
import type { Disk, Done } from '../src/index.ts';

interface Inode {
  content: Buffer;
  /** As of the last sync. */
  durable: Buffer;
}

type Names = ReadonlyMap<string, Inode>;

/**
 * A file system in memory whose power can fail. Content is durable when its file has been synced. Names are kept in a
 * journal, like those of ext4 and xfs: what survives is some prefix of all changes to them, at least up to the last
 * sync of a directory.
 */
export class VolatileDisk implements Disk {
  /** Called before every call that changes something or makes it durable. */
  beforeChange: () => void = () => {};

  #journal: Names[] = [new Map()];
  #durableNames = 0;
  readonly #directories = new Set<string>();
  readonly #open = new Map<number, { inode: Inode | null }>();
  #nextFd = 3;

  /**
   * The disk after a power failure.
   * @param pick a number in [0, n): which of the states that are all possible is found
   */
  afterPowerFailure(pick: (n: number) => number): VolatileDisk {
    const found = new VolatileDisk();
    const names = new Map<string, Inode>();
    const survived = this.#journal[this.#durableNames + pick(this.#journal.length - this.#durableNames)] as Names;
    for (const [path, inode] of survived) {
      const content = Buffer.from(pick(2) === 0 ? inode.durable : inode.content);
      names.set(path, { content, durable: content });
    }
    found.#journal = [names];
    for (const directory of this.#directories) found.#directories.add(directory);
    return found;
  }

  open(path: string, flags: 'r' | 'r+' | 'w'): number {
    if (flags === 'w') this.#create(path);
    const inode = this.#directories.has(path) ? null : this.#inode(path);
    this.#open.set(this.#nextFd, { inode });
    return this.#nextFd++;
  }

  close(fd: number): void {
    this.#open.delete(fd);
  }

  read(fd: number, into: Uint8Array, offset: number, length: number, position: number): number {
    const part = this.#file(fd).content.subarray(position, position + length);
    into.set(part, offset);
    return part.length;
  }

  write(fd: number, from: Uint8Array, offset: number, length: number, position: number): number {
    this.beforeChange();
    const inode = this.#file(fd);
    const content = Buffer.alloc(Math.max(inode.content.length, position + length));
    content.set(inode.content);
    content.set(from.subarray(offset, offset + length), position);
    inode.content = content;
    return length;
  }

  resize(fd: number, length: number): void {
    this.beforeChange();
    const inode = this.#file(fd);
    const content = Buffer.alloc(length);
    inode.content.copy(content, 0, 0, length);
    inode.content = content;
  }

  datasync(fd: number, done: Done): void {
    this.sync(fd, done);
  }

  sync(fd: number, done: Done): void {
    later(() => this.syncNow(fd), done);
  }

  syncNow(fd: number): void {
    this.beforeChange();
    const inode = this.#open.get(fd)?.inode;
    if (inode) inode.durable = inode.content;
    else this.#durableNames = this.#journal.length - 1;
  }

  rename(from: string, to: string): void {
    const inode = this.#inode(from);
    this.#change((names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  remove(path: string): void {
    this.#inode(path);
    this.#change((names) => names.delete(path));
  }

  discard(path: string, done: Done): void {
    later(() => this.remove(path), done);
  }

  makeDirectory(path: string): void {
    this.#directories.add(path);
  }

  list(directory: string): string[] {
    return [...this.#names.keys()].filter((path) => posix.dirname(path) === directory).map((path) => posix.basename(path));
  }

  exists(path: string): boolean {
    return this.#directories.has(path) || this.#names.has(path);
  }

  requireWritable(): void {}

  size(path: string): number {
    return this.#inode(path).content.length;
  }

  sizeUsed(path: string): number {
    return this.size(path);
  }

  get #names(): Names {
    return this.#journal.at(-1) as Names;
  }

  #create(path: string): void {
    const inode = this.#names.get(path);
    if (!inode) return this.#change((names) => names.set(path, { content: Buffer.alloc(0), durable: Buffer.alloc(0) }));
    this.beforeChange();
    inode.content = Buffer.alloc(0);
  }

  #change(edit: (names: Map<string, Inode>) => void): void {
    this.beforeChange();
    const names = new Map(this.#names);
    edit(names);
    this.#journal.push(names);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return inode;
  }

  #file(fd: number): Inode {
    const inode = this.#open.get(fd)?.inode;
    if (!inode) throw new Error(`EBADF: ${fd}`);
    return inode;
  }
}

/** As in the thread pool. */
function later(work: () => void, done: Done): void {
  setImmediate(() => {
    try {
      work();
      done(null);
    } catch (error) {
      done(error as Error);
    }
  });
}
