import { JuteError, type Reader, type Writer } from '@zk/jute';
import { ErrorCode, MultiHeader, OpCode, Perms } from '@zk/protocol';
import { writeChildren } from './get-children.ts';
import { readOp, writeError } from './multi.ts';
import type { ReadContext, ReadOperation } from './read-operation.ts';

const END = { type: -1, done: true, err: -1 } as const;

interface OneRead {
  readonly type: number;
  readonly path: string | null;
}

/**
 * Each op succeeds or fails on its own; the watch flags are ignored (client.md 2.9). What Apache only finds out while
 * it answers, a list of writes or a null path, is refused behind a body with the results until then.
 */
export const multiRead: ReadOperation = (request, xid, context) => {
  const reads = decodeReads(request);
  const body = context.replies.body();
  const refused = reads === 'writes' || !reads.every((each) => answerOne(body, each, context));
  MultiHeader.write(body, END);
  const reply = context.replies.finish(xid);
  if (refused) reply.view.setInt32(reply.start + 16, ErrorCode.MARSHALLINGERROR);
  return reply;
};

/** @throws JuteError for a list of reads and writes, which is refused without a body */
function decodeReads(request: Reader): OneRead[] | 'writes' {
  const reads: OneRead[] = [];
  let writes = 0;
  for (let header = MultiHeader.read(request); !header.done; header = MultiHeader.read(request)) {
    if (header.type === OpCode.getChildren || header.type === OpCode.getData) {
      reads.push({ type: header.type, path: request.ustring() });
      request.bool(); // watch
    } else {
      readOp(header.type, request);
      writes++;
    }
    if (writes > 0 && reads.length > 0) throw new JuteError('MultiReadRequest', 'mixes reads and writes');
  }
  return writes > 0 ? 'writes' : reads;
}

/** False where nothing can be answered. */
function answerOne(body: Writer, { type, path }: OneRead, context: ReadContext): boolean {
  if (path === null) return false;
  writeAnswer(body, type, path, context);
  return true;
}

function writeAnswer(body: Writer, type: number, path: string, context: ReadContext): void {
  const { tree } = context;
  const node = tree.node(path);
  if (!node) return writeError(body, ErrorCode.NONODE);
  if (!context.allows(node.acl, Perms.READ)) return writeError(body, ErrorCode.NOAUTH);
  MultiHeader.write(body, { type, done: false, err: 0 });
  if (type === OpCode.getChildren) return writeChildren(body, tree, node, path);
  body.buffer(node.data);
  body.raw(node.statBytes());
}
