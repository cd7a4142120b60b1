import {
  ErrorCode,
  KeeperError,
  OpCode,
  Perms,
  parentOf,
  type CreateRequest,
  type DeleteRequest,
  type Id,
  type SetACLRequest,
  type SetDataRequest,
} from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { AccessControl } from './auth.ts';
import { SPECIAL_PATHS } from './operations/delete.ts';

/**
 * Refuses a write on arrival when the applied state already forbids it (client.md 6.8). What cannot be judged yet, such as a
 * missing node, passes.
 * @returns an error code, 0: passes
 */
export function eagerAclError(op: number, request: unknown, tree: DataTree, access: AccessControl, ids: readonly Id[]): number {
  switch (op) {
    case OpCode.create:
    case OpCode.create2: {
      const { path, acl } = request as CreateRequest;
      const parent = judgedParent(path);
      return parent === null ? 0 : aclError(access, acl, ids) || judge(tree, access, ids, parent, Perms.CREATE);
    }
    case OpCode.delete: {
      const parent = judgedParent((request as DeleteRequest).path);
      return parent === null ? 0 : judge(tree, access, ids, parent, Perms.DELETE);
    }
    case OpCode.setData:
      return judge(tree, access, ids, (request as SetDataRequest).path, Perms.WRITE);
    case OpCode.setACL: {
      const { path, acl } = request as SetACLRequest;
      return aclError(access, acl, ids) || judge(tree, access, ids, path, Perms.ADMIN);
    }
    default:
      return 0;
  }
}

function judge(tree: DataTree, access: AccessControl, ids: readonly Id[], path: string, perm: number): number {
  const node = tree.node(path);
  return !node || access.allows(node.acl, perm, ids) ? 0 : ErrorCode.NOAUTH;
}

function aclError(access: AccessControl, acl: SetACLRequest['acl'], ids: readonly Id[]): number {
  try {
    access.fix(acl, ids);
    return 0;
  } catch (error) {
    if (error instanceof KeeperError) return error.errno;
    throw error;
  }
}

/** Null where the path is wrong in a way that is told only later. */
function judgedParent(path: string): string | null {
  return !path.includes('/') || path.includes('\0') || SPECIAL_PATHS.has(path) ? null : parentOf(path);
}
