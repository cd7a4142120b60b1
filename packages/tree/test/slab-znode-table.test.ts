import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AclTable } from '../src/index.ts';
import { Slab } from '../src/slab.ts';
import { SlabZnodeTable } from '../src/slab-znode-table.ts';

const newTable = (): SlabZnodeTable => new SlabZnodeTable(new AclTable(), { extendedTypes: false, emulate353TTL: false });

const KIB = 1024;
/** Around every limit of the slab: grains, the small classes, the doublings, chunks of their own. */
const lengths = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 100 }) },
  { weight: 3, arbitrary: fc.integer({ min: KIB - 20, max: 5 * KIB }) },
  { weight: 1, arbitrary: fc.integer({ min: 250 * KIB, max: 300 * KIB }) },
);

const content = (length: number, seed: number): Buffer => Buffer.alloc(length, `${seed}.`);

describe('the slab', () => {
  test('never gives out bytes that are in use, whatever was freed before', () => {
    const steps = fc.array(fc.record({ length: lengths, victim: fc.option(fc.nat()) }), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (wishes) => {
        const slab = new Slab();
        const inUse: { block: number; bytes: Buffer; view: Buffer }[] = [];
        for (const [seed, { length, victim }] of wishes.entries()) {
          const [freed] = victim === null || inUse.length === 0 ? [] : inUse.splice(victim % inUse.length, 1);
          if (freed) slab.free(freed.block, freed.bytes.length);
          if (length === 0) {
            expect(slab.allocate(0)).toBe(0);
            continue;
          }
          const block = slab.allocate(length);
          const view = slab.viewOf(block, 0, length);
          const bytes = content(length, seed);
          bytes.copy(view);
          inUse.push({ block, bytes, view });
          for (const { bytes: expected, view: found } of inUse) expect(found.equals(expected)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('uses freed blocks again', () => {
    const slab = new Slab();
    const blocks = Array.from({ length: 50_000 }, () => slab.allocate(100));
    for (const block of blocks) slab.free(block, 100);
    const again = new Set(Array.from({ length: 50_000 }, () => slab.allocate(97)));
    expect(again).toEqual(new Set(blocks));
  });
});

describe('the table', () => {
  test('is a map from paths to data, and knows everybody\'s children', () => {
    const steps = fc.array(
      fc.record({ kind: fc.constantFrom('put' as const, 'put' as const, 'setData' as const, 'delete' as const), name: fc.nat({ max: 150 }), length: lengths }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (wishes) => {
        const table = newTable();
        const root = table.put('', null, null);
        const expected = new Map<string, Buffer>();
        for (const [seed, { kind, name, length }] of wishes.entries()) {
          const path = `/ünïque-${name}`.slice(0, name % 2 ? undefined : -1);
          const data = content(length, seed);
          const node = table.get(path);
          expect(node !== undefined).toBe(expected.has(path));
          if (kind === 'delete') {
            if (node) table.delete(node);
            expected.delete(path);
          } else if (node || kind === 'put') {
            if (node) table.setData(node, data);
            else table.put(path, root, data);
            expected.set(path, data);
          }
        }
        expect(table.count).toBe(expected.size + 1);
        expect(root.numChildren).toBe(expected.size);
        expect(table.childNames(root).sort()).toEqual([...expected.keys()].map((path) => path.slice(1)).sort());
        for (const [path, data] of expected) {
          expect(table.get(path)!.path).toBe(path);
          expect(table.get(path)!.data!.equals(data)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('finds every one of many, and none that was removed', () => {
    const table = newTable();
    const root = table.put('', null, null);
    const pathOf = (i: number): string => `/node-${i.toString().padStart(8, '0')}`;
    for (let i = 0; i < 20_000; i++) table.put(pathOf(i), root, null);
    for (let i = 0; i < 20_000; i += 2) table.delete(table.get(pathOf(i))!);
    const missing = Array.from({ length: 20_000 }, (_, i) => i).filter((i) => (table.get(pathOf(i)) === undefined) !== (i % 2 === 0));
    expect(missing).toEqual([]);
    for (let i = 0; i < 20_000; i += 2) table.put(pathOf(i), root, Buffer.from('again'));
    expect([table.count, root.numChildren]).toEqual([20_001, 20_000]);
  });

  test('a path longer than anything before is found', () => {
    const table = newTable();
    const path = `/${'é'.repeat(5000)}`;
    table.put(path, table.put('', null, null), null);
    expect(table.get(path)?.path).toBe(path);
    expect(table.get(`${path}x`)).toBeUndefined();
  });

  test('a znode with children is not removed', () => {
    const table = newTable();
    const root = table.put('', null, null);
    table.put('/a', root, null);
    expect(() => table.delete(root)).toThrow('only znodes without children are removed');
  });
});
