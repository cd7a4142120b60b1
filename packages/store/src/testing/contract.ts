import { asZxid } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import {
  appended, bytesOf, checkpointed, closed, dataAt, flushed, imageAt, largeImage, outOfRoom, range, replaced, restarted, savedEpochs, setData, started,
  truncated, txns, zxidsOf, type StoreUnderTest,
} from './store-under-test.ts';

/**
 * Every promise of {@link Store} that can be seen from outside, as a vitest suite.
 * @param makeDisk a new, empty disk
 */
export function storeContract(name: string, makeDisk: () => StoreUnderTest): void {
  describe(`${name} keeps the promises of a store`, () => {
    test('an empty one is trusted, and recovers nothing', () => {
      const { recovered } = started(makeDisk());
      expect(recovered.trusted).toBe(true);
      expect(recovered.lastZxid).toBe(0n);
      expect([...recovered.txns]).toEqual([]);
      expect(recovered.epochs).toBeNull();
    });

    test('what was acknowledged is there after a restart, in order and byte for byte', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      const proposals = txns(1, 20);
      const heard: bigint[] = [];
      for (const proposal of proposals) store.append(proposal, (upTo) => heard.push(upTo));
      expect(heard).toEqual([]); // never inside the call
      await flushed(store);
      expect(heard).toEqual(proposals.map(({ zxid }) => zxid));
      expect(bytesOf(restarted(disk).txns)).toEqual(bytesOf(proposals));
    });

    test('txns of any size, alone and together', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      const proposals = range(1, 30).map((zxid) => setData(zxid, 'x'.repeat(zxid * zxid * 1000)));
      await appended(store, proposals.slice(0, 10));
      await appended(store, proposals.slice(10));
      expect(bytesOf(restarted(disk).txns)).toEqual(bytesOf(proposals));
    });

    test('one callback for a whole batch hears the highest zxid', async () => {
      const { store } = started(makeDisk());
      const heard: bigint[] = [];
      const persisted = (upTo: bigint): void => void heard.push(upTo);
      for (const n of range(1, 5)) store.append(setData(n), persisted);
      await flushed(store);
      expect(heard.at(-1)).toBe(5n);
      expect(heard).toEqual([...heard].sort());
    });

    test('callbacks run in the order of the calls, whatever was called', async () => {
      const { store } = started(makeDisk());
      const order: string[] = [];
      store.append(setData(1), () => order.push('append 1'));
      store.saveEpochs({ accepted: 1n }, () => order.push('epochs'));
      store.append(setData(2), () => order.push('append 2'));
      store.flush(() => order.push('flush'));
      store.truncate(asZxid(1n), () => order.push('truncate'));
      store.append(setData(2), () => order.push('append 2 again'));
      await flushed(store);
      expect(order).toEqual(['append 1', 'epochs', 'append 2', 'flush', 'truncate', 'append 2 again']);
    });

    test('epochs survive, one by one and together', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await savedEpochs(store, { accepted: 3n, current: 2n });
      expect(restarted(disk).epochs).toEqual({ accepted: 3n, current: 2n });
      const again = started(disk);
      await savedEpochs(again.store, { current: 3n });
      expect(restarted(disk).epochs).toEqual({ accepted: 3n, current: 3n });
    });

    test('truncate forgets every txn above, hands back the rest, and the same zxids can be written anew', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await appended(store, txns(1, 9));
      const recovered = await truncated(store, asZxid(5n));
      expect(recovered?.lastZxid).toBe(5n);
      expect(zxidsOf(recovered?.txns)).toEqual(range(1, 5).map(BigInt));
      const rewritten = range(6, 8).map((n) => setData(n, `another ${n}`));
      await appended(store, rewritten);
      expect(bytesOf(restarted(disk).txns).slice(5)).toEqual(bytesOf(rewritten));
    });

    test('truncate to a zxid that was never logged keeps the last one before it', async () => {
      const { store } = started(makeDisk());
      await appended(store, [1, 2, 7, 8].map((n) => setData(n)));
      expect((await truncated(store, asZxid(5n)))?.lastZxid).toBe(2n);
    });

    test('truncate below every image is impossible, and changes nothing', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await replaced(store, imageAt(5n));
      await appended(store, [setData(6)]);
      expect(await truncated(store, asZxid(4n))).toBeNull();
      expect(restarted(disk).lastZxid).toBe(6n);
    });

    test('truncate does not bring a txn back from a checkpoint', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await appended(store, txns(1, 9));
      await checkpointed(store, imageAt(8n, 'from txn 8'));
      const recovered = await truncated(store, asZxid(7n));
      const isPossible = recovered !== null; // with an older image
      expect(recovered?.lastZxid ?? 7n).toBe(7n);
      expect(dataAt(recovered, '/a')).not.toBe('from txn 8');
      expect(restarted(disk).lastZxid).toBe(isPossible ? 7n : 9n);
    });

    test('a checkpoint is what the next start begins with', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await appended(store, txns(1, 6));
      await checkpointed(store, imageAt(4n, 'four'));
      await appended(store, [setData(7)]);
      const recovered = restarted(disk);
      expect(recovered.image?.zxid).toBe(4n);
      expect(dataAt(recovered, '/a')).toBe('four');
      expect([...(recovered.image?.sessions ?? [])]).toEqual([{ id: 7n, timeOut: 4000 }]);
      expect(zxidsOf(recovered.txns)).toEqual([5n, 6n, 7n]);
    });

    test('appends are acknowledged while a checkpoint is being written, and are replayed over it', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await appended(store, [setData(1)]);
      const checkpoint = checkpointed(store, largeImage(1n, 3000));
      await appended(store, txns(2, 4));
      await checkpoint;
      expect(store.newestImageSize()).toBeGreaterThan(1000);
      expect(zxidsOf(restarted(disk).txns)).toEqual([2n, 3n, 4n]);
    });

    test('replaceWith makes the image the whole history: no older txn is ever replayed over it', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await appended(store, txns(1, 9));
      await replaced(store, imageAt(5n, 'from the leader'));
      const recovered = restarted(disk);
      expect(recovered.lastZxid).toBe(5n);
      expect(dataAt(recovered, '/a')).toBe('from the leader');
      expect(zxidsOf(recovered.txns)).toEqual([]);
    });

    test('after replaceWith the log goes on from the image', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      await appended(store, txns(1, 9));
      await replaced(store, imageAt(5n));
      await appended(store, [setData(6)]);
      expect(zxidsOf(restarted(disk).txns)).toEqual([6n]);
      expect(store.readLog(asZxid(5n))).toBeNull();
    });

    test('readLog begins at the zxid asked for, or says that it does not reach back', async () => {
      const { store } = started(makeDisk());
      await appended(store, txns(1, 9));
      expect(zxidsOf(store.readLog(asZxid(7n)))).toEqual([7n, 8n, 9n]);
      expect(store.readLog(asZxid(0n))).toBeNull();
      expect(store.logSizeFrom(asZxid(1n))).toBeGreaterThan(0);
    });

    describe('without room', () => {
      test('nothing is acknowledged or lost: it waits in its order, and is done when there is room', async () => {
        const disk = makeDisk();
        const { store } = started(disk);
        const told: (Error | null)[] = [];
        const heard: (bigint | string)[] = [];
        await appended(store, txns(1, 3));
        disk.fill();
        const shortage = new Promise<void>((resolve) => {
          store.onShortage = (error) => void (told.push(error), resolve());
        });
        for (const proposal of txns(4, 6)) store.append(proposal, (upTo) => heard.push(upTo));
        store.saveEpochs({ accepted: 1n, current: 1n }, () => heard.push('epochs'));
        store.append(setData(7), (upTo) => heard.push(upTo));
        await shortage;
        expect(zxidsOf(store.readLog(asZxid(1n)))).toEqual([1n, 2n, 3n]); // reading goes on
        expect(heard).toEqual([]);
        disk.makeRoom();
        await flushed(store);
        expect(heard).toEqual([4n, 5n, 6n, 'epochs', 7n]);
        expect(told).toEqual([expect.any(Error), null]);
        expect(bytesOf(restarted(disk).txns)).toEqual(bytesOf(txns(1, 7)));
      });

      test('a start finds what was acknowledged, and whole records', async () => {
        const disk = makeDisk();
        const { store } = started(disk);
        await appended(store, txns(1, 3));
        disk.fill();
        const shortage = outOfRoom(store);
        for (const proposal of txns(4, 6)) store.append(proposal, () => {});
        await shortage;
        const recovered = restarted(disk);
        expect(zxidsOf(recovered.txns)).toEqual([1n, 2n, 3n]);
        expect(recovered.notes).toEqual([]);
        await closed(store);
      });

      test('a checkpoint fails, changes nothing, and can be taken later (where it shares the disk)', async ({ skip }) => {
        const disk = makeDisk();
        if (disk.checkpointsAlwaysFit) skip('checkpoints are written past this disk');
        const { store } = started(disk);
        await appended(store, txns(1, 4));
        disk.fill();
        await expect(checkpointed(store, imageAt(4n, 'no room'))).rejects.toThrow();
        expect(zxidsOf(restarted(disk).txns)).toEqual([1n, 2n, 3n, 4n]);
        disk.makeRoom();
        const { store: again } = started(disk);
        await appended(again, [setData(5)]);
        await checkpointed(again, imageAt(5n, 'room'));
        expect(dataAt(restarted(disk), '/a')).toBe('room');
      });

      test('an image from the leader waits for room', async () => {
        const disk = makeDisk();
        const { store } = started(disk);
        await appended(store, txns(1, 4));
        disk.fill();
        const shortage = outOfRoom(store);
        const done = replaced(store, imageAt(9n, 'from the leader'));
        await shortage;
        disk.makeRoom();
        await done;
        expect(dataAt(restarted(disk), '/a')).toBe('from the leader');
      });

      test('an image from the leader that never fitted has changed nothing', async () => {
        const disk = makeDisk();
        const { store } = started(disk);
        await appended(store, txns(1, 4));
        disk.fill();
        const shortage = outOfRoom(store);
        store.replaceWith(imageAt(9n, 'from the leader'), () => {});
        await shortage;
        await closed(store);
        expect(zxidsOf(restarted(disk).txns)).toEqual([1n, 2n, 3n, 4n]);
      });

      test('close waits for nothing', async () => {
        const disk = makeDisk();
        const { store } = started(disk);
        await appended(store, txns(1, 2));
        disk.fill();
        const heard: bigint[] = [];
        const shortage = outOfRoom(store);
        store.append(setData(3), (upTo) => heard.push(upTo));
        await shortage;
        await closed(store);
        disk.makeRoom();
        expect(heard).toEqual([]);
        expect(zxidsOf(restarted(disk).txns)).toEqual([1n, 2n]);
      });
    });

    test('zxids that do not rise are refused', async () => {
      const { store } = started(makeDisk());
      await appended(store, [setData(2)]);
      expect(() => store.append(setData(2), () => {})).toThrow('zxids only rise');
    });

    test('close finishes what was asked for', async () => {
      const disk = makeDisk();
      const { store } = started(disk);
      store.append(setData(1), () => {});
      await closed(store);
      expect(restarted(disk).lastZxid).toBe(1n);
    });
  });
}
