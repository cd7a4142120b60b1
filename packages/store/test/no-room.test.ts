import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import { FileStore, nodeDisk } from '../src/index.ts';
import { appended, bytesOf, checkpointed, closed, dataAt, flushed, imageAt, outOfRoom, restarted, setData, started, txns, zxidsOf } from '../src/testing.ts';
import { broken, FailingDisk, OPERATIONS, workload } from './failing-disk.ts';
import { fileDisk, filesOf, fullableDisk, temporaryDirectory } from './support.ts';

describe.each(OPERATIONS)('no room for %s', (operation) => {
  test.each([1, 3])('at any call, %i times: all of it is done in the end, and any crash on the way leaves what was acknowledged', async (times) => {
    for (let at = 0; ; at++) {
      const short = new FailingDisk(operation, at % 2 === 0 ? 'ENOSPC' : 'EDQUOT');
      const dataDir = temporaryDirectory();
      const store = FileStore.open({ dataDir, disk: short.disk, preAllocKb: 1, logSizeLimitKb: 1, roomRetryMs: 1 });
      store.recover();
      const heard: bigint[] = [];
      let shortages = 0;
      store.onShortage = (shortage) => {
        if (!shortage) return;
        shortages++;
        const crashed = temporaryDirectory();
        cpSync(dataDir, crashed, { recursive: true });
        expectAcknowledged(crashed, heard);
      };
      short.fail(at, times);
      await workload(store, heard);
      const calls = short.calls;
      await closed(store);
      expect(heard).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 8n, 9n]);
      const recovered = FileStore.open({ dataDir }).recover();
      expect([dataAt(recovered, '/a'), zxidsOf(recovered.txns), recovered.epochs, recovered.notes]).toEqual(['seven', [8n, 9n], { accepted: 1n, current: 1n }, []]);
      if (at >= calls) break;
      // Everything but padding that does not fit is a shortage, and was reported once.
      expect(shortages).toBe(short.hasHitMoreThanPadding ? 1 : 0);
    }
  });
});

/** What a start finds is what was acknowledged, and perhaps more of the same history. */
function expectAcknowledged(dataDir: string, heard: readonly bigint[]): void {
  const recovered = FileStore.open({ dataDir }).recover();
  const found = zxidsOf(recovered.txns);
  const base = recovered.image?.zxid ?? 0n;
  expect(found).toEqual(found.map((_, i) => base + 1n + BigInt(i)));
  expect(recovered.lastZxid).toBeGreaterThanOrEqual(heard.at(-1) ?? 0n);
}

describe('a log without room', () => {
  test('ends with its last acknowledged record while it waits: not a byte of the next one, and no padding', async () => {
    const disk = fullableDisk();
    const { dataDir, open } = fileDisk({ disk });
    const { store } = started({ open });
    await appended(store, txns(1, 3));
    const end = store.logSizeFrom(asZxid(1n));
    const log = join(dataDir, 'version-2', 'log.1');
    const before = readFileSync(log).subarray(0, end);
    disk.fill();
    const shortage = outOfRoom(store);
    store.append(setData(4, 'x'.repeat(10_000)), () => {});
    await shortage;
    expect(readFileSync(log)).toEqual(before);
    await closed(store);
  });

  test('a file that could not be begun leaves nothing that a start would stumble over', async () => {
    const disk = fullableDisk();
    const { dataDir, open } = fileDisk({ disk });
    const { store } = started({ open });
    disk.fill();
    const shortage = outOfRoom(store);
    store.append(setData(1), () => {});
    await shortage;
    await closed(store);
    disk.makeRoom();
    const { store: next, recovered } = started({ open });
    expect(recovered.lastZxid).toBe(0n);
    await appended(next, txns(1, 2));
    expect(zxidsOf(restarted({ open }).txns)).toEqual([1n, 2n]);
    expect(filesOf(dataDir)).toEqual(['log.1', 'snapshot.0']);
  });

  test('which cannot even be cut back is cut back before anything else is written', async () => {
    const disk = fullableDisk();
    let cutFails = false;
    let triedAgain = (): void => {};
    const resize = disk.resize;
    disk.resize = (fd, length) => {
      if (!cutFails) return resize(fd, length);
      triedAgain();
      throw broken('ENOSPC');
    };
    const { dataDir, open } = fileDisk({ disk });
    const { store } = started({ open });
    await appended(store, txns(1, 3));
    disk.fill();
    cutFails = true;
    const shortage = outOfRoom(store);
    store.append(setData(4, 'y'.repeat(5000)), () => {});
    await shortage;
    disk.makeRoom(); // for records: it is still not known to be cut
    await new Promise<void>((resolve) => {
      triedAgain = resolve;
    });
    expect(zxidsOf(FileStore.open({ dataDir, disk: { ...nodeDisk, resize: () => {} } }).readLog(asZxid(1n)))).toEqual([1n, 2n, 3n]);
    cutFails = false;
    await flushed(store);
    expect(bytesOf(restarted({ open }).txns)).toEqual(bytesOf([...txns(1, 3), setData(4, 'y'.repeat(5000))]));
  });

  test('a disk that breaks while it is full is a broken disk', async () => {
    const disk = fullableDisk();
    const { open } = fileDisk({ disk });
    const { store } = started({ open });
    await appended(store, txns(1, 3));
    disk.fill();
    const failed = new Promise<Error>((resolve) => {
      store.onFatal = resolve;
    });
    store.onShortage = () => {
      disk.write = () => {
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
      };
    };
    store.append(setData(4), () => expect.unreachable('it was never written'));
    expect(await failed).toMatchObject({ code: 'EIO' });
  });
});

describe('a checkpoint without room', () => {
  test('its half-written snapshot gives back the room it took, and writing the log goes on', async () => {
    const disk = fullableDisk();
    const { dataDir, open } = fileDisk({ disk, compression: 'gz' });
    const { store } = started({ open });
    await appended(store, txns(1, 4));
    disk.fill();
    await expect(checkpointed(store, imageAt(4n, 'z'.repeat(200_000)))).rejects.toMatchObject({ code: 'ENOSPC' });
    disk.makeRoom();
    await appended(store, txns(5, 6));
    expect(filesOf(dataDir)).toEqual(['log.1', 'log.5', 'snapshot.0.gz']);
    await checkpointed(store, imageAt(6n, 'six'));
    expect(dataAt(restarted({ open }), '/a')).toBe('six');
  });
});
