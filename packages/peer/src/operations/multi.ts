import { JuteError, type Reader, type Writer } from '@zk/jute';
import {
  CheckVersionRequest, CreateRequest, CreateTTLRequest, DeleteRequest, ErrorCode, KeeperError, MultiHeader, OpCode, SetDataRequest, createModeOf,
  type CreateMode, type TxnBody,
} from '@zk/protocol';
import type { OpOutcome, Outcome } from '@zk/tree';
import type { Replies } from '../replies.ts';
import type { Reply } from '../reply.ts';
import { checkVersion } from './check-version.ts';
import { create, create2, createContainer, createTTL } from './create.ts';
import { deleteNode } from './delete.ts';
import { setData } from './set-data.ts';
import type { WriteContext, WriteOperation } from './write-operation.ts';

/** One op of a multi, decoded: `prepare` closes over its request, so that the ops need no common request type. */
interface MultiOp {
  /** Creates a session ephemeral: its session must be one that every server knows. */
  readonly ephemeral: boolean;
  prepare(context: WriteContext): TxnBody;
}

/** Decoded; see readMulti. */
export interface MultiRequest {
  readonly ops: readonly MultiOp[];
}

/** A create in a multi came with a null ACL: alone, or as createTTL, that is INVALIDACL, but here Apache trips over it. */
export class MissingAclError extends JuteError {
  constructor() {
    super('MultiRequest', 'has a create without an ACL');
  }
}

const END = { type: -1, done: true, err: -1 } as const;
const INCONSISTENT = ErrorCode.RUNTIMEINCONSISTENCY;

/**
 * Reads a multi up to its end marker (client.md 2.8).
 * @throws JuteError for an op that may not be in one: all of the request is refused then
 */
function readMulti(reader: Reader): MultiRequest {
  const ops: MultiOp[] = [];
  for (let header = MultiHeader.read(reader); !header.done; header = MultiHeader.read(reader)) ops.push(readOp(header.type, reader));
  return { ops };
}

/** Reads one op of a multi. @throws JuteError for what may not be in one */
export function readOp(type: number, reader: Reader): MultiOp {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return readCreate(type, CreateRequest.read(reader));
    case OpCode.createTTL:
      return readCreateTtl(CreateTTLRequest.read(reader));
    case OpCode.delete:
      return op(deleteNode, DeleteRequest.read(reader));
    case OpCode.setData:
      return op(setData, SetDataRequest.read(reader));
    case OpCode.check:
      return op(checkVersion, CheckVersionRequest.read(reader));
    default:
      throw new JuteError('MultiRequest', `has an op of type ${type}`);
  }
}

function op<R>(operation: { prepare(request: R, context: WriteContext): TxnBody }, request: R, ephemeral = false): MultiOp {
  return { ephemeral, prepare: (context) => operation.prepare(request, context) };
}

function readCreate(type: number, request: CreateRequest): MultiOp {
  const mode = createModeOf(request.flags);
  if (!mode) throw new JuteError('MultiRequest', `has a create with flags ${request.flags}`);
  if (request.acl === null) throw new MissingAclError();
  if (mode.ttl) throw new JuteError('MultiRequest', `has a create with flags ${request.flags}, but no TTL`);
  return createOp(type, request, mode);
}

/** Flags that mean nothing fail only this op here, unlike those of the other creates. */
function readCreateTtl(request: CreateTTLRequest): MultiOp {
  const mode = createModeOf(request.flags);
  if (!mode) return op(create, request);
  return mode.ttl ? op(createTTL, request) : createOp(OpCode.create, request, mode);
}

/** Inside a multi the container mode makes a container, whichever create it came with (client.md 2.8). */
function createOp(type: number, request: CreateRequest, mode: CreateMode): MultiOp {
  if (mode.container || type === OpCode.createContainer) return op(createContainer, request, mode.ephemeral);
  return op(type === OpCode.create ? create : create2, request, mode.ephemeral);
}

/** All or nothing: a failing op leaves `type −1` results from itself on, and no trace in the pending state. */
function prepareMulti({ ops }: MultiRequest, context: WriteContext): TxnBody {
  const txns: TxnBody[] = [];
  let failed = false;
  context.pending.savepoint();
  for (const each of ops) {
    if (failed) {
      txns.push({ type: OpCode.error, err: INCONSISTENT });
      continue;
    }
    try {
      txns.push(each.prepare(context));
    } catch (error) {
      if (!(error instanceof KeeperError)) throw error;
      if (error.code === 'MARSHALLINGERROR') {
        // Apache's code has tripped over something, unreadable quota limits for one: that is no result of an op.
        context.pending.rollback();
        throw error;
      }
      failed = true;
      txns.push({ type: OpCode.error, err: error.errno });
    }
  }
  if (failed) context.pending.rollback();
  else context.pending.commit();
  return { type: OpCode.multi, txns };
}

/** The reply's err is 0 even when the multi failed: the body tells (client.md 2.8). */
function respondMulti(replies: Replies, xid: number, outcome: Outcome): Reply {
  const body = replies.body();
  const results = outcome.results ?? [];
  const failed = results.some((result) => result.type === OpCode.error);
  for (const result of results) {
    if (failed) writeError(body, result.err);
    else writeResult(body, result);
  }
  MultiHeader.write(body, END);
  return replies.finish(xid);
}

export function writeError(body: Writer, err: number): void {
  MultiHeader.write(body, { type: OpCode.error, done: false, err });
  body.int(err);
}

function writeResult(body: Writer, { type, path, statBytes }: OpOutcome): void {
  // Every create that answers with a Stat is typed create2 (trap 25).
  const answersStat = type === OpCode.createContainer || type === OpCode.createTTL;
  MultiHeader.write(body, { type: answersStat ? OpCode.create2 : type, done: false, err: 0 });
  if (type === OpCode.create || type === OpCode.create2 || answersStat) body.ustring(path);
  if (statBytes && type !== OpCode.create) body.raw(statBytes);
}

export const multi: WriteOperation<MultiRequest> = {
  request: { read: readMulti },
  prepare: prepareMulti,
  respond: respondMulti,
};
