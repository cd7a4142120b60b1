import { ErrorCode, GetACLResponse, Perms } from '@zk/protocol';
import type { ReadOperation } from './read-operation.ts';

/** READ or ADMIN will do; without ADMIN digests are hidden (client.md 2.10). */
export const getAcl: ReadOperation = (request, xid, context) => {
  const node = context.tree.node(request.string());
  if (!node) return context.replies.header(xid, ErrorCode.NONODE);
  if (!context.allows(node.acl, Perms.READ | Perms.ADMIN)) return context.replies.header(xid, ErrorCode.NOAUTH);
  return context.replies.record(xid, GetACLResponse, { acl: context.visible(node.acl), stat: node.stat() });
};
