import type { Writer } from '@zk/jute';
import { ErrorCode, Perms } from '@zk/protocol';
import type { DataTree, Znode } from '@zk/tree';
import { STAT_LENGTH } from '../replies.ts';
import type { Reply } from '../reply.ts';
import type { ReadContext, ReadOperation } from './read-operation.ts';

export const getChildren: ReadOperation = (request, xid, context) => answer(request.string(), request.bool(), xid, context, false);

export const getChildren2: ReadOperation = (request, xid, context) => answer(request.string(), request.bool(), xid, context, true);

function answer(path: string, watch: boolean, xid: number, context: ReadContext, withStat: boolean): Reply {
  const { tree, replies, watches, connection } = context;
  const node = tree.node(path);
  if (!node) return replies.header(xid, ErrorCode.NONODE);
  if (!context.allows(node.acl, Perms.READ)) return replies.header(xid, ErrorCode.NOAUTH);
  if (watch) watches.add(path, 'child', connection, 'standard');
  const body = replies.body();
  writeChildren(body, tree, node, path);
  if (!withStat) return replies.finish(xid);
  const reply = replies.finish(xid, STAT_LENGTH);
  node.copyStat(reply.view, reply.end - STAT_LENGTH);
  return reply;
}

export function writeChildren(body: Writer, tree: DataTree, node: Znode, path: string): void {
  body.int(node.numChildren);
  for (const name of tree.children(path)) body.ustring(name);
}
