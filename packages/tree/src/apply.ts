import { CONTAINER_OWNER, ErrorCode, OpCode, ttlOwner, type ACL, type TxnBody, type TxnHeader } from '@zk/protocol';
import type { ApplyContext } from './apply-context.ts';
import { Outcome } from './outcome.ts';
import type { ZnodeRecord } from './znode-record.ts';

/** Who may hear of a parent that is not concerned. */
const NOBODY: readonly ACL[] = [];

type CreateBody = Extract<TxnBody, { parentCVersion: number }>;

/** In create txns of logs from before 3.4: one more than the parent has now. */
const UNKNOWN_CVERSION = -1;

/**
 * Applies one operation: a whole txn, or one item of a multi under the multi's header. The rules are those of
 * storage.md 4.4: an operation whose effect is there already changes nothing, and counters and pzxids only rise, so
 * that replaying txns over a fuzzy image is harmless.
 */
export function applyOp(context: ApplyContext, header: TxnHeader, body: TxnBody): Outcome {
  switch (body.type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      return create(context, header, body);
    case OpCode.delete:
    case OpCode.deleteContainer:
      return new Outcome(body.type, deleteNode(context, body.path, header.zxid), body.path);
    case OpCode.setData:
    case OpCode.reconfig:
      return setData(context, header, body);
    case OpCode.setACL:
      return setAcl(context, body);
    case OpCode.createSession:
      context.sessions.set(header.clientId, body.timeOut);
      context.znodes.changes?.session(header.clientId);
      return new Outcome(body.type, ErrorCode.OK);
    case OpCode.closeSession:
      return closeSession(context, header, body);
    case OpCode.error:
      return new Outcome(body.type, body.err);
    case OpCode.check:
      return new Outcome(body.type, ErrorCode.OK, body.path);
    case OpCode.multi:
      return new Outcome(body.type, ErrorCode.MARSHALLINGERROR); // inside a multi; no server writes that
  }
}

/** Applies a multi: with an error among its items, none of them. */
export function applyMulti(context: ApplyContext, header: TxnHeader, items: TxnBody[]): Outcome[] {
  const failed = items.findIndex(({ type }) => type === OpCode.error);
  if (failed < 0) return items.map((item) => applyOp(context, header, item));
  return items.map((item, index) => {
    if (item.type === OpCode.error) return new Outcome(OpCode.error, item.err);
    return new Outcome(OpCode.error, index < failed ? ErrorCode.OK : ErrorCode.RUNTIMEINCONSISTENCY);
  });
}

function create(context: ApplyContext, { clientId, zxid, time }: TxnHeader, body: CreateBody): Outcome {
  const { znodes } = context;
  const { type, path, data, acl } = body;
  const parentPath = parentKey(path);
  const parent = parentPath === null ? undefined : znodes.get(parentPath);
  if (parentPath === null || parent === undefined) return new Outcome(type, ErrorCode.NONODE, path);
  const parentAcl = parent.acl;
  const creations = body.parentCVersion === UNKNOWN_CVERSION ? parent.cversion + 1 : body.parentCVersion;
  const existing = znodes.get(path);
  // Also when the child is there already, whatever kind of create it is (Java: only type 1): the image may have copied
  // the parent before a session's close deleted the child and another session created it again.
  znodes.childCreated(parent, parentPath, creations, zxid);
  if (existing) {
    znodes.setAcl(existing, path, acl, existing.aversion); // the image may lack the list this znode has
    return new Outcome(type, ErrorCode.NODEEXISTS, path);
  }
  const node = znodes.create({ path, data, acl, owner: ownerOf(body, clientId) }, parent, zxid, time);
  context.changed({ event: 'created', path, parent: parentPath || '/', acl: node.acl, parentAcl });
  const outcome = new Outcome(type, ErrorCode.OK, path, type === OpCode.create ? null : context.statOf(node));
  znodes.quotas.created(path, node.dataLength);
  return outcome;
}

function ownerOf(body: CreateBody, session: bigint): bigint {
  switch (body.type) {
    case OpCode.createContainer: return CONTAINER_OWNER;
    case OpCode.createTTL: return ttlOwner(body.ttl);
    default: return body.ephemeral ? session : 0n;
  }
}

/** @returns an error code. The parent's pzxid rises even when the znode is not there: a fuzzy image may lack it. */
export function deleteNode(context: ApplyContext, path: string, zxid: bigint): number {
  const { znodes } = context;
  const parentPath = parentKey(path);
  const parent = parentPath === null ? undefined : znodes.get(parentPath);
  if (parentPath === null || parent === undefined) return ErrorCode.NONODE;
  znodes.childDeleted(parent, parentPath, zxid);
  const node = znodes.get(path);
  if (node === undefined) return ErrorCode.NONODE;
  context.changed({ event: 'deleted', path, parent: parentPath || '/', acl: node.acl, parentAcl: parent.acl });
  znodes.remove(node, path);
  return ErrorCode.OK;
}

function setData(
  context: ApplyContext,
  { zxid, time }: TxnHeader,
  { type, path, data, version }: Extract<TxnBody, { type: typeof OpCode.setData | typeof OpCode.reconfig }>,
): Outcome {
  const { znodes } = context;
  const node = znodes.get(path);
  if (node === undefined) return new Outcome(type, ErrorCode.NONODE, path);
  znodes.setData(node, path, data, version, zxid, time);
  context.changed({ event: 'dataChanged', path, parent: null, acl: node.acl, parentAcl: NOBODY });
  return new Outcome(type, ErrorCode.OK, path, context.statOf(node));
}

function setAcl(
  context: ApplyContext,
  { type, path, acl, version }: Extract<TxnBody, { type: typeof OpCode.setACL }>,
): Outcome {
  const { znodes } = context;
  const node = znodes.get(path);
  if (node === undefined) return new Outcome(type, ErrorCode.NONODE, path);
  znodes.setAcl(node, path, acl, version);
  return new Outcome(type, ErrorCode.OK, path, context.statOf(node));
}

/** The listed znodes go whoever owns them now, then whatever else the tree holds for the session. */
function closeSession(
  context: ApplyContext,
  { clientId, zxid }: TxnHeader,
  { type, paths }: Extract<TxnBody, { type: typeof OpCode.closeSession }>,
): Outcome {
  for (const path of paths ?? []) deleteNode(context, path, zxid);
  deleteEphemerals(context, clientId, zxid);
  context.sessions.delete(clientId);
  context.znodes.changes?.session(clientId);
  return new Outcome(type, ErrorCode.OK);
}

export function deleteEphemerals(context: ApplyContext, session: bigint, zxid: bigint): void {
  const { table, owners } = context.znodes;
  const paths = Array.from(owners.ephemeralsOf(session), (id) => table.byId(id).path);
  for (const path of paths) deleteNode(context, path, zxid);
}

/** The path under which the parent is kept, '' for the root; null when there can be none. */
function parentKey(path: string): string | null {
  const slash = path.lastIndexOf('/');
  return slash < 0 || path === '/' ? null : path.slice(0, slash);
}
