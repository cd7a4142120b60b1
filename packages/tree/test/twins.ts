import fc from 'fast-check';
import { expect } from 'vitest';
import { asSessionId, encodeImage, type Txn } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { treeFacts } from './model.ts';
import { options } from './txns.ts';

/** What there is at first: histories create and delete below /a and /b. */
export const FIRST = [
  '/a', '/a/x', '/a/x/p', '/a/y', '/b', '/b/é', '/b/é/中', '/c', '/c/one', '/c/one/below', '/c/two',
  '/zookeeper/quota/a', '/zookeeper/quota/a/zookeeper_limits', '/zookeeper/quota/a/zookeeper_stats',
];

/** What is asked for: some that are there, some that never are, some that are no paths. */
const PATHS = [
  '/', '/a', '/b', '/a/x', '/a/y', '/a/x/p', '/b/é', '/b/é/中', '/none', '/a/none', '/a/none/below', '/c', '/c/one/below', '/c/three',
  '/zookeeper', '/zookeeper/quota', '/zookeeper/quota/a/zookeeper_stats', 'none', '//', '/a/',
];

/** What may happen to both trees, or be asked of both. */
export type SharedStep =
  | { kind: 'apply' | 'read'; count: number }
  | { kind: 'look' | 'list' | 'count'; path: string }
  | { kind: 'sums' | 'image' | 'lookAtAll' };

export const applying = fc.record({ kind: fc.constant('apply' as const), count: fc.nat(4) });
export const reading = fc.record({ kind: fc.constant('read' as const), count: fc.nat(3) });
export const askingForOne = fc.record({ kind: fc.constantFrom('look' as const, 'list' as const, 'count' as const), path: fc.constantFrom(...PATHS) });
export const askingForAll = fc.record({ kind: fc.constantFrom('sums' as const, 'sums' as const, 'image' as const, 'lookAtAll' as const) });

/** Two trees that live through the same txns and must not be told apart: one holds everything, the other does not. */
export class Twins {
  readonly whole: DataTree;
  partial: DataTree;
  readonly #txns: readonly Txn[];
  #applied: number;

  /** @param applied how many of the txns both have seen already */
  constructor(txns: readonly Txn[], applied: number, whole: DataTree, partial: DataTree) {
    this.#txns = txns;
    this.#applied = applied;
    this.whole = whole;
    this.partial = partial;
  }

  same(of: (tree: DataTree) => unknown): void {
    expect(of(this.partial)).toEqual(of(this.whole));
  }

  apply(count: number): void {
    for (let n = 0; n < count && this.#applied < this.#txns.length; n++) {
      const txn = this.#txns[this.#applied++]!;
      this.same((tree) => tree.apply(txn));
    }
  }

  take(step: SharedStep): void {
    switch (step.kind) {
      case 'apply': return this.apply(step.count);
      case 'read': return this.partial.readMore(step.count);
      case 'look': return this.same((tree) => looked(tree, step.path));
      case 'list': return this.same((tree) => tree.children(step.path).sort());
      case 'count': return this.same((tree) => tree.allChildrenNumber(step.path));
      case 'lookAtAll': return PATHS.forEach((path) => this.same((tree) => looked(tree, path)));
      case 'image': return this.same(imageFacts);
      case 'sums': return this.#sameSums();
    }
  }

  #sameSums(): void {
    this.same(sums);
    if (!this.partial.isReading) this.same(aclLists); // until then it has those of its image
  }
}

/** Everything that can be asked about one path. */
function looked(tree: DataTree, path: string): object | null {
  const node = tree.node(path);
  if (!node) return null;
  expect(tree.nodeAt(Buffer.from(path))?.path).toBe(node.path);
  return { path: node.path, data: node.data?.toString('hex'), acl: node.acl, stat: node.stat(), persisted: node.persisted(), kind: node.kind, ttlMs: node.ttlMs };
}

function sums(tree: DataTree): object {
  const { digest, nodeCount, ephemeralCount, approximateDataSize, lastZxid, fuzzy } = tree;
  const ephemerals = [1n, 2n, 3n].map((id) => [...tree.ephemeralsOf(asSessionId(id))].sort());
  const owned = [[...tree.containers()].sort(), [...tree.ttls()].sort(), [...tree.ephemeralOwners()].sort()];
  return { digest, nodeCount, ephemeralCount, approximateDataSize, lastZxid, fuzzy, ephemerals, owned, sessions: [...tree.sessions].sort(), quotas: tree.quotas() };
}

function aclLists(tree: DataTree): string[] {
  return [...tree.image().acls].map(({ acl }) => JSON.stringify(acl)).sort();
}

/** The image that a learner would be sent, by what it makes of it. */
function imageFacts(tree: DataTree): object {
  expect([...encodeImage(tree.image())].length).toBeGreaterThan(0);
  return treeFacts(DataTree.fromImage(tree.image(), options));
}
