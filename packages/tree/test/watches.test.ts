import { beforeEach, describe, expect, test } from 'vitest';
import { OPEN_ACL, READ_ACL } from '@zk/protocol';
import { DataTree, EventType, isWatcherType, restoreWatches, Watches, WatcherType, type Change, type WatchesToRestore } from '../src/index.ts';
import { Applier } from './txns.ts';

let watches: Watches<string>;
beforeEach(() => {
  watches = new Watches();
});

const NAMES = { 1: 'created', 2: 'deleted', 3: 'dataChanged', 4: 'childrenChanged' } as const;

const change = (event: Change['event'], path: string, parent: string | null = null): Change => ({
  event, path, parent, acl: [...OPEN_ACL], parentAcl: [...READ_ACL],
});
const created = (path: string, parent = '/'): Change => change('created', path, parent);
const deleted = (path: string, parent = '/'): Change => change('deleted', path, parent);
const changed = (path: string): Change => change('dataChanged', path);

/** What was delivered, as `alice created /a`. */
function fire(...changes: Change[]): string[] {
  const told: string[] = [];
  watches.fire(changes, (watcher, type, path) => told.push(`${watcher} ${NAMES[type]} ${path}`));
  return told;
}

describe('a standard watch', () => {
  test('fires once, on creation, data change or deletion, whichever is first', () => {
    for (const [first, event] of [[created('/a'), 'created'], [changed('/a'), 'dataChanged'], [deleted('/a'), 'deleted']] as const) {
      watches.add('/a', 'data', 'alice', 'standard');
      watches.add('/a', 'data', 'alice', 'standard'); // setting it twice is setting it once
      expect(fire(first)).toEqual([`alice ${event} /a`]);
      expect(fire(first)).toEqual([]);
      expect(watches.count).toBe(0);
    }
  });

  test('on children hears of the parent, and of the deletion of its own znode', () => {
    watches.add('/', 'child', 'alice', 'standard');
    watches.add('/a', 'child', 'bob', 'standard');
    expect(fire(changed('/a'), created('/a'))).toEqual(['alice childrenChanged /']);
    expect(fire(deleted('/a'))).toEqual(['bob deleted /a']);
  });

  test('in both tables: one NodeDeleted, and both are gone (trap 29)', () => {
    watches.add('/a', 'data', 'alice', 'standard');
    watches.add('/a', 'child', 'alice', 'standard');
    watches.add('/a', 'child', 'bob', 'standard');
    expect(fire(deleted('/a'))).toEqual(['alice deleted /a', 'bob deleted /a']);
    expect(watches.count).toBe(0);
  });

  test('on children is left alone by creation and by data', () => {
    watches.add('/a', 'child', 'alice', 'standard');
    expect(fire(created('/a'), changed('/a'))).toEqual([]);
    expect(watches.count).toBe(1);
  });
});

describe('a persistent watch', () => {
  test('stays, and hears of the znode and of its children', () => {
    watches.addPersistent('/a', 'alice', 'persistent');
    const once = ['alice created /a', 'alice childrenChanged /a', 'alice dataChanged /a', 'alice deleted /a'];
    for (const round of [1, 2]) {
      expect(fire(created('/a'), created('/a/b', '/a'), changed('/a'), deleted('/a')), `round ${round}`).toEqual(once);
    }
  });

  test('on the parent gets one event for each child created by a multi, a standard one gets one', () => {
    watches.addPersistent('/', 'alice', 'persistent');
    watches.add('/', 'child', 'bob', 'standard');
    expect(fire(created('/a'), created('/b')).sort()).toEqual(['alice childrenChanged /', 'alice childrenChanged /', 'bob childrenChanged /']);
  });
});

describe('a recursive watch', () => {
  test('hears of every descendant under its own path, never of children', () => {
    watches.addPersistent('/a', 'alice', 'recursive');
    expect(fire(created('/a'), created('/a/b', '/a'), changed('/a/b/c'), deleted('/a/b', '/a'), created('/ab'))).toEqual([
      'alice created /a', 'alice created /a/b', 'alice dataChanged /a/b/c', 'alice deleted /a/b',
    ]);
  });

  test('on the root hears of everything', () => {
    watches.addPersistent('/', 'alice', 'recursive');
    expect(fire(created('/a'), changed('/'), created('/a/b', '/a'))).toEqual(['alice created /a', 'alice dataChanged /', 'alice created /a/b']);
  });

  test('matched at several levels and by other modes too is told once per lookup', () => {
    for (const path of ['/', '/w', '/w/d']) watches.addPersistent(path, 'alice', 'recursive');
    watches.add('/w/d', 'data', 'alice', 'standard');
    watches.addPersistent('/w', 'alice', 'persistent');
    expect(fire(created('/w/d', '/w'))).toEqual(['alice created /w/d', 'alice childrenChanged /w']);
  });

  test('outlives the standard watch beside it', () => {
    watches.addPersistent('/a', 'alice', 'recursive');
    watches.add('/a', 'data', 'alice', 'standard');
    expect(fire(changed('/a'), changed('/a'))).toHaveLength(2);
    expect(watches.contains('/a', WatcherType.data, 'alice')).toBe(false);
    expect(watches.contains('/a', WatcherType.persistentRecursive, 'alice')).toBe(true);
  });
});

test('each event carries the ACL that decides about it', () => {
  watches.addPersistent('/a', 'alice', 'persistent');
  const perms: number[] = [];
  watches.fire([created('/a'), created('/a/b', '/a')], (_watcher, _type, _path, acl) => perms.push(acl[0]!.perms));
  expect(perms).toEqual([31, 1]);
});

test('a watcher that is removed while others are told hears nothing more', () => {
  for (const watcher of ['alice', 'bob']) watches.addPersistent('/a', watcher, 'persistent');
  const told: string[] = [];
  watches.fire([changed('/a'), changed('/a')], (watcher) => {
    told.push(watcher);
    watches.removeWatcher('bob');
  });
  expect(told).toEqual(['alice', 'alice']);
});

describe('checkWatches and removeWatches (client.md 4.7)', () => {
  const ALL = Object.values(WatcherType);
  const found = (): number[] => ALL.filter((type) => watches.contains('/a', type, 'alice'));

  test.each([
    ['child standard', () => watches.add('/a', 'child', 'alice', 'standard'), [WatcherType.children, WatcherType.any]],
    ['data standard', () => watches.add('/a', 'data', 'alice', 'standard'), [WatcherType.data, WatcherType.any]],
    ['persistent', () => watches.addPersistent('/a', 'alice', 'persistent'), [WatcherType.any, WatcherType.persistent]],
    ['recursive', () => watches.addPersistent('/a', 'alice', 'recursive'), [WatcherType.any, WatcherType.persistentRecursive]],
  ])('%s is found and removed as its own type or as any', (_name, add, types) => {
    for (const type of ALL) {
      add();
      expect(found()).toEqual(types);
      const isRemoved = (types as number[]).includes(type);
      expect(watches.remove('/a', type, 'alice')).toBe(isRemoved);
      expect(watches.count === 0).toBe(isRemoved);
      watches.removeWatcher('alice');
    }
  });

  test('only for the own connection and exactly this path', () => {
    watches.add('/a', 'data', 'alice', 'standard');
    expect(watches.remove('/a', WatcherType.any, 'bob')).toBe(false);
    expect(watches.remove('/a/', WatcherType.any, 'alice')).toBe(false);
    expect(watches.contains('/a', WatcherType.any, 'alice')).toBe(true);
  });

  test('other types do not exist', () => {
    expect([0, 1, 5, 6].map(isWatcherType)).toEqual([false, true, true, false]);
  });
});

describe('reports', () => {
  beforeEach(() => {
    watches.add('/a', 'data', 'alice', 'standard');
    watches.addPersistent('/a', 'alice', 'recursive');
    watches.add('/a', 'data', 'bob', 'standard');
    watches.add('/b', 'data', 'bob', 'standard');
    watches.add('/c', 'child', 'carol', 'standard');
  });

  test('count an entry once, whatever its modes; wchs and wchp know the data table only', () => {
    expect(watches.count).toBe(4);
    expect(watches.counts()).toEqual({ watchers: 2, paths: 2, entries: 3 });
    expect(watches.counts('child')).toEqual({ watchers: 1, paths: 1, entries: 1 });
    expect(watches.byPath()).toEqual(new Map([['/a', ['alice', 'bob']], ['/b', ['bob']]]));
    expect(watches.byWatcher()).toEqual(new Map([['alice', ['/a']], ['bob', ['/a', '/b']]]));
  });

  test('show nothing once the connections are gone', () => {
    for (const watcher of ['alice', 'bob', 'carol', 'nobody']) watches.removeWatcher(watcher);
    expect([watches.count, watches.byPath().size, watches.byPath('child').size]).toEqual([0, 0, 0]);
    expect(fire(changed('/a'), deleted('/c'))).toEqual([]);
  });
});

describe('restoring after a reconnect (client.md 4.6)', () => {
  let zk: Applier;
  beforeEach(() => {
    zk = new Applier(new DataTree());
    zk.create('/a'); // zxid 1
    zk.create('/b'); // 2
    zk.create('/a/x'); // 3: pzxid of /a
    zk.setData('/b', 'new'); // 4: mzxid of /b
  });

  function restore(lists: Partial<WatchesToRestore>): string[] {
    const told: string[] = [];
    const request = { relativeZxid: 2n, dataWatches: [], existWatches: [], childWatches: [], ...lists };
    restoreWatches(watches, zk.tree, 'alice', request, (type, path) => told.push(`${NAMES[type]} ${path}`));
    return told;
  }

  test('data: missing, changed, unchanged', () => {
    expect(restore({ dataWatches: ['/gone', '/b', '/a'] })).toEqual(['deleted /gone', 'dataChanged /b']);
    expect(watches.byPath()).toEqual(new Map([['/a', ['alice']]]));
  });

  test('exists: there already, whatever its zxids, or not', () => {
    expect(restore({ existWatches: ['/a', '/gone'] })).toEqual(['created /a']);
    expect(watches.contains('/gone', WatcherType.data, 'alice')).toBe(true);
  });

  test('children: missing, changed, unchanged; the same path missing twice is told twice', () => {
    expect(restore({ dataWatches: ['/gone'], childWatches: ['/gone', '/a', '/b'] })).toEqual(['deleted /gone', 'deleted /gone', 'childrenChanged /a']);
    expect(watches.byPath('child')).toEqual(new Map([['/b', ['alice']]]));
  });

  test('persistent ones never fire', () => {
    expect(restore({ persistentWatches: ['/b', '/gone'], persistentRecursiveWatches: ['/a'] })).toEqual([]);
    expect(fire(changed('/b'), created('/gone/x', '/gone'), changed('/a/x'))).toEqual([
      'alice dataChanged /b', 'alice childrenChanged /gone', 'alice dataChanged /a/x',
    ]);
  });

  test('a null list stops there, what came before is done', () => {
    expect(() => restore({ dataWatches: ['/a'], existWatches: null })).toThrow('MARSHALLINGERROR');
    expect(watches.contains('/a', WatcherType.data, 'alice')).toBe(true);
  });
});

test('the events have the numbers of the protocol', () => {
  expect(EventType).toEqual({ nodeCreated: 1, nodeDeleted: 2, nodeDataChanged: 3, nodeChildrenChanged: 4 });
});
