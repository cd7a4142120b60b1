import { nodeDisk, type Disk, type FileStore } from '../src/index.ts';
import { flushed, imageAt, replaced, savedEpochs, txns } from '../src/testing.ts';

export const broken = (code: string): Error => Object.assign(new Error(`${code}: broken on purpose`), { code });

/** Every operation of a disk that writes something, or makes it durable. */
export const OPERATIONS = ['open', 'write', 'resize', 'datasync', 'sync', 'syncNow', 'rename'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A disk on which one operation, from its `at`-th call on, fails `times` times; a write has put half of it down by then. */
export class FailingDisk {
  readonly disk: Disk;
  calls = 0;
  /** Whether something failed that a store cannot do without: padding can be left out. */
  hasHitMoreThanPadding = false;
  #at = Infinity;
  #times = 0;

  constructor(operation: Operation, code: 'ENOSPC' | 'EDQUOT' | 'EIO') {
    const fails = (isPadding = false): boolean => {
      if (this.calls++ < this.#at || this.#times === 0) return false;
      this.#times--;
      if (!isPadding) this.hasHitMoreThanPadding = true;
      return true;
    };
    const disk: Disk = { ...nodeDisk };
    this.disk = disk;
    switch (operation) {
      case 'open':
        disk.open = (path, flags) => {
          if (flags === 'w' && fails()) throw broken(code);
          return nodeDisk.open(path, flags);
        };
        break;
      case 'write':
        disk.write = (fd, from, offset, length, position) => {
          const isPadding = from.subarray(offset, offset + length).every((byte) => byte === 0);
          if (!fails(isPadding)) return nodeDisk.write(fd, from, offset, length, position);
          nodeDisk.write(fd, from, offset, length >> 1, position);
          throw broken(code);
        };
        break;
      case 'datasync':
      case 'sync':
        disk[operation] = (fd, done) => (fails() ? void setImmediate(done, broken(code)) : nodeDisk[operation](fd, done));
        break;
      case 'resize':
        disk.resize = (fd, length) => {
          if (fails(true)) throw broken(code);
          nodeDisk.resize(fd, length);
        };
        break;
      case 'syncNow':
        disk.syncNow = (fd) => {
          if (fails()) throw broken(code);
          nodeDisk.syncNow(fd);
        };
        break;
      case 'rename':
        disk.rename = (from, to) => {
          if (fails()) throw broken(code);
          nodeDisk.rename(from, to);
        };
    }
  }

  fail(at: number, times: number): void {
    this.calls = 0;
    this.#at = at;
    this.#times = times;
  }
}

/** Two log files with a batch each, epochs, and an image from the leader with a batch behind it. */
export async function workload(store: FileStore, heard: bigint[]): Promise<void> {
  const append = (from: number, to: number): void => {
    for (const proposal of txns(from, to)) store.append(proposal, () => heard.push(proposal.zxid));
  };
  append(1, 3);
  await savedEpochs(store, { accepted: 1n, current: 1n });
  append(4, 6); // beyond the size of a log file: in a new one
  await flushed(store);
  await replaced(store, imageAt(7n, 'seven'));
  append(8, 9);
  await flushed(store);
}
