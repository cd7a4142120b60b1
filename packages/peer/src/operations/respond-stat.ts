import type { Outcome } from '@zk/tree';
import { REPLY_HEADER_END, STAT_LENGTH, type Replies } from '../replies.ts';

/** The reply of a write that changed one node and answers with its Stat. */
export function respondStat(replies: Replies, xid: number, { statBytes }: Outcome): Buffer {
  const frame = replies.begin(xid, STAT_LENGTH);
  statBytes?.copy(frame, REPLY_HEADER_END);
  return frame;
}
