import { ErrorCode, Perms } from '@zk/protocol';
import { REPLY_HEADER_END, STAT_LENGTH } from '../replies.ts';
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
  const { data } = node;
  const length = data?.length ?? 0;
  const frame = replies.begin(xid, 4 + length + STAT_LENGTH);
  frame.writeInt32BE(data ? length : -1, REPLY_HEADER_END);
  data?.copy(frame, REPLY_HEADER_END + 4);
  node.copyStat(frame, REPLY_HEADER_END + 4 + length);
  return frame;
};
