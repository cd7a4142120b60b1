import { bool, buffer, int, long, nullable, record, ustring, vector } from '@zk/jute';
import type { Infer } from '@zk/jute';
import { sessionId, zxid } from '../zxid.ts';
import { ACL } from './data.ts';

/** At the beginning of every log and snapshot (module persistence). */
export const FileHeader = record('FileHeader', { magic: int, version: int, dbid: long });
export type FileHeader = Infer<typeof FileHeader>;

/** The digest of the whole tree after a txn; behind the body, if its leader keeps digests. */
export const TxnDigest = record('TxnDigest', { version: int, treeDigest: long });
export type TxnDigest = Infer<typeof TxnDigest>;

export const TxnHeader = record('TxnHeader', {
  clientId: sessionId,
  cxid: int, // the xid of the request
  zxid,
  time: long, // ms since 1970 on the leader's clock
  type: int, // opcode
});
export type TxnHeader = Infer<typeof TxnHeader>;

/** Before 3.4. */
export const CreateTxnV0 = record('CreateTxnV0', { path: ustring, data: buffer, acl: nullable(vector(ACL)), ephemeral: bool });
export type CreateTxnV0 = Infer<typeof CreateTxnV0>;

export const CreateTxn = record('CreateTxn', {
  path: ustring,
  data: buffer,
  acl: nullable(vector(ACL)),
  ephemeral: bool,
  parentCVersion: int, // of the parent after the txn; −1: one more than it is
});
export type CreateTxn = Infer<typeof CreateTxn>;

export const CreateTTLTxn = record('CreateTTLTxn', {
  path: ustring,
  data: buffer,
  acl: nullable(vector(ACL)),
  parentCVersion: int,
  ttl: long, // ms
});
export type CreateTTLTxn = Infer<typeof CreateTTLTxn>;

export const CreateContainerTxn = record('CreateContainerTxn', {
  path: ustring,
  data: buffer,
  acl: nullable(vector(ACL)),
  parentCVersion: int,
});
export type CreateContainerTxn = Infer<typeof CreateContainerTxn>;

export const DeleteTxn = record('DeleteTxn', { path: ustring });
export type DeleteTxn = Infer<typeof DeleteTxn>;

/** `version` is the new one. Also the body of reconfig. */
export const SetDataTxn = record('SetDataTxn', { path: ustring, data: buffer, version: int });
export type SetDataTxn = Infer<typeof SetDataTxn>;

export const CheckVersionTxn = record('CheckVersionTxn', { path: ustring, version: int });
export type CheckVersionTxn = Infer<typeof CheckVersionTxn>;

export const SetACLTxn = record('SetACLTxn', { path: ustring, acl: nullable(vector(ACL)), version: int });
export type SetACLTxn = Infer<typeof SetACLTxn>;

/** Declared by Apache and never written. */
export const SetMaxChildrenTxn = record('SetMaxChildrenTxn', { path: ustring, max: int });
export type SetMaxChildrenTxn = Infer<typeof SetMaxChildrenTxn>;

export const CreateSessionTxn = record('CreateSessionTxn', { timeOut: int }); // ms
export type CreateSessionTxn = Infer<typeof CreateSessionTxn>;

export const CloseSessionTxn = record('CloseSessionTxn', { paths2Delete: vector(ustring) });
export type CloseSessionTxn = Infer<typeof CloseSessionTxn>;

export const ErrorTxn = record('ErrorTxn', { err: int });
export type ErrorTxn = Infer<typeof ErrorTxn>;

/** One operation of a multi; Apache calls the record Txn, a name that txn.ts needs for the whole. */
export const MultiTxnItem = record('Txn', { type: int, data: buffer });
export type MultiTxnItem = Infer<typeof MultiTxnItem>;

export const MultiTxn = record('MultiTxn', { txns: vector(MultiTxnItem) });
export type MultiTxn = Infer<typeof MultiTxn>;
