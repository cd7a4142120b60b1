import { asZxid, type Image, type ImageNode } from '@zk/protocol';

/** What each znode of the trees of bench/checkpoint.ts and bench/start.ts holds. */
export const DATA_BYTES = 100;
export const CHILDREN_PER_ZNODE = 1000;

/** The path of one of the znodes of {@link treeOf}. */
export const pathOf = (index: number): string => `/app/g${Math.floor(index / CHILDREN_PER_ZNODE)}/node-${String(index).padStart(9, '0')}`;

/** A tree of so many znodes in directories of {@link CHILDREN_PER_ZNODE}, before any txn. Made while it is iterated. */
export function treeOf(znodes: number): Image {
  return { zxid: asZxid(0n), sessions: [], acls: [], nodes: { [Symbol.iterator]: () => nodesOf(znodes) }, digest: undefined };
}

function* nodesOf(znodes: number): Generator<ImageNode> {
  const data = Buffer.alloc(DATA_BYTES, 1);
  const groups = Math.ceil(znodes / CHILDREN_PER_ZNODE);
  for (const [path, children] of [['', 2], ['/zookeeper', 2], ['/zookeeper/quota', 0], ['/zookeeper/config', 0], ['/app', groups]] as const) {
    yield node(path, null, children);
  }
  for (let index = 0; index < znodes; index++) {
    if (index % CHILDREN_PER_ZNODE === 0) yield node(`/app/g${index / CHILDREN_PER_ZNODE}`, null, CHILDREN_PER_ZNODE);
    yield node(pathOf(index), data, 0);
  }
}

function node(path: string, data: Buffer | null, cversion: number): ImageNode {
  const time = 1_700_000_000_000n;
  const stat = { czxid: 0n, mzxid: 0n, ctime: time, mtime: time, version: 0, cversion, aversion: 0, ephemeralOwner: 0n, pzxid: 0n };
  return { path, data, aclId: -1n, stat };
}
