import type { Outcome } from '@zk/tree';
import { STAT_LENGTH, type Replies } from '../replies.ts';
import type { Reply } from '../reply.ts';

/** The reply of a write that changed one node and answers with its Stat. */
export function respondStat(replies: Replies, xid: number, { statBytes }: Outcome): Reply {
  const reply = replies.begin(xid, STAT_LENGTH);
  statBytes?.copy(reply.bytes, reply.body);
  return reply;
}
