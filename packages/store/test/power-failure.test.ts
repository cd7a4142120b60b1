import { asZxid, type Proposal } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { FileStore, type Recovered, type Store } from '../src/index.ts';
import { appended, bytesOf, checkpointed, dataAt, imageAt, replaced, savedEpochs, setData, truncated, txns, zxidsOf } from '../src/testing.ts';
import { VolatileDisk } from './volatile-disk.ts';

const open = (disk: VolatileDisk): Store => FileStore.open({ dataDir: '/data', disk, preAllocKb: 1 });

/** Different draws for the same power failure, each repeatable. */
const SEEDS = 6;

function draws(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    if (seed === 0) return 0; // nothing survives that was not synced
    if (seed === 1) return n - 1; // everything does
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

interface Story {
  /** What is durable before it begins. */
  before: (store: Store) => Promise<unknown>;
  /** Says `acknowledge(fact)` whenever the store has acknowledged something. */
  during: (store: Store, acknowledge: (fact: string) => void) => Promise<unknown>;
  check: (recovered: Recovered, acknowledged: ReadonlySet<string>) => void;
}

/** Cuts the power before every single step of a story, and looks at what a restart finds. */
async function tell({ before, during, check }: Story): Promise<void> {
  for (let step = 0, ended = false; !ended; step++) {
    const disk = new VolatileDisk();
    const store = open(disk);
    store.recover();
    await before(store);
    const acknowledged = new Set<string>();
    let left = step;
    disk.beforeChange = () => {
      if (left-- <= 0) throw new Error('the power is gone');
    };
    ended = await new Promise<boolean>((resolve) => {
      store.onFatal = () => resolve(false);
      void during(store, (fact) => acknowledged.add(fact)).then(() => resolve(true));
    });
    for (let seed = 0; seed < SEEDS; seed++) check(open(disk.afterPowerFailure(draws(seed + (seed > 1 ? step : 0)))).recover(), acknowledged);
  }
}

const acknowledging = (store: Store, proposals: Proposal[], acknowledge: (fact: string) => void): Promise<void> =>
  new Promise((resolve) => {
    for (const proposal of proposals) store.append(proposal, () => acknowledge(String(proposal.zxid)));
    store.flush(resolve);
  });

describe('the power fails at any moment of', () => {
  test('appending, in new files and old ones', () => tell({
    before: (store) => appended(store, txns(1, 2)),
    during: async (store, acknowledge) => {
      await acknowledging(store, txns(3, 4), acknowledge);
      await checkpointed(store, imageAt(3n));
      await acknowledging(store, txns(5, 6), acknowledge);
    },
    check: ({ image, txns, lastZxid }, acknowledged) => {
      const highest = [...acknowledged].map(BigInt).at(-1) ?? 2n;
      expect(lastZxid).toBeGreaterThanOrEqual(highest);
      const base = image?.zxid ?? 0n;
      expect(zxidsOf(txns)).toEqual(zxidsOf(txns).map((_, i) => base + BigInt(i) + 1n));
    },
  }));

  test('replaceWith: the old state or the new one', () => tell({
    before: async (store) => {
      await appended(store, txns(1, 4));
      await checkpointed(store, imageAt(4n, 'old'));
      await appended(store, txns(5, 9));
    },
    during: async (store, acknowledge) => {
      await replaced(store, imageAt(6n, 'new'));
      acknowledge('replaced');
      await appended(store, [setData(7, 'after')]);
      acknowledge('after');
    },
    check: (recovered, acknowledged) => {
      const data = dataAt(recovered, '/a');
      const log = [...recovered.txns].map(({ zxid, bytes }) => `${zxid}${bytes.includes('after') ? ' after' : ''}`);
      if (data === 'old') expect(log).toEqual(['5', '6', '7', '8', '9']);
      else expect([data, log]).toEqual(['new', log.length > 0 ? ['7 after'] : []]);
      if (acknowledged.has('replaced')) expect(data).toBe('new');
      if (acknowledged.has('after')) expect(log).toEqual(['7 after']);
    },
  }));

  test('truncate, and of writing the same zxids anew', () => tell({
    before: async (store) => {
      await appended(store, txns(1, 4));
      await checkpointed(store, imageAt(3n));
      await appended(store, txns(5, 7));
      await checkpointed(store, imageAt(6n));
      await appended(store, txns(8, 9));
    },
    during: async (store, acknowledge) => {
      await truncated(store, asZxid(4n));
      acknowledge('truncated');
      await appended(store, [setData(5, 'anew')]);
      acknowledge('anew');
    },
    check: ({ image, txns, lastZxid }, acknowledged) => {
      const log = [...txns];
      expect(zxidsOf(log)).toEqual(log.map((_, i) => (image?.zxid ?? 0n) + BigInt(i) + 1n));
      expect(lastZxid).toBeGreaterThanOrEqual(4n);
      if (acknowledged.has('truncated')) expect(lastZxid).toBeLessThanOrEqual(5n);
      if (acknowledged.has('anew')) expect(bytesOf(log).at(-1)).toBe(setData(5, 'anew').bytes.toString('hex'));
    },
  }));

  test('saving epochs (ZOOKEEPER-1653, 4269)', () => tell({
    before: (store) => savedEpochs(store, { accepted: 1n, current: 1n }),
    during: async (store, acknowledge) => {
      await savedEpochs(store, { accepted: 2n });
      acknowledge('promised');
      await savedEpochs(store, { accepted: 3n, current: 3n });
      acknowledge('both');
    },
    check: ({ epochs }, acknowledged) => {
      if (!epochs) throw new Error('the epochs are gone');
      expect(epochs.accepted).toBeGreaterThanOrEqual(epochs.current);
      if (acknowledged.has('promised')) expect(epochs.accepted).toBeGreaterThanOrEqual(2n);
      if (acknowledged.has('both')) expect(epochs).toEqual({ accepted: 3n, current: 3n });
    },
  }));
});
