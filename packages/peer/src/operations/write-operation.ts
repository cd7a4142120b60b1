import type { Reader } from '@zk/jute';
import { type ACL, type Id, type SessionId, type TxnBody } from '@zk/protocol';
import type { Outcome } from '@zk/tree';
import type { PeerConfig } from '../config.ts';
import type { Outstanding, PendingNode } from '../outstanding.ts';
import type { Replies } from '../replies.ts';
import type { Reply } from '../reply.ts';

/** What a write may look at while it is turned into a txn: the tree as it will be, and who is asking. */
export interface WriteContext {
  readonly config: PeerConfig;
  readonly pending: Outstanding;
  readonly session: SessionId;
  /** The asking connection's auth ids; null where the server itself asks. */
  readonly ids: readonly Id[] | null;
  /** @throws KeeperError SESSIONEXPIRED, UNKNOWNSESSION, SESSIONMOVED */
  requireSession(): void;
  /** As requireSession, and not a local one: ephemerals need a session that every server knows. */
  requireGlobalSession(): void;
  /** Any one of the bits in `perm` suffices. @throws KeeperError NOAUTH */
  requirePermission(node: PendingNode, perm: number): void;
  /** The ACL as it is stored (client.md 6.5). @throws KeeperError INVALIDACL */
  fixAcl(acl: readonly ACL[] | null): ACL[];
  /** @throws KeeperError QUOTAEXCEEDED */
  requireQuota(path: string, bytes: number, nodes: number): void;
}

/** One kind of write: how its request looks, what is checked and in which order, the txn, and the reply. */
export interface WriteOperation<Request> {
  readonly request: { read(reader: Reader): Request };
  /** On the leader, against the pending state. Changes `context.pending` only after the last check. */
  prepare(request: Request, context: WriteContext): TxnBody;
  /** On the server the client is connected to, right after `txn` was applied without error. */
  respond(replies: Replies, xid: number, outcome: Outcome, txn: TxnBody): Reply;
}
