import { adler32 } from '../adler32.ts';
import { readFully, type Disk } from '../disk.ts';
import { END_OF_RECORD, MIN_ENTRY_BYTES, RECORD_HEAD_BYTES } from '../log-reader.ts';

const WINDOW_BYTES = 1024 * 1024;

/**
 * Where the next whole record begins, at `from` or behind it: the first place with a believable length, an end mark at
 * its end and the right checksum. Null when there is none. For what comes behind damage.
 */
export function findRecord(disk: Disk, path: string, from: number, maxEntryBytes: number): number | null {
  const size = disk.size(path);
  const fd = disk.open(path, 'r');
  try {
    const window = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, Math.max(0, size - from)));
    for (let start = from; start + RECORD_HEAD_BYTES < size; start += window.length - RECORD_HEAD_BYTES) {
      const length = readFully(disk, fd, window, 0, Math.min(window.length, size - start), start);
      for (let at = 0; at + RECORD_HEAD_BYTES <= length; at++) {
        const entryBytes = window.readInt32BE(at + 8);
        const isPlausible = window.readUInt32BE(at) === 0 && entryBytes >= MIN_ENTRY_BYTES && entryBytes <= maxEntryBytes;
        if (isPlausible && isRecord(disk, fd, start + at, entryBytes, window.readUInt32BE(at + 4))) return start + at;
      }
      if (length <= RECORD_HEAD_BYTES) return null;
    }
    return null;
  } finally {
    disk.close(fd);
  }
}

function isRecord(disk: Disk, fd: number, offset: number, entryBytes: number, checksum: number): boolean {
  const mark = Buffer.alloc(1);
  const entryAt = offset + RECORD_HEAD_BYTES;
  if (readFully(disk, fd, mark, 0, 1, entryAt + entryBytes) === 0 || mark[0] !== END_OF_RECORD) return false;
  const entry = Buffer.allocUnsafe(entryBytes);
  return readFully(disk, fd, entry, 0, entryBytes, entryAt) === entryBytes && adler32(entry) === checksum;
}
