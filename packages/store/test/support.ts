import { cpSync, mkdtempSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { FileStore, type FileStoreOptions } from '../src/index.ts';
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
  return { dataDir, open: () => FileStore.open({ preAllocKb: 64, dataDir, ...options }) };
}

/** The names in version-2, sorted. */
export function filesOf(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'version-2')).sort();
}
