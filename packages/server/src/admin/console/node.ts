import type { AccessControl } from '@zk/peer';
import { hex, KeeperError, Perms, type ACL } from '@zk/protocol';
import type { DataTree, Znode } from '@zk/tree';
import type { Visitor } from './credentials.ts';
import type { Plain } from './plain.ts';

/** More children are not listed: it would keep the server from its work. */
const MOST_CHILDREN = 10_000;

/** A znode as the tree browser shows it. What its ACL hides from this visitor is `null`. */
export function reportNode(tree: DataTree, path: string, access: AccessControl, { ids }: Visitor): Plain {
  const node = tree.node(path);
  if (node === undefined) throw new KeeperError('NONODE', path);
  const readable = access.allows(node.acl, Perms.READ, ids);
  return {
    path,
    readable,
    stat: statOf(node),
    acl: access.allows(node.acl, Perms.READ | Perms.ADMIN, ids) ? access.visible(node.acl, ids).map(plainAcl) : null,
    data: readable ? (node.data?.toString('base64') ?? '') : null,
    isNull: node.data === null,
    children: readable && node.numChildren <= MOST_CHILDREN ? childrenOf(tree, path) : null,
  };
}

function statOf(node: Znode): Plain {
  const { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, dataLength, numChildren } = node.stat();
  return {
    czxid: hex(czxid),
    mzxid: hex(mzxid),
    pzxid: hex(pzxid),
    ctime: Number(ctime),
    mtime: Number(mtime),
    version,
    cversion,
    aversion,
    ephemeralOwner: hex(ephemeralOwner),
    dataLength,
    numChildren,
    kind: node.kind,
    ttlMs: node.ttlMs,
  };
}

function childrenOf(tree: DataTree, path: string): Plain {
  const names = tree.children(path).sort();
  return names.map((name) => {
    const child = tree.node(path === '/' ? `/${name}` : `${path}/${name}`);
    return { name, numChildren: child?.numChildren ?? 0, kind: child?.kind ?? 'persistent' };
  });
}

const LETTERS: readonly (readonly [perm: number, letter: string])[] = [
  [Perms.CREATE, 'c'],
  [Perms.DELETE, 'd'],
  [Perms.READ, 'r'],
  [Perms.WRITE, 'w'],
  [Perms.ADMIN, 'a'],
];

/** `cdrwa`, as zkCli writes it. */
function plainAcl({ perms, id: { scheme, id } }: ACL): Plain {
  return { scheme, id, perms: LETTERS.filter(([perm]) => (perms & perm) !== 0).map(([, letter]) => letter).join('') };
}
