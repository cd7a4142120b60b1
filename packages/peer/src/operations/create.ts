import {
  CONTAINER_OWNER,
  CreateRequest,
  CreateTTLRequest,
  KeeperError,
  MAX_TTL,
  OpCode,
  Perms,
  createModeOf,
  parentOf,
  ttlOwner,
  validateLoosely,
  validatePath,
  withSequence,
  type CreateMode,
  type TxnBody,
} from '@zk/protocol';
import type { Outcome } from '@zk/tree';
import { STAT_LENGTH, type Replies } from '../replies.ts';
import type { Reply } from '../reply.ts';
import type { WriteContext, WriteOperation } from './write-operation.ts';

type CreateOp = typeof OpCode.create | typeof OpCode.create2 | typeof OpCode.createContainer | typeof OpCode.createTTL;

/** Every create has these: the ttl is there with createTTL only. */
type AnyCreate = CreateRequest & { readonly ttl?: bigint };

/** @throws KeeperError BADARGUMENTS, UNIMPLEMENTED */
function modeOf(op: CreateOp, { path, flags, ttl }: AnyCreate, extendedTypes: boolean): CreateMode {
  const mode = createModeOf(flags);
  if (!mode) throw new KeeperError('BADARGUMENTS', path);
  if (mode.ttl && !extendedTypes) throw new KeeperError('UNIMPLEMENTED', path);
  const wantsTtl = op === OpCode.createTTL;
  // Apache lets a negative ttl pass with a mode that has none, and dies applying it (trap 17).
  if (mode.ttl !== wantsTtl) throw new KeeperError('BADARGUMENTS', path);
  if (wantsTtl && (ttl === undefined || ttl < 1n || ttl > MAX_TTL)) throw new KeeperError('BADARGUMENTS', path);
  return mode;
}

function prepareCreate(op: CreateOp, request: AnyCreate, context: WriteContext): TxnBody {
  const mode = modeOf(op, request, context.config.extendedTypesEnabled);
  if (mode.ephemeral) context.requireGlobalSession();
  else context.requireSession();
  validateLoosely(request.path);
  const acl = context.fixAcl(request.acl);
  const parent = context.pending.require(parentOf(request.path));
  context.requirePermission(parent, Perms.CREATE);
  const path = mode.sequential ? withSequence(request.path, parent.cversion) : request.path;
  validatePath(path);
  if (context.pending.find(path)) throw new KeeperError('NODEEXISTS', path);
  if (parent.ephemeral) throw new KeeperError('NOCHILDRENFOREPHEMERALS', path);
  context.requireQuota(path, request.data?.length ?? 0, 1);
  const data = request.data && Buffer.from(request.data); // a view of a frame that will be gone at commit
  const owner = ownerOf(op, request, mode.ephemeral ? context.session : 0n);
  const ephemeral = mode.ephemeral && op !== OpCode.createContainer;
  const parentCVersion = context.pending.create(parent, { path, data, acl, owner, ephemeral });
  switch (op) {
    case OpCode.createContainer:
      return { type: op, path, data, acl, parentCVersion };
    case OpCode.createTTL:
      return { type: op, path, data, acl, parentCVersion, ttl: request.ttl ?? 0n };
    default:
      return { type: op, path, data, acl, ephemeral, parentCVersion };
  }
}

/** The txn type follows the opcode, the mode only steers validation and naming (client.md 2.5). */
function ownerOf(op: CreateOp, request: AnyCreate, session: bigint): bigint {
  if (op === OpCode.createContainer) return CONTAINER_OWNER;
  if (op === OpCode.createTTL) return ttlOwner(request.ttl ?? 0n);
  return session;
}

function respondPath(replies: Replies, xid: number, { path }: Outcome): Reply {
  return pathFrame(replies, xid, path ?? '', 0);
}

function respondPathAndStat(replies: Replies, xid: number, { path, statBytes }: Outcome): Reply {
  const reply = pathFrame(replies, xid, path ?? '', STAT_LENGTH);
  statBytes?.copy(reply.bytes, reply.end - STAT_LENGTH);
  return reply;
}

/** Paths hold no surrogates (client.md 2.4), so that UTF-8 is what jute would write. */
function pathFrame(replies: Replies, xid: number, path: string, behind: number): Reply {
  const length = Buffer.byteLength(path);
  const reply = replies.begin(xid, 4 + length + behind);
  reply.view.setInt32(reply.body, length);
  reply.bytes.write(path, reply.body + 4);
  return reply;
}

export const create: WriteOperation<CreateRequest> = {
  request: CreateRequest,
  prepare: (request, context) => prepareCreate(OpCode.create, request, context),
  respond: respondPath,
};

export const create2: WriteOperation<CreateRequest> = {
  request: CreateRequest,
  prepare: (request, context) => prepareCreate(OpCode.create2, request, context),
  respond: respondPathAndStat,
};

export const createContainer: WriteOperation<CreateRequest> = {
  request: CreateRequest,
  prepare: (request, context) => prepareCreate(OpCode.createContainer, request, context),
  respond: respondPathAndStat,
};

export const createTTL: WriteOperation<CreateTTLRequest> = {
  request: CreateTTLRequest,
  prepare: (request, context) => prepareCreate(OpCode.createTTL, request, context),
  respond: respondPathAndStat,
};
