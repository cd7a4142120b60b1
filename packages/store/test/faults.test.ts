import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import { DamageError, FileStore, nodeDisk, type Disk, type Store } from '../src/index.ts';
import { appended, bytesOf, checkpointed, closed, dataAt, flushed, imageAt, replaced, savedEpochs, setData, started, truncated, txns, zxidsOf } from '../src/testing.ts';
import { broken, FailingDisk, OPERATIONS, workload } from './failing-disk.ts';
import { fileDisk, temporaryDirectory } from './support.ts';

/** Runs until the operation is done or the store has failed, whichever comes first. */
function outcome(store: Store, operate: (store: Store) => Promise<unknown>): Promise<'done' | 'failed'> {
  return new Promise((resolve) => {
    store.onFatal = () => resolve('failed');
    void operate(store).then(() => resolve('done'));
  });
}

/** Fails every change from the `survives`-th on, as if the process had been killed there; a write is torn in the middle. */
function dyingDisk(survives: number): Disk & { changes: number } {
  const disk = { ...nodeDisk, changes: 0 };
  const step = (): void => {
    if (disk.changes++ >= survives) throw broken('EKILLED');
  };
  disk.write = (fd, from, offset, length, position) => {
    try {
      step();
    } catch (error) {
      nodeDisk.write(fd, from, offset, length >> 1, position);
      throw error;
    }
    return nodeDisk.write(fd, from, offset, length, position);
  };
  disk.open = (path, flags) => {
    if (flags === 'w') step();
    return nodeDisk.open(path, flags);
  };
  disk.resize = (fd, length) => {
    step();
    nodeDisk.resize(fd, length);
  };
  disk.rename = (from, to) => {
    step();
    nodeDisk.rename(from, to);
  };
  disk.remove = (path) => {
    step();
    nodeDisk.remove(path);
  };
  return disk;
}

/** Kills a store at every change it makes to the disk during `operate`, and looks at what a restart finds. */
async function killedEverywhere(prepared: string, operate: (store: Store) => Promise<unknown>, check: (dataDir: string) => void): Promise<number> {
  for (let survives = 0; ; survives++) {
    const dataDir = temporaryDirectory();
    cpSync(prepared, dataDir, { recursive: true });
    const disk = dyingDisk(Infinity);
    const store = FileStore.open({ dataDir, disk, preAllocKb: 1 });
    store.recover();
    disk.changes = 0;
    Object.assign(disk, dyingDisk(survives));
    const result = await outcome(store, operate);
    check(dataDir);
    if (result === 'done') return survives;
  }
}

/** Three log files and a snapshot in the middle; the last txn is 9. */
async function prepared(): Promise<string> {
  const { dataDir, open } = fileDisk({ preAllocKb: 1 });
  const { store } = started({ open });
  await appended(store, txns(1, 3));
  await checkpointed(store, imageAt(2n, 'two'));
  await appended(store, txns(4, 6));
  await checkpointed(store, imageAt(6n, 'six'));
  await appended(store, txns(7, 9));
  await closed(store);
  return dataDir;
}

function recoveredFrom(dataDir: string): { image: string | undefined; txns: bigint[] } {
  const recovered = FileStore.open({ dataDir }).recover();
  return { image: dataAt(recovered, '/a'), txns: zxidsOf(recovered.txns) };
}

describe('killed at any change to the disk', () => {
  test('replaceWith leaves the old state or the new one, never a mixture', async () => {
    const states = new Set<string>();
    const steps = await killedEverywhere(await prepared(), (store) => replaced(store, imageAt(5n, 'new')), (dataDir) => {
      const { image, txns } = recoveredFrom(dataDir);
      states.add(`${image}: ${txns.join(' ')}`);
    });
    expect(states).toEqual(new Set(['six: 7 8 9', 'new: ']));
    expect(steps).toBeGreaterThan(6);
  });

  test('truncate leaves a prefix of the old history, and done is done', async () => {
    const seen: bigint[] = [];
    await killedEverywhere(await prepared(), (store) => truncated(store, asZxid(4n)), (dataDir) => {
      const { image, txns } = recoveredFrom(dataDir);
      const from = image === 'six' ? 7 : 3;
      expect(txns).toEqual(txns.map((_, i) => BigInt(from + i)));
      seen.push(txns.at(-1) ?? 6n);
    });
    expect(seen).toEqual([...seen].sort().reverse());
    expect(seen.at(-1)).toBe(4n);
  });

  test('a checkpoint changes nothing about the history', async () => {
    await killedEverywhere(await prepared(), (store) => checkpointed(store, imageAt(8n, 'eight')), (dataDir) => {
      const { image, txns } = recoveredFrom(dataDir);
      expect([image, txns]).toEqual(image === 'eight' ? ['eight', [9n]] : ['six', [7n, 8n, 9n]]);
    });
  });

  test('saveEpochs never leaves the accepted epoch behind the current one', async () => {
    const directory = await prepared();
    await savedEpochs(started(fileDisk({ dataDir: directory })).store, { accepted: 1n, current: 1n });
    await killedEverywhere(directory, (store) => savedEpochs(store, { accepted: 2n, current: 2n }), (dataDir) => {
      const { epochs } = FileStore.open({ dataDir }).recover();
      expect(epochs).toSatisfy((found: typeof epochs) => found !== null && found.accepted >= found.current && found.current >= 1n);
    });
  });

  test('append: what was acknowledged is there', async () => {
    await killedEverywhere(await prepared(), (store) => appended(store, txns(10, 12)), (dataDir) => {
      const { txns } = recoveredFrom(dataDir);
      expect(txns).toEqual([7n, 8n, 9n, 10n, 11n, 12n].slice(0, txns.length));
    });
  });
});

describe('a disk that fails', () => {
  const faults: [string, (disk: Disk) => Disk][] = [
    ['a failed write', (disk) => ({ ...disk, write: () => { throw broken('EIO'); } })],
    ['a failed sync', (disk) => ({ ...disk, datasync: (_fd, done) => void setImmediate(done, broken('EIO')) })],
    ['a directory that cannot be synced', (disk) => ({ ...disk, sync: (_fd, done) => void setImmediate(done, broken('EIO')) })],
    ['a write of no bytes', (disk) => ({ ...disk, write: () => 0 })],
  ];

  test.each(faults)('%s: reported once, and nothing is acknowledged any more', async (_name, spoil) => {
    const disk = { ...nodeDisk };
    const { store } = started(fileDisk({ disk }));
    Object.assign(disk, spoil(disk));
    const heard: string[] = [];
    const fatal = new Promise<Error>((resolve) => {
      store.onFatal = (error) => {
        heard.push('fatal');
        resolve(error);
      };
    });
    store.append(setData(1), () => heard.push('append 1'));
    store.flush(() => heard.push('flush'));
    expect(await fatal).toBeInstanceOf(Error);
    Object.assign(disk, nodeDisk); // it would work again: too late
    store.append(setData(2), () => heard.push('append 2'));
    store.saveEpochs({ current: 1n }, () => heard.push('epochs'));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(heard).toEqual(['fatal']);
  });

  test.each(OPERATIONS)('any call of %s: nothing is acknowledged after it, and a start finds all that was before', async (operation) => {
    for (let at = 0; ; at++) {
      const failing = new FailingDisk(operation, 'EIO');
      const dataDir = temporaryDirectory();
      const store = FileStore.open({ dataDir, disk: failing.disk, preAllocKb: 1, logSizeLimitKb: 1 });
      store.recover();
      failing.fail(at, Infinity);
      const heard: bigint[] = [];
      const result = await outcome(store, () => workload(store, heard));
      if (result === 'done') break;
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      const { image, txns, lastZxid } = FileStore.open({ dataDir }).recover();
      const base = image?.zxid ?? 0n;
      expect(zxidsOf(txns)).toEqual(zxidsOf(txns).map((_, i) => base + 1n + BigInt(i)));
      expect(lastZxid).toBeGreaterThanOrEqual(heard.at(-1) ?? 0n);
    }
  });

  test('short writes are continued', async () => {
    const disk: Disk = { ...nodeDisk, write: (fd, from, offset, length, position) => nodeDisk.write(fd, from, offset, Math.min(7, length), position) };
    const { dataDir, open } = fileDisk({ disk });
    await appended(started({ open }).store, txns(1, 9));
    expect(zxidsOf(FileStore.open({ dataDir }).recover().txns)).toHaveLength(9);
  });

  test('a snapshot that cannot be written, other than for lack of room, is fatal, and none is left', async () => {
    const disk = { ...nodeDisk };
    const { dataDir, open } = fileDisk({ disk });
    const { store } = started({ open });
    await appended(store, txns(1, 3));
    disk.write = () => { throw broken('EIO'); };
    expect(await outcome(store, () => checkpointed(store, imageAt(3n)))).toBe('failed');
    expect(nodeDisk.exists(join(dataDir, 'version-2', 'snapshot.3'))).toBe(false);
  });
});

describe('a byte of the log that is read wrong', () => {
  test('while a learner is brought up to date: it gets true txns, and then none', async () => {
    const disk = { ...nodeDisk };
    const { dataDir, open } = fileDisk({ disk, preAllocKb: 0 });
    const { store } = started({ open });
    await appended(store, txns(1, 6));
    const truth = bytesOf(txns(1, 6));
    const size = nodeDisk.size(join(dataDir, 'version-2', 'log.1'));
    let reported = 0;
    for (let wrong = 0; wrong < size; wrong++) {
      disk.read = (fd, into, offset, length, position) => {
        const read = nodeDisk.read(fd, into, offset, length, position);
        if (wrong >= position && wrong < position + read) into[offset + wrong - position] = (into[offset + wrong - position] as number) ^ 0x42;
        return read;
      };
      const got: string[] = [];
      try {
        for (const { bytes } of store.readLog(asZxid(1n)) ?? []) got.push(bytes.toString('hex'));
      } catch (error) {
        expect(error).toBeInstanceOf(DamageError);
        reported++;
      }
      expect(got).toEqual(truth.slice(0, got.length));
    }
    expect(reported).toBeGreaterThan(size - 20); // all but the dbid, which nobody reads, and the last end mark
  });
});

describe('group commit', () => {
  test('a new file and its name are synced side by side, and both before anybody is told', async () => {
    const happened: string[] = [];
    const recorded = (name: string, sync: Disk['sync']): Disk['sync'] => (fd, done) => {
      happened.push(`${name} begins`);
      sync(fd, (error) => {
        happened.push('ends');
        done(error);
      });
    };
    const { store } = started(fileDisk({ disk: { ...nodeDisk, datasync: recorded('content', nodeDisk.datasync), sync: recorded('name', nodeDisk.sync) } }));
    for (const proposal of txns(1, 1)) store.append(proposal, () => happened.push('told'));
    await flushed(store);
    for (const proposal of txns(2, 2)) store.append(proposal, () => happened.push('told'));
    await flushed(store);
    expect(happened).toEqual(['content begins', 'name begins', 'ends', 'ends', 'told', 'content begins', 'ends', 'told']);
  });

  test('one write and one sync for all appends of a turn, never two syncs at once', async () => {
    let writes = 0;
    let syncing = 0;
    let most = 0;
    const disk: Disk = {
      ...nodeDisk,
      write: (fd, from, offset, length, position) => {
        writes++;
        return nodeDisk.write(fd, from, offset, length, position);
      },
      datasync: (fd, done) => {
        most = Math.max(most, ++syncing);
        nodeDisk.datasync(fd, (error) => {
          syncing--;
          done(error);
        });
      },
    };
    const { store } = started(fileDisk({ disk }));
    await appended(store, txns(1, 1));
    writes = 0;
    const second = appended(store, txns(2, 50));
    await new Promise((resolve) => setImmediate(resolve)); // the batch is on its way: these gather behind it
    await Promise.all([second, appended(store, txns(51, 90))]);
    expect([writes, most]).toEqual([2, 1]);
  });
});
