import { ZooKeeper } from '@zk/client';

/** One znode as a client of that server sees it, as text that can be compared and read. */
export type TreeDump = Map<string, string>;

const PIPELINED = 256;
// Each server writes these two by itself: order, mtime and mzxid of the config differ (quorum.md T39).
const LOCAL = new Set(['/zookeeper/config']);

/**
 * Every znode of one server with data, ACL and stat. The reader must be allowed to read them all; it first syncs, so
 * that it sees what was acknowledged before.
 */
export async function dumpTree(server: string): Promise<TreeDump> {
  const zk = await ZooKeeper.connect(server, { sessionTimeoutMs: 30_000 });
  try {
    await zk.sync('/');
    const dump: TreeDump = new Map();
    const wanted = ['/'];
    const visit = async (path: string): Promise<void> => {
      const [{ data, stat }, { acl }] = await Promise.all([zk.getData(path), zk.getAcl(path)]);
      if (!LOCAL.has(path)) {
        const facts = { data: data?.toString('base64') ?? null, acl, stat };
        dump.set(path, JSON.stringify(facts, (_key, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value)));
      }
      if (stat.numChildren === 0) return;
      for (const child of (await zk.getChildren(path)).children) wanted.push(path === '/' ? `/${child}` : `${path}/${child}`);
    };
    while (wanted.length > 0) await Promise.all(wanted.splice(0, PIPELINED).map(visit));
    return dump;
  } finally {
    await zk.close();
  }
}

/** Lines that say where the trees differ; none when they are equal, node by node, ACLs and stats included. */
export function treeDifferences(trees: ReadonlyMap<string, TreeDump>): string[] {
  const paths = new Set([...trees.values()].flatMap((tree) => [...tree.keys()]));
  const differences: string[] = [];
  for (const path of paths) {
    const seen = new Set([...trees.values()].map((tree) => tree.get(path)));
    if (seen.size === 1) continue;
    differences.push(...[...trees].map(([server, tree]) => `${server} ${path} ${tree.get(path) ?? 'missing'}`));
  }
  return differences;
}
