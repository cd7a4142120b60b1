import type { Reader } from '@zk/jute';
import type { ACL, Id, SessionId } from '@zk/protocol';
import type { DataTree, Watches } from '@zk/tree';
import type { Connection } from '../connections.ts';
import type { Replies } from '../replies.ts';
import type { Reply } from '../reply.ts';

/** What a read may look at. One per pipeline; the fields that change belong to the request being answered. */
export interface ReadContext {
  readonly tree: DataTree;
  readonly replies: Replies;
  readonly watches: Watches<Connection>;
  readonly connection: Connection;
  readonly session: SessionId;
  /** As they were when the request was received. */
  readonly ids: readonly Id[];
  /** Any one of the bits in `perm` suffices. */
  allows(acl: readonly ACL[], perm: number): boolean;
  /** What of an ACL the asking client may see. */
  visible(acl: readonly ACL[]): ACL[];
}

/**
 * Answers a request that changes nothing: the whole reply.
 * @throws KeeperError and JuteError, which become the reply's err
 */
export type ReadOperation = (request: Reader, xid: number, context: ReadContext) => Reply;
