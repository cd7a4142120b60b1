import { ErrorCode, KeeperError, Perms } from '@zk/protocol';
import { readNode, stringAt } from './lookup.ts';
import type { ReadOperation } from './read-operation.ts';

/** The watch is set even when the node is missing: it fires when it appears (client.md 2.10). */
export const exists: ReadOperation = (request, xid, context) => {
  const at = request.offset;
  const node = readNode(request, context.tree);
  const watch = request.bool();
  if (node && !context.allows(node.acl, Perms.READ)) return context.replies.header(xid, ErrorCode.NOAUTH);
  if (!node || watch) {
    const path = stringAt(request, at);
    if (path.includes('\0')) throw new KeeperError('BADARGUMENTS', path);
    if (watch) context.watches.add(path, 'data', context.connection, 'standard');
  }
  return node ? context.replies.stat(xid, node) : context.replies.header(xid, ErrorCode.NONODE);
};
