import { DeleteRequest, KeeperError, OpCode, Perms, parentOf, validateLoosely, type TxnBody } from '@zk/protocol';
import type { PendingNode } from '../outstanding.ts';
import { requireVersion } from './version.ts';
import type { WriteContext, WriteOperation } from './write-operation.ts';

export const deleteNode: WriteOperation<DeleteRequest> = {
  request: DeleteRequest,
  prepare({ path, version }, context) {
    context.requireSession();
    const parentPath = deletableParent(path);
    const parent = context.pending.require(parentPath);
    context.requirePermission(parent, Perms.DELETE);
    const node = context.pending.require(path);
    requireVersion(node, version, node.version);
    requireChildless(node);
    context.pending.remove(parent, node);
    return { type: OpCode.delete, path };
  },
  respond: (replies, xid) => replies.header(xid),
};

/** An idle container's or an expired TTL node's end, asked for by the server itself (client.md 2.7). */
export function prepareDeleteContainer(path: string, context: WriteContext): TxnBody {
  const parentPath = deletableParent(path);
  const node = context.pending.require(path);
  requireChildless(node);
  if (node.ephemeral) throw new KeeperError('BADVERSION', path);
  context.pending.remove(context.pending.require(parentPath), node);
  return { type: OpCode.deleteContainer, path };
}

/** The nodes every tree has. */
export const SPECIAL_PATHS: ReadonlySet<string> = new Set(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);

function deletableParent(path: string): string {
  validateLoosely(path);
  if (SPECIAL_PATHS.has(path)) throw new KeeperError('BADARGUMENTS', path);
  return parentOf(path);
}

function requireChildless(node: PendingNode): void {
  if (node.numChildren > 0) throw new KeeperError('NOTEMPTY', node.path);
}
