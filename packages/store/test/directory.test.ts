import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { zxidOf } from '@zk/protocol';
import { DataDirectoryError, FileStore, nodeDisk } from '../src/index.ts';
import { appended, checkpointed, imageAt, replaced, restarted, savedEpochs, setData, started, txns } from '../src/testing.ts';
import { fileDisk, filesOf, temporaryDirectory } from './support.ts';

describe('a new database', () => {
  test('snapshot.0 is there before the first txn', () => {
    const { dataDir, open } = fileDisk();
    started({ open });
    expect(filesOf(dataDir)).toEqual(['snapshot.0']);
  });

  test('without autocreate it is not trusted, leaves no trace, and takes a history only as a whole', async () => {
    const disk = fileDisk({ autocreateDb: false });
    const { store, recovered } = started(disk);
    expect([recovered.trusted, recovered.image, filesOf(disk.dataDir)]).toEqual([false, null, []]);
    expect(restarted(disk).trusted).toBe(false);
    await replaced(store, imageAt(5n));
    await appended(store, [setData(6)]);
    expect(restarted(disk)).toMatchObject({ trusted: true, lastZxid: 6n });
  });

  test('without autocreate and without an image, a txn is refused rather than written where no start would find it', async () => {
    const { store } = started(fileDisk({ autocreateDb: false }));
    const fatal = new Promise<Error>((resolve) => (store.onFatal = resolve));
    store.append(setData(1), () => {});
    expect((await fatal).message).toContain('a log needs an image to start from');
  });

  test('without autocreate the initialize marker makes it trusted, once', () => {
    const disk = fileDisk({ autocreateDb: false });
    writeFileSync(join(disk.dataDir, 'initialize'), '');
    expect(restarted(disk).trusted).toBe(true);
    rmSync(join(disk.dataDir, 'version-2', 'snapshot.0'));
    expect(restarted(disk).trusted).toBe(false);
  });
});

describe('logs and snapshots that do not go together', () => {
  test('logs without any snapshot are refused, or replayed if that is trusted', async () => {
    const disk = fileDisk();
    await appended(started(disk).store, txns(1, 3));
    rmSync(join(disk.dataDir, 'version-2', 'snapshot.0'));
    expect(() => restarted(disk)).toThrow('No snapshot found, but there are log entries. Something is broken!');
    expect(restarted(fileDisk({ dataDir: disk.dataDir, trustEmpty: true }))).toMatchObject({ lastZxid: 3n, image: null, trusted: true });
    expect(restarted(disk).lastZxid).toBe(3n); // there is a snapshot.0 again
  });

  test('snapshots of which none can be read are damage', async () => {
    const disk = fileDisk();
    await checkpointed(started(disk).store, imageAt(3n));
    rmSync(join(disk.dataDir, 'version-2', 'snapshot.0'));
    const path = join(disk.dataDir, 'version-2', 'snapshot.3');
    writeFileSync(path, readFileSync(path).subarray(0, 60));
    expect(() => restarted(disk)).toThrow('Not able to find valid snapshots');
  });

  test('a start that died while writing snapshot.0 is started again', () => {
    const disk = fileDisk();
    mkdirSync(join(disk.dataDir, 'version-2'));
    writeFileSync(join(disk.dataDir, 'version-2', 'snapshot.0'), 'ZKSN');
    expect(restarted(disk)).toMatchObject({ lastZxid: 0n, trusted: true });
  });
});

describe('the directories', () => {
  test('logs and snapshots in each other\'s directory are a configuration error', () => {
    const [dataDir, dataLogDir] = [temporaryDirectory(), temporaryDirectory()];
    FileStore.open({ dataDir, dataLogDir });
    writeFileSync(join(dataLogDir, 'version-2', 'snapshot.0'), '');
    expect(() => FileStore.open({ dataDir, dataLogDir })).toThrow('Log directory has snapshot files.');
    rmSync(join(dataLogDir, 'version-2', 'snapshot.0'));
    writeFileSync(join(dataDir, 'version-2', 'log.1'), '');
    expect(() => FileStore.open({ dataDir, dataLogDir })).toThrow('Snapshot directory has log files.');
  });

  test('missing ones are made, unless that is switched off', () => {
    const dataDir = join(temporaryDirectory(), 'not', 'there');
    expect(() => FileStore.open({ dataDir, autocreateDirectories: false })).toThrow(DataDirectoryError);
    FileStore.open({ dataDir });
    expect(filesOf(dataDir)).toEqual([]);
  });
});

describe('epoch files', () => {
  test('they are decimal text without a newline, as Apache writes them', async () => {
    const disk = fileDisk();
    await savedEpochs(started(disk).store, { accepted: 12n, current: 11n });
    expect(readFileSync(join(disk.dataDir, 'version-2', 'acceptedEpoch'), 'latin1')).toBe('12');
    expect(readFileSync(join(disk.dataDir, 'version-2', 'currentEpoch'), 'latin1')).toBe('11');
  });

  test('a missing one is the epoch of the last zxid', async () => {
    const disk = fileDisk();
    const { store } = started(disk);
    await appended(store, [setData(zxidOf(2n, 1))]);
    await savedEpochs(store, { accepted: 3n });
    expect(restarted(disk).epochs).toEqual({ accepted: 3n, current: 2n });
  });

  test('a currentEpoch.tmp is completed when the log is ahead of currentEpoch, and ignored otherwise (ZOOKEEPER-1653)', async () => {
    const disk = fileDisk();
    const { store } = started(disk);
    await savedEpochs(store, { accepted: 2n, current: 1n });
    writeFileSync(join(disk.dataDir, 'version-2', 'currentEpoch.tmp'), '2');
    expect(restarted(disk).epochs?.current).toBe(1n);
    await appended(store, [setData(zxidOf(2n, 1))]);
    expect(restarted(disk).epochs).toEqual({ accepted: 2n, current: 2n });
    expect(filesOf(disk.dataDir)).not.toContain('currentEpoch.tmp');
  });

  test('a file without a number is damage', () => {
    const disk = fileDisk();
    started(disk);
    writeFileSync(join(disk.dataDir, 'version-2', 'currentEpoch'), '');
    expect(() => restarted(disk)).toThrow('no epoch in it');
  });
});

describe('purging', () => {
  test('after a checkpoint three snapshots are kept, and the logs that replay from the oldest needs', async () => {
    const disk = fileDisk();
    const { store } = started(disk);
    for (let zxid = 1; zxid <= 12; zxid += 2) {
      await appended(store, txns(zxid, zxid + 1));
      await checkpointed(store, imageAt(BigInt(zxid))); // one txn behind its log, like a fuzzy one
    }
    expect(filesOf(disk.dataDir)).toEqual(['log.7', 'log.9', 'log.b', 'snapshot.7', 'snapshot.9', 'snapshot.b']);
    expect(restarted(disk).lastZxid).toBe(12n);
  });

  test('by bytes: the oldest go before their number asks for it, but for two and the log behind them', async () => {
    const names = async (retainBytes: number): Promise<string[]> => {
      const disk = fileDisk({ snapRetainCount: 5, retainBytes, preAllocKb: 0 });
      const { store } = started(disk);
      for (const zxid of [1, 3, 5, 7, 9]) {
        await appended(store, [setData(zxid, 'x'.repeat(5000)), setData(zxid + 1)]);
        await checkpointed(store, imageAt(BigInt(zxid), 'y'.repeat(10_000)));
      }
      expect([restarted(disk).image?.zxid, restarted(disk).lastZxid]).toEqual([9n, 10n]);
      return filesOf(disk.dataDir);
    };
    // A snapshot and a log file are 15 KB and a bit.
    expect(await names(0)).toHaveLength(10);
    expect(await names(50_000)).toEqual(['log.5', 'log.7', 'log.9', 'snapshot.5', 'snapshot.7', 'snapshot.9']);
    expect(await names(1)).toEqual(['log.7', 'log.9', 'snapshot.7', 'snapshot.9']);
  });

  test('the log goes on meanwhile, and what somebody else has removed first is no failure', async () => {
    const gone: string[] = [];
    let durable = false;
    const discard = (path: string, done: (error: Error | null) => void): void => {
      nodeDisk.remove(path); // somebody else
      gone.push(basename(path));
      if (durable) return nodeDisk.discard(path, done);
      store.append(setData(11), () => {
        durable = true;
        nodeDisk.discard(path, done);
      });
    };
    const disk = fileDisk({ disk: { ...nodeDisk, discard } });
    const { store } = started(disk);
    for (const zxid of [1, 3, 5]) {
      await appended(store, [setData(zxid)]);
      await checkpointed(store, imageAt(BigInt(zxid)));
    }
    expect(gone).toEqual(['snapshot.0']);
    expect(durable).toBe(true);
    expect(restarted(disk).lastZxid).toBe(11n);
  });

  test('it can be switched off', async () => {
    const disk = fileDisk({ snapRetainCount: 0 });
    const { store } = started(disk);
    for (const zxid of [1, 2, 3, 4, 5]) {
      await appended(store, [setData(zxid)]);
      await checkpointed(store, imageAt(BigInt(zxid)));
    }
    expect(filesOf(disk.dataDir).filter((name) => name.startsWith('snapshot'))).toHaveLength(6);
  });
});

describe('a checkpoint', () => {
  test('is not visible before every txn that may be in it is durable', async () => {
    const disk = fileDisk();
    const { store } = started(disk);
    await appended(store, txns(1, 2));
    const order: string[] = [];
    const image = imageAt(2n);
    const nodes = function* (): Generator<(typeof image.nodes extends Iterable<infer N> ? N : never)> {
      yield* image.nodes;
      store.append(setData(3), () => order.push(`3 durable, ${filesOf(disk.dataDir).includes('snapshot.2') ? 'after' : 'before'} the snapshot`));
    };
    await checkpointed(store, { ...image, nodes: { [Symbol.iterator]: nodes } });
    expect(order).toEqual(['3 durable, before the snapshot']);
  });

  test('another one, asked for meanwhile, is skipped but answered', async () => {
    const disk = fileDisk();
    const { store } = started(disk);
    await appended(store, txns(1, 2));
    await Promise.all([checkpointed(store, imageAt(1n)), checkpointed(store, imageAt(2n))]);
    expect(filesOf(disk.dataDir)).not.toContain('snapshot.2');
  });

  test('that is being written is given up when the history changes under it', async () => {
    const disk = fileDisk();
    const { store } = started(disk);
    await appended(store, txns(1, 2));
    await Promise.all([checkpointed(store, imageAt(2n)), replaced(store, imageAt(9n))]);
    expect(filesOf(disk.dataDir)).toEqual(['snapshot.9']);
  });
});
