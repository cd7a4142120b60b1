import type { DataTree } from '@zk/tree';
import { walk } from './nodes.ts';

/** Differences up to these are left out. */
export interface Thresholds {
  readonly bytes: number;
  readonly nodes: number;
}

interface Sums {
  bytes: number;
  descendants: number;
}

/**
 * How subtrees have grown or shrunk, level by level, in the words of Apache's SnapshotComparer: bytes with everything
 * below, and the number of descendants.
 */
export function compareSizes(left: DataTree, right: DataTree, thresholds: Thresholds, line: (text: string) => void): void {
  const [one, other] = [sumsOf(left), sumsOf(right)];
  const paths = [...new Set([...one.keys(), ...other.keys()])].sort();
  const levels: string[][] = [];
  for (const path of paths) (levels[depthOf(path)] ??= []).push(path);
  line(`Printing analysis for nodes difference larger than ${thresholds.bytes} bytes or node count difference larger than ${thresholds.nodes}.`);
  levels.forEach((level, depth) => {
    line(`Analysis for depth ${depth}`);
    for (const path of level) {
      const text = lineOn(path, one.get(path), other.get(path), thresholds);
      if (text !== null) line(text);
    }
  });
  line('All layers compared.');
}

function lineOn(path: string, left: Sums | undefined, right: Sums | undefined, { bytes, nodes }: Thresholds): string | null {
  if (left !== undefined && right !== undefined) {
    const [grown, more] = [right.bytes - left.bytes, right.descendants - left.descendants];
    if (Math.abs(grown) <= bytes && Math.abs(more) <= nodes) return null;
    return `Node ${path} found in both trees. Delta: ${grown} bytes, ${more} descendants`;
  }
  const sums = left ?? right;
  if (sums === undefined || (sums.bytes <= bytes && sums.descendants <= nodes)) return null;
  return `Node ${path} found only in ${left === undefined ? 'right' : 'left'} tree. Descendant size: ${sums.bytes}. Descendant count: ${sums.descendants}`;
}

function depthOf(path: string): number {
  return path === '' ? 0 : path.split('/').length - 1;
}

function sumsOf(tree: DataTree): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  for (const { path, data } of walk(tree)) {
    const bytes = data?.length ?? 0;
    sums.set(path, { bytes, descendants: 0 });
    for (let above = path; above !== ''; ) {
      above = above.slice(0, above.lastIndexOf('/'));
      const parent = sums.get(above);
      if (parent === undefined) continue;
      parent.bytes += bytes;
      parent.descendants += 1;
    }
  }
  return sums;
}
