import { JuteError, Reader, Writer } from '@zk/jute';
import { OpCode, opName } from './opcodes.ts';
import { OPEN_ACL } from './perms.ts';
import type { ACL } from './records/data.ts';
import {
  CheckVersionTxn, CloseSessionTxn, CreateContainerTxn, CreateSessionTxn, CreateTTLTxn, CreateTxn, CreateTxnV0,
  DeleteTxn, ErrorTxn, MultiTxn, SetACLTxn, SetDataTxn, TxnDigest, TxnHeader,
} from './records/txn.ts';
import type { Zxid } from './zxid.ts';

type Op = typeof OpCode;

/** What a txn does, told apart by its type. Versions are those after the txn, paths are final. */
export type TxnBody =
  | { type: Op['create'] | Op['create2']; path: string; data: Buffer | null; acl: ACL[]; ephemeral: boolean; parentCVersion: number }
  | { type: Op['createContainer']; path: string; data: Buffer | null; acl: ACL[]; parentCVersion: number }
  | { type: Op['createTTL']; path: string; data: Buffer | null; acl: ACL[]; parentCVersion: number; ttl: bigint }
  | { type: Op['delete'] | Op['deleteContainer']; path: string }
  | { type: Op['setData'] | Op['reconfig']; path: string; data: Buffer | null; version: number }
  | { type: Op['setACL']; path: string; acl: ACL[]; version: number }
  | { type: Op['check']; path: string; version: number }
  | { type: Op['createSession']; timeOut: number }
  | { type: Op['closeSession']; paths: string[] | null } // null: no list was written; the tree knows what the session owns
  | { type: Op['error']; err: number }
  | { type: Op['multi']; txns: TxnBody[] }; // with one error among them, none is applied

/** One entry of the log, one PROPOSAL. Buffers in a decoded txn are views of the bytes it was decoded from. */
export interface Txn {
  header: TxnHeader;
  body: TxnBody;
  digest: TxnDigest | null;
}

/** A txn as it lies in the log and goes to the learners; nobody changes the bytes. */
export interface LoggedTxn {
  readonly zxid: Zxid;
  readonly bytes: Buffer;
}

/** A txn together with its bytes. */
export interface Proposal extends LoggedTxn {
  readonly txn: Txn;
}

export function proposalOf(txn: Txn): Proposal {
  return { zxid: txn.header.zxid, txn, bytes: encodeTxn(txn) };
}

/** Owns a copy of `bytes`. Throws {@link JuteError}. */
export function parseProposal(bytes: Buffer): Proposal {
  const own = Buffer.from(bytes);
  const txn = decodeTxn(own);
  return { zxid: txn.header.zxid, txn, bytes: own };
}

const scratch = new Writer(1024);

/** Header, body and digest, as in PROPOSAL, INFORM and the log. */
export function encodeTxn(txn: Txn): Buffer {
  scratch.reset();
  TxnHeader.write(scratch, txn.header);
  writeBody(scratch, txn.body);
  if (txn.digest !== null) TxnDigest.write(scratch, txn.digest);
  return scratch.finish();
}

function writeBody(writer: Writer, body: TxnBody): void {
  switch (body.type) {
    case OpCode.create:
    case OpCode.create2: return CreateTxn.write(writer, body);
    case OpCode.createContainer: return CreateContainerTxn.write(writer, body);
    case OpCode.createTTL: return CreateTTLTxn.write(writer, body);
    case OpCode.delete:
    case OpCode.deleteContainer: return DeleteTxn.write(writer, body);
    case OpCode.setData:
    case OpCode.reconfig: return SetDataTxn.write(writer, body);
    case OpCode.setACL: return SetACLTxn.write(writer, body);
    case OpCode.check: return CheckVersionTxn.write(writer, body);
    case OpCode.createSession: return CreateSessionTxn.write(writer, body);
    case OpCode.closeSession:
      if (body.paths !== null) CloseSessionTxn.write(writer, { paths2Delete: body.paths });
      return;
    case OpCode.error: return ErrorTxn.write(writer, body);
    case OpCode.multi: return writeMulti(writer, body.txns);
  }
}

/** MultiTxn, without a buffer for each item. */
function writeMulti(writer: Writer, txns: readonly TxnBody[]): void {
  writer.int(txns.length);
  for (const item of txns) {
    writer.int(item.type);
    const from = writer.beginLength();
    writeBody(writer, item);
    writer.endLength(from);
  }
}

/**
 * Reads what any ZooKeeper since 3.3 has written. A digest is there if bytes are left for one. Throws {@link JuteError},
 * also for a type that is not a txn's.
 */
export function decodeTxn(bytes: Buffer): Txn {
  const reader = new Reader(bytes);
  const header = TxnHeader.read(reader);
  const body = readBody(reader, header.type);
  const digest = reader.remaining >= TxnDigest.minBytes ? TxnDigest.read(reader) : null;
  return { header, body, digest };
}

function readBody(reader: Reader, type: number): TxnBody {
  switch (type) {
    case OpCode.create: return readCreate(reader);
    case OpCode.create2: {
      const { path, data, acl, ephemeral, parentCVersion } = CreateTxn.read(reader);
      return { type, path, data, acl: acl ?? openAcl(), ephemeral, parentCVersion };
    }
    case OpCode.createContainer: {
      const { path, data, acl, parentCVersion } = CreateContainerTxn.read(reader);
      return { type, path, data, acl: acl ?? openAcl(), parentCVersion };
    }
    case OpCode.createTTL: {
      const { path, data, acl, parentCVersion, ttl } = CreateTTLTxn.read(reader);
      return { type, path, data, acl: acl ?? openAcl(), parentCVersion, ttl };
    }
    case OpCode.delete:
    case OpCode.deleteContainer: return { type, path: DeleteTxn.read(reader).path };
    case OpCode.setData:
    case OpCode.reconfig: {
      const { path, data, version } = SetDataTxn.read(reader);
      return { type, path, data, version };
    }
    case OpCode.setACL: {
      const { path, acl, version } = SetACLTxn.read(reader);
      return { type, path, acl: acl ?? openAcl(), version };
    }
    case OpCode.createSession: return { type, timeOut: CreateSessionTxn.read(reader).timeOut };
    case OpCode.closeSession: return { type, paths: readClosePaths(reader) };
    case OpCode.error: return { type, err: ErrorTxn.read(reader).err };
    case OpCode.multi: return { type, txns: readMulti(reader) };
    default: throw new JuteError('TxnHeader.type', `${opName(type)} is not the type of a txn`);
  }
}

/** A null list in a txn means what the open ACL says (DataTree has always taken it so). */
function openAcl(): ACL[] {
  return [...OPEN_ACL];
}

/** Before 3.4 a create ended after `ephemeral`, and nothing followed it. −1 makes the tree add one. */
function readCreate(reader: Reader): TxnBody {
  const { path, data, acl, ephemeral } = CreateTxnV0.read(reader);
  const parentCVersion = reader.remaining < 4 ? -1 : reader.int();
  return { type: OpCode.create, path, data, acl: acl ?? openAcl(), ephemeral, parentCVersion };
}

/**
 * Before 3.6, and with closeSessionTxn.enabled=false since, there is no body. A digest may follow all the same: 12 bytes
 * that begin with its version, 2. (As a list they would be two empty paths, which nobody owns.)
 */
function readClosePaths(reader: Reader): string[] | null {
  const begin = reader.offset;
  if (reader.remaining === TxnDigest.minBytes && reader.int() === DIGEST_VERSION) {
    reader.offset = begin;
    return null;
  }
  reader.offset = begin;
  try {
    return CloseSessionTxn.read(reader).paths2Delete;
  } catch (error) {
    if (!(error instanceof JuteError && error.truncated)) throw error;
    reader.skip(reader.remaining);
    return null;
  }
}

const DIGEST_VERSION = 2;

function readMulti(reader: Reader): TxnBody[] {
  return MultiTxn.read(reader).txns.map(({ type, data }) => {
    if (data === null) throw new JuteError('MultiTxn', `has no body for its ${opName(type)}`);
    return readItem(new Reader(data), type);
  });
}

function readCheck(reader: Reader): TxnBody {
  const { path, version } = CheckVersionTxn.read(reader);
  return { type: OpCode.check, path, version };
}

/**
 * An error may be longer than its code: Java re-types the operations before the failing one when it applies a failed
 * multi, and re-sends them in a later DIFF with their old body. The first 4 bytes are the code, the rest is left over.
 */
function readItem(reader: Reader, type: number): TxnBody {
  switch (type) {
    case OpCode.check: return readCheck(reader);
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
    case OpCode.delete:
    case OpCode.deleteContainer:
    case OpCode.setData:
    case OpCode.error: return readBody(reader, type);
    default: throw new JuteError('MultiTxn', `cannot hold a ${opName(type)}`);
  }
}
