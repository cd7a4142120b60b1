import { cpSync, mkdtempSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { FileStore, nodeDisk, type Disk, type FileStoreOptions } from '../src/index.ts';
import type { StoreUnderTest } from '../src/testing.ts';

export const FIXTURES = join(import.meta.dirname, 'fixtures');

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'zk-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A data directory that holds a copy of a fixture, as version-2. */
export function dataDirWith(fixture: string): string {
  const dataDir = temporaryDirectory();
  const version2 = join(dataDir, 'version-2');
  mkdirSync(version2);
  for (const entry of readdirSync(join(FIXTURES, fixture), { withFileTypes: true })) {
    if (entry.isFile() && entry.name !== 'expected.json') cpSync(join(FIXTURES, fixture, entry.name), join(version2, entry.name));
  }
  return dataDir;
}

/** One data directory, opened again and again; 64 KiB of preallocation keeps tests light. */
export function fileDisk(options: Partial<FileStoreOptions> = {}): StoreUnderTest & { dataDir: string } {
  const dataDir = options.dataDir ?? temporaryDirectory();
  const disk = fullableDisk();
  return {
    dataDir,
    open: () => FileStore.open({ preAllocKb: 64, dataDir, roomRetryMs: 1, disk, ...options }),
    fill: () => disk.fill(),
    makeRoom: () => disk.makeRoom(),
    checkpointsAlwaysFit: options.checkpoint === 'lmdb', // LMDB writes past us
  };
}

/** A disk that can be full: then half of what is written fits, and no more. */
export function fullableDisk(): Disk & { fill(): void; makeRoom(): void } {
  let isFull = false;
  return {
    ...nodeDisk,
    write(fd, from, offset, length, position) {
      if (!isFull) return nodeDisk.write(fd, from, offset, length, position);
      if (length < 2) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      return nodeDisk.write(fd, from, offset, length >> 1, position);
    },
    fill: () => void (isFull = true),
    makeRoom: () => void (isFull = false),
  };
}

/** The names in version-2, sorted. */
export function filesOf(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'version-2')).sort();
}

/** A record as the writer's thread puts it under this key. */
export function sealed(key: Buffer, record: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(record, crc32(key)));
  return Buffer.concat([record, sum]);
}
