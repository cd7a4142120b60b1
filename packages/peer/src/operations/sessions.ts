import { OpCode, parentOf, type SessionId, type TxnBody } from '@zk/protocol';
import type { Outstanding } from '../outstanding.ts';

/**
 * A session's end: its ephemerals go with it in one txn, those whose create is still outstanding included (client.md 5.4).
 * `withPaths`: whether they are listed in the txn, which servers before 3.6 did not.
 */
export function prepareCloseSession(session: SessionId, pending: Outstanding, withPaths: boolean): TxnBody {
  const paths = pending.ephemeralsOf(session);
  for (const path of paths) {
    const node = pending.find(path);
    const parent = pending.find(parentOf(path));
    if (node && parent) pending.remove(parent, node);
  }
  return { type: OpCode.closeSession, paths: withPaths ? paths : null };
}
