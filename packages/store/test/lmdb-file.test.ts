import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checked } from '../src/checkpoint-reader.ts';
import { FILE, openTables } from '../src/checkpoint-tables.js';
import { checkLmdbFile } from '../src/lmdb-check.js';
import { LmdbFile } from '../src/lmdb-file.js';
import { LmdbRoot } from '../src/lmdb-root.js';
import { sealed, temporaryDirectory } from './support.ts';

const PAGE = 4096;
const TABLE = 'znodes';
const HEAD = 24;

/** An LMDB environment, and what was put into one of its tables, by key in latin1. */
class Lmdb {
  readonly directory = temporaryDirectory();
  readonly content = new Map<string, Buffer>();
  #tables = openTables(this.directory);

  get path(): string {
    return join(this.directory, FILE);
  }

  /** Null removes. */
  transaction(changes: Iterable<readonly [key: string, value: Buffer | null]>): void {
    const table = this.#tables.tables[3]!;
    this.#tables.root.transactionSync(() => {
      for (const [key, value] of changes) {
        if (value) table.putSync(Buffer.from(key, 'latin1'), value);
        else table.removeSync(Buffer.from(key, 'latin1'));
        if (value) this.content.set(key, value);
        else this.content.delete(key);
      }
    });
  }

  async reopen(): Promise<void> {
    await this.close();
    this.#tables = openTables(this.directory);
  }

  close(): Promise<void> {
    return this.#tables.root.close();
  }

  get sorted(): [string, Buffer][] {
    return [...this.content].sort(([one], [other]) => Buffer.compare(Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1')));
  }
}

function opened(path: string): LmdbFile {
  const file = LmdbFile.open(path);
  onTestFinished(() => file.close());
  return file;
}

/** Many long values are compared faster like this. */
const told = (entries: [string, Buffer][]): string[] => entries.map(([key, value]) => `${key} ${value.length} ${crc32(value)}`);

const entriesOf = (file: Pick<LmdbFile, 'entries'>, behind?: string, end?: string): [string, Buffer][] =>
  Array.from(file.entries(TABLE, behind === undefined ? null : Buffer.from(behind, 'latin1'), end === undefined ? null : Buffer.from(end, 'latin1')), ({ key, value }) => [key.toString('latin1'), value]);

const isSame = (found: Buffer | undefined, expected: Buffer | undefined): boolean => (expected ? (found?.equals(expected) ?? false) : found === undefined);

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Numbers that look random, the same in every run. */
const random = (n: number, below: number): number => (Math.imul(n + 1, 2_654_435_761) >>> 8) % below;

const keys = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 4000 }).map((n) => `/app\0node-${n}`) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 1900 })).map(([n, length]) => `${'k'.repeat(length)}${n}`) },
);
const values = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1500, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: 40_000 }) },
).map((length) => Buffer.alloc(length, length & 0xff));
const transactions = fc.array(
  fc.record({ changes: fc.array(fc.tuple(keys, fc.option(values, { freq: 3 })), { maxLength: 400 }), reopens: fc.boolean() }),
  { minLength: 1, maxLength: 12 },
);

describe('an LMDB file', () => {
  test('is read as LMDB has written it, after any transactions', { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(transactions, keys, keys, async (all, one, other) => {
      const lmdb = new Lmdb();
      const file = opened(lmdb.path);
      for (const { changes, reopens } of all) {
        lmdb.transaction(changes);
        if (reopens) await lmdb.reopen();
        file.refresh();
        checkLmdbFile(lmdb.path);
        expect(told(entriesOf(file))).toEqual(told(lmdb.sorted));
        const wrong = changes.filter(([key]) => !isSame(file.get(TABLE, Buffer.from(key, 'latin1'))?.value, lmdb.content.get(key)));
        expect(wrong).toEqual([]);
        expect(told(entriesOf(file, one, other))).toEqual(told(lmdb.sorted.filter(([key]) => key > one && key < other)));
      }
      await lmdb.close();
    }), { numRuns: 25 });
  });

  test('of many pages has branches above branches, and tables that are empty', async () => {
    const lmdb = new Lmdb();
    lmdb.transaction(Array.from({ length: 20_000 }, (_, n) => [`/some/longer/path/${'x'.repeat(60)}\0${n}`, Buffer.alloc(100)]));
    const file = opened(lmdb.path);
    checkLmdbFile(lmdb.path);
    expect(file.root.table(TABLE)?.depth).toBeGreaterThanOrEqual(3);
    expect(told(entriesOf(file))).toEqual(told(lmdb.sorted));
    expect([...file.entries('acls')]).toEqual([]);
    expect(file.get('acls', Buffer.from('a'))).toBeNull();
    expect(() => file.get('none', Buffer.from('a'))).toThrow('there is no table none');
    await lmdb.close();
  });

  test('shows a transaction as it was while the next two change what they will, and are committed', async () => {
    const lmdb = new Lmdb();
    const key = (n: number): string => `/app\0node-${n}`;
    lmdb.transaction(Array.from({ length: 3000 }, (_, n) => [key(n), Buffer.alloc(200, 1)]));
    const change = (round: number) => Array.from({ length: 600 }, (_, n) => [key(random(round * 600 + n, 3000)), n % 3 === 0 ? null : Buffer.alloc(n % 50 === 0 ? 9000 : 200, round)] as const);
    const fd = openSync(lmdb.path, 'r');
    onTestFinished(() => closeSync(fd));
    const held: { root: LmdbRoot; content: Map<string, Buffer> }[] = [];
    for (let round = 0; round < 30; round++) {
      held.push({ root: new LmdbRoot(fd), content: new Map(lmdb.content) });
      lmdb.transaction(change(round));
      if (held.length < 2) continue;
      const { root, content } = held.shift()!; // two transactions ago; nothing but its meta page has been read so far
      const wrong = [...content].filter(([k, value]) => !isSame(LmdbFile.prototype.get.call({ root }, TABLE, Buffer.from(k))?.value, value));
      expect(wrong).toEqual([]);
    }
    await lmdb.close();
  });

  test('goes on behind the last key when it is refreshed in between', async () => {
    const lmdb = new Lmdb();
    lmdb.transaction(Array.from({ length: 1000 }, (_, n) => [`/a\0${n + 1000}`, Buffer.alloc(100, 1)]));
    const file = opened(lmdb.path);
    const seen: string[] = [];
    for (const { key, value } of file.entries(TABLE)) {
      seen.push(`${key.toString('latin1')} ${value[0]}`);
      if (seen.length % 250 !== 0) continue;
      lmdb.transaction(Array.from({ length: 1000 }, (_, n) => [`/a\0${n + 1000}`, n % 2 === 0 && n >= 500 ? null : Buffer.alloc(5000, 2)]));
      file.refresh();
    }
    const after = Array.from({ length: 750 }, (_, n) => n + 1250).filter((n) => n % 2 === 1 || n < 1500);
    expect(seen).toEqual([...Array.from({ length: 250 }, (_, n) => `/a\0${n + 1000} 1`), ...after.map((n) => `/a\0${n} 2`)]);
    await lmdb.close();
  });

  test('that is closed is not read any more, nor is what is left of an iteration', async () => {
    const lmdb = new Lmdb();
    lmdb.transaction([['a', Buffer.alloc(1)], ['b', Buffer.alloc(1)]]);
    const file = opened(lmdb.path);
    const entries = file.entries(TABLE);
    entries.next();
    file.close();
    expect(() => entries.next()).toThrow('the file is closed');
    expect(() => file.get(TABLE, Buffer.from('a'))).toThrow('the file is closed');
    await lmdb.close();
  });
});

describe('a damaged LMDB file', () => {
  const key = (n: number): string => `/many\0node-${String(n).padStart(4, '0')}`;

  /** Three levels of pages, a long value, and free pages with older records. @returns its path */
  async function made(): Promise<{ path: string; content: Map<string, Buffer> }> {
    const lmdb = new Lmdb();
    const put = (n: number, length: number): readonly [string, Buffer] => [key(n), sealed(Buffer.from(key(n)), Buffer.alloc(length, n & 0xff))];
    lmdb.transaction(Array.from({ length: 150 }, (_, n) => put(n, 100)));
    lmdb.transaction([put(7, 6000), put(70, 120), put(140, 5)]);
    await lmdb.close();
    return { path: lmdb.path, content: lmdb.content };
  }

  /** Everything there is, looked up and listed; throws for what is damaged, and otherwise must be right. What a lookup does not find is proven by the list. */
  function readAll(path: string, content: ReadonlyMap<string, Buffer>): void {
    const file = LmdbFile.open(path);
    try {
      const wrong: string[] = [];
      for (const [k, value] of content) {
        const found = file.get(TABLE, Buffer.from(k));
        if (found) checked(found);
        if (!found?.value.equals(value)) wrong.push(`${k} is ${found?.value.toString('hex')}`);
      }
      const listed = Array.from(file.entries(TABLE), (entry) => {
        checked(entry);
        return entry.key.toString();
      });
      if (wrong.length > 0 || listed.length !== content.size) expect.unreachable(`${listed.length} keys, ${wrong.join()}`);
    } finally {
      file.close();
    }
  }

  test('a byte anywhere: it is read as it was, or an error says which page', { timeout: 600_000 }, async () => {
    const { path, content } = await made();
    const original = readFileSync(path);
    const step = process.env['ZK_FLIPS'] === 'all' ? 1 : 37;
    const outcomes = new Map<string, number>();
    for (let at = 0; at < original.length; at += step) {
      const damaged = Buffer.from(original);
      damaged[at] = damaged[at]! ^ (random(at, 255) + 1);
      writeFileSync(path, damaged);
      let outcome = 'as it was';
      try {
        readAll(path, content);
      } catch (error) {
        outcome = /^(meta )?pages? |^the list of free pages|^a tree of|^there is no table|^a record's checksum/.test((error as Error).message) ? 'said' : `${at}: ${(error as Error).message}`;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (at % PAGE < step) await nextTurn(); // vitest wants to hear from its worker
    }
    expect([...outcomes.keys()].sort().map((outcome) => outcome.slice(0, 200))).toEqual(['as it was', 'said']);
  });

  /** Where the pages of the table begin: its root, and the leaves below. */
  function pagesOf(path: string): { root: number; leaves: number[]; free: number[] } {
    const file = LmdbFile.open(path);
    const { root } = file;
    const tree = root.table(TABLE)!;
    const leaves: number[] = [];
    root.walk(tree, (page) => {
      if (page.isLeaf) leaves.push(page.number);
    });
    const free = Array.from({ length: root.meta.lastPage + 1 }, (_, n) => n).filter((n) => root.free.has(n));
    file.close();
    return { root: tree.root!, leaves, free };
  }

  const nodeAt = (bytes: Buffer, page: number, index: number): number => page * PAGE + HEAD + bytes.readUInt16LE(page * PAGE + HEAD + 2 * index);

  test.each<[string, RegExp, (bytes: Buffer, pages: ReturnType<typeof pagesOf>) => void]>([
    ['a long key', /page \d+ has a key of 16905 bytes/, (bytes, { leaves }) => bytes.writeUInt16LE(16_905, nodeAt(bytes, leaves[1]!, 3) + 6)],
    ['a node outside of its page', /page \d+ has its node 3 at/, (bytes, { leaves }) => bytes.writeUInt16LE(60_000, leaves[1]! * PAGE + HEAD + 6)],
    ['a value beyond its page', /page \d+ has a node of/, (bytes, { leaves }) => bytes.writeUInt32LE(5000, nodeAt(bytes, leaves[1]!, 3))],
    ['a value shorter than it is', /page \d+ has nodes of \d+ bytes where/, (bytes, { leaves }) => bytes.writeUInt32LE(50, nodeAt(bytes, leaves[1]!, 3))],
    ['flags of a node', /page \d+ has a node with the flags 4/, (bytes, { leaves }) => bytes.writeUInt16LE(4, nodeAt(bytes, leaves[1]!, 3) + 4)],
    ['another page\'s number', /page \d+ says it is another/, (bytes, { leaves }) => bytes.writeUInt32LE(1, leaves[1]! * PAGE)],
    ['a page of the future', /page \d+ was written by transaction 99/, (bytes, { leaves }) => bytes.writeUInt32LE(99, leaves[1]! * PAGE + 8)],
    ['a branch for a leaf', /page \d+ has the flags 1/, (bytes, { leaves }) => bytes.writeUInt16LE(1, leaves[1]! * PAGE + 18)],
    ['no nodes', /page \d+ has 0 nodes/, (bytes, { leaves }) => bytes.writeUInt16LE(0, leaves[1]! * PAGE + 20)],
    ['nodes behind the end', /page \d+ has its nodes between/, (bytes, { leaves }) => bytes.writeUInt16LE(PAGE, leaves[1]! * PAGE + 22)],
    ['keys out of order', /page \d+ has its key 2 out of order/, (bytes, { leaves }) => {
      const pointers = bytes.subarray(leaves[1]! * PAGE + HEAD + 2, leaves[1]! * PAGE + HEAD + 6);
      pointers.swap16().reverse();
    }],
    ['a key behind its page\'s range', /page \d+ has a key (before|behind) its range/, (bytes, { root }) => bytes.write('zz', nodeAt(bytes, root, bytes.readUInt16LE(root * PAGE + 20) / 2 - 1) + 8 + 1, 'latin1')],
    ['two ways to a page', /page \d+ (is led to twice|has a key before its range)/, (bytes, { root, leaves }) => bytes.writeUInt16LE(leaves[0]!, nodeAt(bytes, root, 1))],
    ['a way to a free page', /page \d+ is free, and something leads to it/, (bytes, { root, free }) => bytes.writeUInt16LE(free.at(-1)!, nodeAt(bytes, root, 1))],
    ['a way out of the file', /page 60000 is none of a tree's/, (bytes, { root }) => bytes.writeUInt16LE(60_000, nodeAt(bytes, root, 1))],
  ])('%s', async (_, expected, change) => {
    const { path, content } = await made();
    const bytes = readFileSync(path);
    change(bytes, pagesOf(path));
    writeFileSync(path, bytes);
    expect(() => readAll(path, content)).toThrow(expected);
    expect(() => checkLmdbFile(path)).toThrow(expected);
  });

  test.each<[string, number]>([['number', 0], ['transaction', 8], ['flags', 18], ['count', 20]])('the %s of a long value\'s first page', async (_, offset) => {
    const { path, content } = await made();
    const bytes = readFileSync(path);
    const value = content.get(key(7))!;
    const page = Math.floor(bytes.indexOf(value.subarray(0, 1000)) / PAGE);
    bytes.writeUInt8(bytes[page * PAGE + offset]! ^ 0x01, page * PAGE + offset);
    writeFileSync(path, bytes);
    const expected = new RegExp(`page \\d+ has a value in page ${page} by transaction \\d+, which is not there`);
    expect(() => readAll(path, content)).toThrow(expected);
    expect(() => checkLmdbFile(path)).toThrow(expected);
  });

  test('that is shorter than its pages', async () => {
    const { path, content } = await made();
    truncateSync(path, 5 * PAGE + 100);
    expect(() => readAll(path, content)).toThrow(/page \d+ (is behind the end of the file|has a value in page)/);
  });

  test('free pages that are in use, or twice in the list, are found before LMDB writes over them', async () => {
    const { path } = await made();
    const original = readFileSync(path);
    const { leaves, free } = pagesOf(path);
    for (const [page, expected] of [[leaves[0]!, /something leads to it/], [free[0]!, /has page \d+ twice/], [3_000_000, /has 1 from page 3000000 on/]] as const) {
      const bytes = Buffer.from(original);
      replaceFree(bytes, free.at(-1)!, page);
      writeFileSync(path, bytes);
      expect(() => checkLmdbFile(path)).toThrow(expected);
    }
  });

  /** In whatever record of the list has it. */
  function replaceFree(bytes: Buffer, page: number, by: number): void {
    const entry = Buffer.alloc(8);
    entry.writeUInt32LE(page);
    for (let at = bytes.indexOf(entry, 2 * PAGE); at >= 0; at = bytes.indexOf(entry, at + 8)) {
      if (at % PAGE >= HEAD) bytes.writeUInt32LE(by, at);
    }
  }
});
