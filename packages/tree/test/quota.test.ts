import { beforeEach, describe, expect, test } from 'vitest';
import { DataTree, checkQuota, limitsPath, statsPath, type Quota } from '../src/index.ts';
import { Applier } from './txns.ts';

let tree: DataTree;
let zk: Applier;

beforeEach(() => {
  tree = new DataTree();
  zk = new Applier(tree);
  zk.create('/app', '12345');
  zk.create('/app/a', '123');
  zk.create('/zookeeper/quota/app');
});

function limit(limits: string): void {
  zk.create(limitsPath('/app'), limits);
  zk.create(statsPath('/app'), 'whatever a client wrote');
}

const stats = (of: DataTree = tree): string | undefined => of.node(statsPath('/app'))?.data?.toString();

describe('statistics (client.md 2.11)', () => {
  test('begin with a count of what is there and follow every change', () => {
    limit('count=10,bytes=-1');
    expect(stats()).toBe('count=2,bytes=8');
    zk.create('/app/a/b', 'x');
    expect(stats()).toBe('count=3,bytes=9');
    zk.setData('/app/a', null);
    expect(stats()).toBe('count=3,bytes=6');
    zk.delete('/app/a/b');
    expect(stats()).toBe('count=2,bytes=5');
    zk.create('/apple', 'not below /app');
    expect(stats()).toBe('count=2,bytes=5');
  });

  test('change without a version, a zxid or a watch', () => {
    limit('count=10');
    const before = tree.node(statsPath('/app'))!.persisted();
    expect(zk.setData('/app', 'x').changes.map(({ path }) => path)).toEqual(['/app']);
    expect(tree.node(statsPath('/app'))!.persisted()).toEqual(before);
  });

  test('the reply to their creation still tells of the data that were sent', () => {
    zk.create(limitsPath('/app'), 'count=1');
    expect(zk.create(statsPath('/app'), 'xyz', { type: 15 }).stat?.dataLength).toBe(3);
  });

  test('belong to the deepest limited path only', () => {
    limit('count=10');
    zk.create('/zookeeper/quota/app/a');
    zk.create(limitsPath('/app/a'), 'count=5');
    zk.create(statsPath('/app/a'));
    zk.create('/app/a/b', 'xy');
    expect(stats()).toBe('count=2,bytes=8');
    expect(tree.node(statsPath('/app/a'))!.data!.toString()).toBe('count=2,bytes=5');
    expect([tree.limitedAncestor('/app/a/b/c'), tree.limitedAncestor('/app'), tree.limitedAncestor('/other')]).toEqual(['/app/a', '/app', null]);
  });

  test('are counted anew when a tree is loaded', () => {
    limit('count=10');
    zk.setData(statsPath('/app'), 'count=99,bytes=99');
    const copy = DataTree.fromImage(tree.image());
    expect(stats(copy)).toBe('count=2,bytes=8');
    expect(copy.limitedAncestor('/app/a')).toBe('/app');
  });

  test('that a client has spoilt are counted anew by the next change', () => {
    limit('count=10');
    zk.setData(statsPath('/app'), 'count=many');
    zk.create('/app/c', 'x');
    expect(stats()).toBe('count=3,bytes=9');
  });

  test('end with the limits znode; the root has none', () => {
    limit('count=10');
    zk.delete(limitsPath('/app'));
    zk.create(limitsPath(''), 'count=1');
    expect([tree.limitedAncestor('/app'), tree.limitedAncestor('/')]).toEqual([null, null]);
  });
});

describe('limits', () => {
  const quota = (limits: string): Quota => {
    limit(limits);
    return tree.quotaOf('/app')!;
  };

  test('are read in the form clients write them', () => {
    expect(quota('count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3')).toEqual({
      path: '/app',
      limits: { count: -1, bytes: -1, byteHardLimit: 10, countHardLimit: 3 },
      stats: { count: 2, bytes: 8, countHardLimit: -1, byteHardLimit: -1 },
    });
  });

  test('hard: strictly more is refused, count before bytes, shrinking while over as well', () => {
    const hard = quota('count=-1,bytes=-1=;byteHardLimit=9;countHardLimit=3');
    expect(checkQuota(hard, 1, 1)).toEqual([]);
    expect(() => checkQuota(hard, 2, 0)).toThrow('QUOTAEXCEEDED /app');
    expect(() => checkQuota(hard, 0, 2)).toThrow('QUOTAEXCEEDED /app');
    expect(() => checkQuota({ ...hard, stats: { ...hard.stats!, bytes: 20 } }, -1, 0)).toThrow('QUOTAEXCEEDED');
  });

  test('soft: exceeding is only told, and hidden by a hard limit', () => {
    expect(checkQuota(quota('count=2,bytes=8'), 1, 1)).toEqual(['count', 'bytes']);
    expect(checkQuota({ ...tree.quotaOf('/app')!, limits: { count: 2, bytes: 8, countHardLimit: 9, byteHardLimit: 99 } }, 1, 1)).toEqual([]);
  });

  test('without statistics nothing is enforced', () => {
    zk.create(limitsPath('/app'), 'count=0=;countHardLimit=0');
    expect(checkQuota(tree.quotaOf('/app')!, 1, 1)).toEqual([]);
    expect(tree.quotaOf('/other')).toBeNull();
  });

  test.each(['count=x', 'count', null])('that cannot be read (%s) are an error', (limits) => {
    zk.create(limitsPath('/app'), limits);
    expect(() => tree.quotaOf('/app')).toThrow('MARSHALLINGERROR');
  });
});
