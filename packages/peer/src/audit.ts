import type { SessionId } from '@zk/protocol';

/** One line of the audit log, in the order of its fields (operations.md 11); absent ones are left out of the line. */
export interface AuditEntry {
  readonly session?: SessionId;
  /** Names of all ids of the connection, comma-joined; absent: the user the server runs as. */
  readonly user?: string;
  readonly ip?: string;
  readonly operation: AuditOperation;
  readonly znode?: string;
  readonly znodeType?: string;
  /** setAcl only. */
  readonly acl?: string;
  readonly result: 'success' | 'failure' | 'invoked';
}

export type AuditOperation =
  | 'serverStart'
  | 'serverStop'
  | 'create'
  | 'delete'
  | 'setData'
  | 'setAcl'
  | 'multiOperation'
  | 'reconfig'
  | 'ephemeralZNodeDeletionOnSessionCloseOrExpire';
