import { KeeperError, joinPath } from '@zk/protocol';
import type { ZooKeeper } from '../client.ts';
import type { WatchListener } from '../watch-registry.ts';

/** How many reads of one walk are under way at once. */
const PIPELINED = 128;

/**
 * Calls `visit` for a znode, its children in order, then for what is below each of them (ZKUtil.visitSubTreeDFS).
 * @throws KeeperError NONODE when `path` itself is not there; children that go meanwhile are left out
 */
export async function visitSubtree(
  zk: ZooKeeper, path: string, visit: (path: string) => Promise<void> | void, watch?: WatchListener,
): Promise<void> {
  await zk.getData(path, { watch });
  await visit(path);
  await visitBelow(zk, path, visit, watch);
}

async function visitBelow(
  zk: ZooKeeper, path: string, visit: (path: string) => Promise<void> | void, watch: WatchListener | undefined,
): Promise<void> {
  const names = await childrenIfAny(zk, path, watch);
  const children = names.sort().map((name) => joinPath(path, name));
  for (const child of children) await visit(child);
  for (const child of children) await visitBelow(zk, child, visit, watch);
}

async function childrenIfAny(zk: ZooKeeper, path: string, watch: WatchListener | undefined): Promise<string[]> {
  try {
    return (await zk.getChildren(path, { watch })).children;
  } catch (error) {
    if (error instanceof KeeperError && error.code === 'NONODE') return [];
    throw error;
  }
}

/** Every path of a subtree, parents before children. */
export async function listSubtree(zk: ZooKeeper, path: string): Promise<string[]> {
  const found = [path];
  for (let at = 0; at < found.length; ) {
    const parents = found.slice(at, at + PIPELINED);
    at += parents.length;
    const replies = await Promise.all(parents.map((parent) => zk.getChildren(parent)));
    replies.forEach(({ children }, index) => {
      for (const name of children) found.push(joinPath(parents[index] as string, name));
    });
  }
  return found;
}
