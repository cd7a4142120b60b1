import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import { DamageError, FileStore, nodeDisk, type Disk } from '../src/index.ts';
import { appended, bytesOf, closed, imageAt, replaced, restarted, savedEpochs, setData, started, truncated, txns, zxidsOf } from '../src/testing.ts';
import { fileDisk, filesOf, temporaryDirectory } from './support.ts';

const LAST = 6;

/** A directory with txns 1 to 6 in one small file, 5 and 6 of one batch. */
async function smallLog(): Promise<{ dataDir: string; log: string; end: number; lastBatch: number }> {
  const { dataDir, open } = fileDisk({ preAllocKb: 1 });
  const { store } = started({ open });
  await appended(store, txns(1, 4));
  const lastBatch = store.logSizeFrom(setData(1).zxid);
  await appended(store, txns(5, LAST));
  const end = store.logSizeFrom(setData(1).zxid);
  await closed(store);
  return { dataDir, log: join(dataDir, 'version-2', 'log.1'), end, lastBatch };
}

/** Reads one byte of the log wrong, and changes nothing on the real disk. */
function flipping(offset: number, mask: number): Disk {
  let log = -1;
  return {
    ...nodeDisk,
    open(path, flags) {
      const fd = nodeDisk.open(path, flags);
      if (path.endsWith('log.1')) log = fd;
      return fd;
    },
    close(fd) {
      if (fd === log) log = -1;
      nodeDisk.close(fd);
    },
    read(fd, into, at, length, position) {
      const read = nodeDisk.read(fd, into, at, length, position);
      if (fd === log && offset >= position && offset < position + read) {
        into[at + offset - position] = (into[at + offset - position] as number) ^ mask;
      }
      return read;
    },
    resize: () => {},
    remove: () => {},
  };
}

function isReported(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (error instanceof DamageError) return true;
    throw error;
  }
}

describe('a byte of the log that has changed', () => {
  test.each([0x01, 0x80, 0xff])('xor %i, at any offset: it is reported, or it had no meaning', async (mask) => {
    const { dataDir, log, end } = await smallLog();
    const intact = bytesOf(started(fileDisk({ dataDir })).recovered.txns);
    const harmless: number[] = [];
    for (let offset = 0; offset < statSync(log).size; offset++) {
      const damaged = { dataDir, disk: flipping(offset, mask) };
      if (isReported(() => FileStore.open(damaged).recover())) continue;
      expect(bytesOf(FileStore.open(damaged).recover().txns)).toEqual(intact);
      harmless.push(offset);
    }
    const isDbid = (offset: number): boolean => offset >= 8 && offset < 16; // nobody reads it
    expect(harmless.filter((offset) => !isDbid(offset) && offset < end)).toEqual([]); // from `end` on it is padding
    expect(harmless.filter(isDbid)).toHaveLength(8);
  });

  test('that was not 0 and is 0 now: the same, except for the very last end mark, whose record is whole without it', async () => {
    const { dataDir, log, end } = await smallLog();
    const content = readFileSync(log);
    const missed: number[] = [];
    for (let offset = 16; offset < end; offset++) {
      const byte = content[offset] as number;
      if (byte === 0) continue;
      if (!isReported(() => FileStore.open({ dataDir, disk: flipping(offset, byte) }).recover())) missed.push(offset);
    }
    expect(missed).toEqual([end - 1]);
    const withoutMark = Buffer.from(content);
    withoutMark[end - 1] = 0;
    writeFileSync(log, withoutMark);
    const { recovered } = started(fileDisk({ dataDir }));
    expect(zxidsOf(recovered.txns)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]); // acknowledged or not: it is there
    expect(recovered.notes).toEqual([expect.stringContaining('the mark was set')]);
    expect(readFileSync(log)).toEqual(content);
  });

  test('the report names the file, the offset of the record and the last good zxid', async () => {
    const { dataDir, log, lastBatch } = await smallLog();
    const content = readFileSync(log);
    content[lastBatch + 30] = 0xee;
    writeFileSync(log, content);
    expect(() => FileStore.open({ dataDir }).recover()).toThrow(
      expect.objectContaining({ file: log, offset: lastBatch, zxid: 4n, message: `${log}: CRC check failed (offset ${lastBatch}, last good zxid 0x4)` }),
    );
  });
});

describe('a damaged log of a member that can get its history back', () => {
  const damaged = async (): Promise<{ dataDir: string; log: string; content: Buffer }> => {
    const { dataDir, log, lastBatch } = await smallLog();
    const content = readFileSync(log);
    content[lastBatch + 30] = 0xee;
    writeFileSync(log, content);
    return { dataDir, log, content };
  };

  test('is no reason not to start: untrusted, empty, the promises kept, and the same again after a restart', async () => {
    const { dataDir, log, content } = await damaged();
    const disk = fileDisk({ dataDir, canRejoin: true });
    const { store, recovered } = started(disk);
    expect(recovered).toMatchObject({ image: null, lastZxid: 0n, trusted: false, damage: { file: log, zxid: 4n } });
    await savedEpochs(store, { accepted: 7n, current: 6n });
    const again = started(disk).recovered;
    expect(again).toMatchObject({ trusted: false, damage: { file: log, zxid: 4n }, epochs: { accepted: 7n, current: 6n } });
    expect(readFileSync(log)).toEqual(content);
  });

  test('is set aside, byte for byte, when a snapshot from the leader replaces it', async () => {
    const { dataDir, content } = await damaged();
    const disk = fileDisk({ dataDir, canRejoin: true });
    const { store } = started(disk);
    await replaced(store, imageAt(9n, 'from the leader'));
    await appended(store, txns(10, 11));
    expect(filesOf(dataDir)).toEqual(['damaged.9', 'log.a', 'snapshot.9']);
    const aside = join(dataDir, 'version-2', 'damaged.9');
    expect(readdirSync(aside).sort()).toEqual(['log.1', 'snapshot.0']);
    expect(readFileSync(join(aside, 'log.1'))).toEqual(content);
    const recovered = restarted(disk);
    expect(recovered).toMatchObject({ trusted: true, lastZxid: 11n });
    expect(recovered.damage).toBeUndefined();
    expect(zxidsOf(recovered.txns)).toEqual([10n, 11n]);
    const next = started(disk).store;
    await replaced(next, imageAt(20n)); // sound by now: nothing to keep
    expect(filesOf(dataDir)).toEqual(['damaged.9', 'snapshot.14']);
  });
});

describe('a log that turns out to be damaged when it is to be cut', () => {
  /** Running on txns 1 to 6; then a byte of 5 changes on the disk. */
  async function damagedWhileRunning(canRejoin: boolean): Promise<{ store: FileStore; disk: ReturnType<typeof fileDisk>; dataDir: string }> {
    const { dataDir, log, lastBatch } = await smallLog();
    const disk = fileDisk({ dataDir, canRejoin });
    const { store } = started(disk);
    const content = readFileSync(log);
    content[lastBatch + 30] = 0xee;
    writeFileSync(log, content);
    return { store: store as FileStore, disk, dataDir };
  }

  test('before the cut: nothing of it is handed out, and it is set aside like damage found at the start', async () => {
    const { store, disk, dataDir } = await damagedWhileRunning(true);
    expect(await truncated(store, asZxid(5n))).toMatchObject({ image: null, trusted: false, damage: { zxid: 4n } });
    expect(restarted(disk)).toMatchObject({ trusted: false, damage: { zxid: 4n } });
    await replaced(store, imageAt(9n, 'from the leader'));
    await appended(store, txns(10, 11));
    expect(filesOf(dataDir)).toEqual(['damaged.9', 'log.a', 'snapshot.9']);
    expect(restarted(disk)).toMatchObject({ trusted: true, lastZxid: 11n });
  });

  test('behind the cut: it is forgotten with everything else there', async () => {
    const { store, disk } = await damagedWhileRunning(true);
    expect(await truncated(store, asZxid(4n))).toMatchObject({ trusted: true, lastZxid: 4n });
    expect(restarted(disk)).toMatchObject({ trusted: true, lastZxid: 4n });
  });

  test('is the end of a member that can get it from nobody', async () => {
    const { store } = await damagedWhileRunning(false);
    const error = await new Promise((resolve) => {
      store.onFatal = resolve;
      store.truncate(asZxid(5n), resolve);
    });
    expect(error).toBeInstanceOf(DamageError);
  });
});

describe('a crash while appending', () => {
  test.each(['cut', 'zero-filled'])('after any number of bytes (%s): whole records stay, and the next start is clean', async (how) => {
    const { dataDir, log, end, lastBatch } = await smallLog();
    const backup = join(temporaryDirectory(), 'log');
    copyFileSync(log, backup);
    for (let cut = lastBatch; cut < end; cut++) {
      copyFileSync(backup, log);
      truncateSync(log, cut);
      if (how === 'zero-filled') truncateSync(log, end + 100);
      const { store, recovered } = started(fileDisk({ dataDir, preAllocKb: 1 }));
      const needed = how === 'zero-filled' ? cut + 1 : cut; // the end mark alone may be missing: the record is whole
      const whole = 4 + Math.floor((needed - lastBatch) / ((end - lastBatch) / 2));
      expect(zxidsOf(recovered.txns).at(-1)).toBe(BigInt(whole));
      expect(recovered.lastZxid).toBe(BigInt(whole));
      if (cut % 16 !== 0) continue;
      const rewritten = setData(whole + 1, 'after the crash');
      await appended(store, [rewritten]);
      const again = started(fileDisk({ dataDir })).recovered;
      expect(again.notes).toEqual([]);
      expect(bytesOf(again.txns).at(-1)).toBe(rewritten.bytes.toString('hex'));
      nodeDisk.remove(join(dataDir, 'version-2', `log.${whole + 1}`));
    }
  });

  test.each([0, 1, 15, 16])('of a file of %i bytes nothing was acknowledged', async (bytes) => {
    const { dataDir, open } = fileDisk();
    await appended(started({ open }).store, txns(1, 3));
    writeFileSync(join(dataDir, 'version-2', 'log.4'), readFileSync(join(dataDir, 'version-2', 'log.1')).subarray(0, bytes));
    const { store, recovered } = started({ open });
    expect(recovered.lastZxid).toBe(3n);
    await appended(store, [setData(4)]);
    expect(zxidsOf(started({ open }).recovered.txns)).toEqual([1n, 2n, 3n, 4n]);
  });

  test('a hole that Java left in an older file is accepted only if the next file goes on where it broke off', async () => {
    const { dataDir, log, end } = await smallLog();
    truncateSync(log, end - 5);
    const next = (zxid: number): string => join(dataDir, 'version-2', `log.${zxid}`);
    const other = fileDisk({ preAllocKb: 0 });
    await appended(started(other).store, [setData(6)]);
    copyFileSync(join(other.dataDir, 'version-2', 'log.6'), next(6));
    expect(started(fileDisk({ dataDir })).recovered.lastZxid).toBe(6n);
    nodeDisk.remove(next(6));
    const far = fileDisk({ preAllocKb: 0 });
    await appended(started(far).store, [setData(8)]);
    copyFileSync(join(far.dataDir, 'version-2', 'log.8'), next(8));
    expect(() => started(fileDisk({ dataDir }))).toThrow('goes on with 0x8 in the next file');
    expect(() => zxidsOf(FileStore.open({ dataDir }).readLog(setData(1).zxid))).toThrow('goes on with 0x8 in the next file');
  });
});
