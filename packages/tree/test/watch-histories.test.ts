import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Watches, WatcherType, type Change, type WatchMode, type WatchTableName } from '../src/index.ts';

/** client.md 4.3 word by word, over a plain list of registrations. */
class NaiveWatches {
  registrations: { path: string; table: WatchTableName; watcher: string; mode: WatchMode }[] = [];

  add(path: string, table: WatchTableName, watcher: string, mode: WatchMode): void {
    if (!this.registrations.some((r) => r.path === path && r.table === table && r.watcher === watcher && r.mode === mode)) {
      this.registrations.push({ path, table, watcher, mode });
    }
  }

  lookup(table: WatchTableName, path: string): Set<string> {
    const here = this.registrations.filter((r) => r.table === table && r.path === path);
    const above = this.registrations.filter((r) => r.table === table && r.mode === 'recursive' && isBelow(path, r.path));
    this.registrations = this.registrations.filter((r) => !(here.includes(r) && r.mode === 'standard'));
    return new Set([...here, ...above].map(({ watcher }) => watcher));
  }

  fire({ event, path, parent }: Change): string[] {
    const type = { created: 1, deleted: 2, dataChanged: 3 }[event];
    const told = this.lookup('data', path);
    const events = [...told].map((watcher) => `${watcher} ${type} ${path}`);
    if (event === 'deleted') {
      for (const watcher of this.lookup('child', path)) if (!told.has(watcher)) events.push(`${watcher} ${type} ${path}`);
    }
    if (parent) for (const watcher of this.lookup('child', parent)) events.push(`${watcher} 4 ${parent}`);
    return events;
  }

  get entries(): number {
    return new Set(this.registrations.map(({ table, path, watcher }) => `${table} ${path} ${watcher}`)).size;
  }
}

const isBelow = (path: string, ancestor: string): boolean =>
  path !== ancestor && path.startsWith(ancestor === '/' ? '/' : `${ancestor}/`);

const PATHS = ['/', '/a', '/b', '/a/x', '/a/x/p'];
const path = fc.constantFrom(...PATHS);
const watcher = fc.constantFrom('alice', 'bob', 'carol');

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({
    kind: fc.constant('add' as const), path, watcher,
    slot: fc.constantFrom<[WatchTableName, WatchMode]>(['data', 'standard'], ['child', 'standard'], ['data', 'persistent'], ['child', 'persistent'], ['data', 'recursive']),
  }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fire' as const), path: fc.constantFrom(...PATHS.slice(1)), event: fc.constantFrom('created' as const, 'deleted' as const, 'dataChanged' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), path, watcher }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), watcher }) },
);

test('whatever is registered, changed, removed and closed, everybody hears what the rules say', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const watches = new Watches<string>();
      const naive = new NaiveWatches();
      for (const one of steps) {
        if (one.kind === 'add') {
          naive.add(one.path, one.slot[0], one.watcher, one.slot[1]);
          watches.add(one.path, one.slot[0], one.watcher, one.slot[1]);
        } else if (one.kind === 'fire') {
          const parent = one.event === 'dataChanged' ? null : one.path.slice(0, one.path.lastIndexOf('/')) || '/';
          const change: Change = { event: one.event, path: one.path, parent, acl: [], parentAcl: [] };
          const told: string[] = [];
          watches.fire([change], (who, type, at) => told.push(`${who} ${type} ${at}`));
          expect(told.sort()).toEqual(naive.fire(change).sort());
        } else if (one.kind === 'remove') {
          const mine = naive.registrations.filter((r) => r.path === one.path && r.watcher === one.watcher);
          expect(watches.remove(one.path, WatcherType.any, one.watcher)).toBe(mine.length > 0);
          naive.registrations = naive.registrations.filter((r) => !mine.includes(r));
        } else {
          watches.removeWatcher(one.watcher);
          naive.registrations = naive.registrations.filter((r) => r.watcher !== one.watcher);
        }
        expect(watches.count).toBe(naive.entries);
      }
    }),
    { numRuns: 300 },
  );
});
