import { dirname } from 'node:path';
import { readFully, syncDirectoryNow, writeFully, type Disk } from '../disk.ts';

const CHUNK_BYTES = 1024 * 1024;

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

function write(disk: Disk, from: string, to: string, flags: 'w' | 'r+', offset: number, end: number): number {
  const source = disk.open(from, 'r');
  const target = disk.open(to, flags);
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let at = offset;
  try {
    disk.resize(target, offset);
    while (at < end) {
      const length = readFully(disk, source, chunk, 0, Math.min(chunk.length, end - at), at);
      if (length === 0) throw new Error(`${from} became shorter while it was read`);
      writeFully(disk, target, chunk, length, at);
      at += length;
    }
    disk.syncNow(target);
  } finally {
    disk.close(target);
    disk.close(source);
  }
  return end - offset;
}
