import { expect, test } from 'vitest';
import { hashPath, PathIndex } from '../src/path-index.ts';

/** Paths in a list, found by an index that is told their hashes. */
class Paths {
  readonly #paths: Buffer[] = [];
  readonly #hash: (path: Buffer) => number;
  readonly #index: PathIndex;

  constructor(hash = (path: Buffer): number => hashPath(path, 0, path.length)) {
    this.#hash = hash;
    const hashOf = (id: number): number => hash(this.#paths[id]!);
    const hasPath = (id: number, path: Buffer, start: number, end: number): boolean => this.#paths[id]!.equals(path.subarray(start, end));
    this.#index = new PathIndex({ hashOf, hasPath });
  }

  add(path: string): void {
    this.#index.add(this.#paths.push(Buffer.from(path)) - 1);
  }

  remove(path: string): void {
    this.#index.remove(this.#find(path));
  }

  has(path: string): boolean {
    return this.#find(path) !== -1;
  }

  #find(path: string): number {
    const bytes = Buffer.from(path);
    return this.#index.find(bytes, 0, bytes.length, this.#hash(bytes));
  }
}

test.each([
  ['spread over all bits', undefined, 50_000],
  ['alike in their first bits', (path: Buffer): number => hashPath(path, 0, path.length) & 0x3fff, 10_000],
  ['alike in their last bits', (path: Buffer): number => hashPath(path, 0, path.length) & ~0xfff, 5_000],
  ['all the same', (): number => -7, 3_200],
])('paths whose hashes are %s are found while the index grows, and no longer when they are removed', (_, hash, count) => {
  const paths = new Paths(hash);
  const names = Array.from({ length: count }, (_, i) => `/app/znode-${i}`);
  for (const name of names) paths.add(name);
  expect(names.filter((name) => !paths.has(name))).toEqual([]);
  const [odd, even] = [1, 0].map((rest) => names.filter((_, i) => i % 2 === rest)) as [string[], string[]];
  for (const name of odd) paths.remove(name);
  expect(odd.filter((name) => paths.has(name))).toEqual([]);
  expect(even.filter((name) => !paths.has(name))).toEqual([]);
});
