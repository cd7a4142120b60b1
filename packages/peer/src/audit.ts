import { OpCode, createModeOf, type ACL, type CreateMode, type Id, type SessionId, type TxnBody } from '@zk/protocol';
import type { Change } from '@zk/tree';
import type { Connection } from './connections.ts';
import { userOf } from './operations/inquiries.ts';

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

/** What a write is about, kept while it is in progress. */
export type AuditSubject = Pick<AuditEntry, 'operation' | 'znode' | 'znodeType' | 'acl'>;

const ZNODE_TYPES: Record<CreateMode['name'], string> = {
  persistent: 'persistent',
  ephemeral: 'ephemeral',
  sequential: 'persistent_sequential',
  ephemeralSequential: 'ephemeral_sequential',
  container: 'container',
  ttl: 'persistent_with_ttl',
  sequentialTtl: 'persistent_sequential_with_ttl',
};

/** Writes down who changed what; made only where somebody listens. */
export class Auditor {
  readonly #write: (entry: AuditEntry) => void;

  constructor(write: (entry: AuditEntry) => void) {
    this.#write = write;
  }

  /** A decoded write's subject, null for what is not audited. */
  subjectOf(op: number, request: unknown): AuditSubject | null {
    const { path, flags, acl } = request as { path?: string; flags?: number; acl?: ACL[] | null };
    const operation = operationOf(op);
    if (operation === null) return null;
    if (operation === 'create') return { operation, znode: path, znodeType: znodeTypeOf(flags ?? 0) };
    if (operation === 'setAcl') return { operation, znode: path, acl: aclText(acl ?? []) };
    return { operation, znode: path };
  }

  /** A client's write is through. A multi that succeeded is written down op by op. */
  finished(connection: Connection, ids: readonly Id[], subject: AuditSubject, body: TxnBody, failed: boolean, path: string | null): void {
    const who = { session: connection.session, user: ids.map(userOf).join(','), ip: connection.link.remoteAddress };
    if (body.type === OpCode.multi && !failed) {
      for (const txn of body.txns) this.#partOfMulti(who, txn);
      return;
    }
    this.#write({ ...who, ...subject, znode: path ?? subject.znode, result: failed ? 'failure' : 'success' });
  }

  /** Written down by every server. */
  sessionClosed(session: SessionId, changes: readonly Change[]): void {
    for (const { path } of changes) {
      this.#write({ session, operation: 'ephemeralZNodeDeletionOnSessionCloseOrExpire', znode: path, result: 'success' });
    }
  }

  #partOfMulti(who: Pick<AuditEntry, 'session' | 'user' | 'ip'>, txn: TxnBody): void {
    const operation = operationOf(txn.type);
    if (operation === null || !('path' in txn)) return;
    const znodeType = operation === 'create' ? createdType(txn) : undefined;
    this.#write({ ...who, operation, znode: txn.path, znodeType, result: 'success' });
  }
}

function operationOf(op: number): AuditOperation | null {
  switch (op) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      return 'create';
    case OpCode.delete:
    case OpCode.deleteContainer:
      return 'delete';
    case OpCode.setData:
      return 'setData';
    case OpCode.setACL:
      return 'setAcl';
    case OpCode.multi:
      return 'multiOperation';
    case OpCode.reconfig:
      return 'reconfig';
    default:
      return null;
  }
}

function znodeTypeOf(flags: number): string | undefined {
  const mode = createModeOf(flags);
  return mode && ZNODE_TYPES[mode.name];
}

function createdType(txn: TxnBody): string {
  if (txn.type === OpCode.createContainer) return 'container';
  if (txn.type === OpCode.createTTL) return 'persistent_with_ttl';
  return 'ephemeral' in txn && txn.ephemeral ? 'ephemeral' : 'persistent';
}

/** Entries follow each other without a separator, as in Apache's log. */
function aclText(acl: readonly ACL[]): string {
  return acl.map(({ perms, id }) => `${id.scheme}:${id.id}:${permText(perms)}`).join('');
}

function permText(perms: number): string {
  const letters = [
    ['c', 4],
    ['d', 8],
    ['r', 1],
    ['w', 2],
    ['a', 16],
  ] as const;
  return letters.map(([letter, bit]) => ((perms & bit) !== 0 ? letter : '')).join('');
}
