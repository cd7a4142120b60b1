import type { AccessControl } from '@zk/peer';
import { Perms, type ACL } from '@zk/protocol';

/** Whether the holder of an Authorization header may do what concerns all data. */
export type Permission = { readonly granted: true } | { readonly granted: false; readonly status: 401 | 403; readonly error: string };

const EVERY_PERMISSION = [Perms.READ, Perms.WRITE, Perms.CREATE, Perms.DELETE, Perms.ADMIN];

/**
 * `Authorization: digest root:secret`: the credential's ids need every permission on `/` (operations.md 9.4). With the ACL
 * of a new database, world:anyone, any credential will do: protect `/` first.
 *
 * @param rootAcl the ACL of `/`
 */
export function permissionOf(header: string | undefined, remoteAddress: string, rootAcl: readonly ACL[], access: AccessControl): Permission {
  if (header === undefined) return { granted: false, status: 401, error: 'Auth info is missing for the command' };
  const [scheme = '', auth = ''] = header.trim().split(/\s+/);
  const ids = access.idsFor(scheme, auth, remoteAddress);
  if (ids === null) return { granted: false, status: 401, error: 'Not authenticated' };
  if (!EVERY_PERMISSION.every((permission) => access.allows(rootAcl, permission, ids))) return { granted: false, status: 403, error: 'Not authorized' };
  return { granted: true };
}
