import { JuteError, type Reader, type Writer } from '@zk/jute';
import { ErrorCode, MultiHeader, OpCode, Perms } from '@zk/protocol';
import { STAT_LENGTH } from '../replies.ts';
import { writeChildren } from './get-children.ts';
import { writeError } from './multi.ts';
import type { ReadContext, ReadOperation } from './read-operation.ts';

const END = { type: -1, done: true, err: -1 } as const;

interface OneRead {
  readonly type: number;
  readonly path: string;
}

/** Each op succeeds or fails on its own; the watch flags are ignored (client.md 2.9). */
export const multiRead: ReadOperation = (request, xid, context) => {
  const reads = decodeReads(request);
  const body = context.replies.body();
  for (const each of reads ?? []) answerOne(body, each, context);
  MultiHeader.write(body, END);
  const frame = context.replies.finish(xid);
  // One of Apache's oddities: an undecodable list is refused with a body, the lone end marker.
  if (!reads) frame.writeInt32BE(ErrorCode.MARSHALLINGERROR, 16);
  return frame;
};

function decodeReads(request: Reader): OneRead[] | null {
  const reads: OneRead[] = [];
  try {
    for (let header = MultiHeader.read(request); !header.done; header = MultiHeader.read(request)) {
      if (header.type !== OpCode.getChildren && header.type !== OpCode.getData) return null;
      reads.push({ type: header.type, path: request.string() });
      request.bool(); // watch
    }
    return reads;
  } catch (error) {
    if (error instanceof JuteError) return null;
    throw error;
  }
}

function answerOne(body: Writer, { type, path }: OneRead, context: ReadContext): void {
  const { tree } = context;
  const node = tree.node(path);
  if (!node) return writeError(body, ErrorCode.NONODE);
  if (!context.allows(node.acl, Perms.READ)) return writeError(body, ErrorCode.NOAUTH);
  MultiHeader.write(body, { type, done: false, err: 0 });
  if (type === OpCode.getChildren) return writeChildren(body, tree, node, path);
  body.buffer(node.data);
  const stat = Buffer.allocUnsafe(STAT_LENGTH);
  node.copyStat(stat, 0);
  body.raw(stat);
}
