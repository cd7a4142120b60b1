import { ErrorCode, Perms } from '@zk/protocol';
import { STAT_LENGTH } from '../replies.ts';
import { readNode, stringAt } from './lookup.ts';
import type { ReadOperation } from './read-operation.ts';

export const getData: ReadOperation = (request, xid, context) => {
  const { replies } = context;
  const at = request.offset;
  const node = readNode(request, context.tree);
  const watch = request.bool();
  if (!node) return replies.header(xid, ErrorCode.NONODE);
  if (!context.allows(node.acl, Perms.READ)) return replies.header(xid, ErrorCode.NOAUTH);
  if (watch) context.watches.add(stringAt(request, at), 'data', context.connection, 'standard');
  const length = node.dataLength;
  const reply = replies.begin(xid, 4 + length + STAT_LENGTH);
  const { bytes, view, body } = reply;
  view.setInt32(body, node.hasData ? length : -1);
  node.copyData(bytes, body + 4);
  node.copyStat(view, body + 4 + length);
  return reply;
};
