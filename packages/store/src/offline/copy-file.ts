import { dirname } from 'node:path';
import { readFully, syncDirectoryNow, writeFully, type Disk } from '../disk.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Part of a file: offsets of its first byte, and behind its last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Durable under its name, or not there. @param end only what lies before it @returns bytes written */
export function copyFile(disk: Disk, from: string, to: string, end = disk.size(from)): number {
  const temporary = `${to}.incoming`;
  const bytes = write(disk, from, temporary, 'w', 0, end);
  disk.rename(temporary, to);
  syncDirectoryNow(disk, dirname(to));
  return bytes;
}

/** Continues a copy with what the original has in `[offset, end)`. What it had behind `offset` goes. @returns bytes written */
export function copyRange(disk: Disk, from: string, to: string, offset: number, end: number): number {
  return write(disk, from, to, 'r+', offset, end);
}

/** Copies part of a file to another, where it begins at `position`. Both are open; `path` is the original's. */
export function copyBytes(disk: Disk, { fd, path }: { fd: number; path: string }, { from, to }: Range, target: number, position: number): void {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - from));
  for (let at = from; at < to; ) {
    const length = readFully(disk, fd, chunk, 0, Math.min(chunk.length, to - at), at);
    if (length === 0) throw new Error(`${path} became shorter while it was read`);
    writeFully(disk, target, chunk, length, position + at - from);
    at += length;
  }
}

function write(disk: Disk, from: string, to: string, flags: 'w' | 'r+', offset: number, end: number): number {
  const source = disk.open(from, 'r');
  const target = disk.open(to, flags);
  try {
    disk.resize(target, offset);
    copyBytes(disk, { fd: source, path: from }, { from: offset, to: end }, target, offset);
    disk.syncNow(target);
  } finally {
    disk.close(target);
    disk.close(source);
  }
  return end - offset;
}
