import { asZxid, type Image, type ImageNode } from '@zk/protocol';

const OPEN_ACL_ID = -1n;
const READ_ACL_ID = 1n;
const READ_PERMISSION = 1;

/**
 * The four znodes of a database that nobody has written to (storage.md 3.2): its snapshot.0 has to exist before the
 * first txn, for logs without any snapshot are refused at the next start.
 */
export function emptyImage(): Image {
  return {
    zxid: asZxid(0n),
    sessions: [],
    acls: [{ id: READ_ACL_ID, acl: [{ perms: READ_PERMISSION, id: { scheme: 'world', id: 'anyone' } }] }],
    nodes: [node(''), node('/zookeeper'), node('/zookeeper/config', READ_ACL_ID, -1), node('/zookeeper/quota')],
  };
}

function node(path: string, aclId = OPEN_ACL_ID, aversion = 0): ImageNode {
  const stat = {
    czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n,
    version: 0, cversion: 0, aversion,
    ephemeralOwner: 0n, pzxid: 0n,
  };
  return { path, data: Buffer.alloc(0), aclId, stat };
}
