import { KeeperError, Perms, type ACL, type Id } from '@zk/protocol';
import type { AuthProviders } from './auth-providers.ts';

/** `zookeeper.skipACL=yes` */
export interface AclOptions {
  readonly skipAcl: boolean;
}

/**
 * Whether somebody with these ids may do what `perm` says; several bits mean any one of them (client.md 6.4).
 * An empty list lets everybody in, and so does the id scheme `super`.
 */
export function checkAcl(
  acl: readonly ACL[],
  perm: number,
  ids: readonly Id[],
  providers: AuthProviders,
  options?: AclOptions,
): boolean {
  if (options?.skipAcl || acl.length === 0) return true;
  for (const { perms, id } of acl) if ((perms & perm) !== 0 && isAnyone(id)) return true; // nearly always the first entry
  if (ids.some(({ scheme }) => scheme === SUPER)) return true;
  return acl.some(({ perms, id }) => (perms & perm) !== 0 && providers.matchesAny(ids, id));
}

/**
 * The list as it is stored: exact duplicates removed, `auth` entries replaced by the connection's authenticated ids,
 * every other id accepted by the provider of its scheme (client.md 6.5).
 *
 * @throws KeeperError INVALIDACL
 */
export function fixupAcl(acl: readonly ACL[] | null, ids: readonly Id[], providers: AuthProviders, path?: string): ACL[] {
  const fixed = withoutDuplicates(acl ?? []).flatMap((entry) => fixupEntry(entry, ids, providers, path));
  if (fixed.length === 0) throw new KeeperError('INVALIDACL', path);
  return fixed;
}

/** What getACL shows to those who may read a znode but not administrate it: who, but not the password's hash. */
export function redactAcl(acl: readonly ACL[]): ACL[] {
  return acl.map(({ perms, id: { scheme, id } }) => {
    const colon = scheme === 'digest' ? id.indexOf(':') : -1;
    return { perms, id: { scheme, id: colon < 0 ? id : `${id.slice(0, colon)}:x` } };
  });
}

/** The list getACL shows to somebody with these ids. */
export function visibleAcl(acl: readonly ACL[], ids: readonly Id[], providers: AuthProviders, options?: AclOptions): ACL[] {
  return checkAcl(acl, Perms.ADMIN, ids, providers, options) ? [...acl] : redactAcl(acl);
}

const SUPER = 'super';

const isAnyone = ({ scheme, id }: Id): boolean => scheme === 'world' && id === 'anyone';

function fixupEntry(entry: ACL, ids: readonly Id[], providers: AuthProviders, path?: string): ACL[] {
  const { perms, id } = entry;
  if (isAnyone(id)) return [entry];
  if (id.scheme === 'auth') {
    const own = ids.filter(({ scheme }) => providers.get(scheme)?.authenticates);
    if (own.length === 0) throw new KeeperError('INVALIDACL', path);
    return own.map((ownId) => ({ perms, id: ownId }));
  }
  if (!providers.get(id.scheme)?.isValid(id.id)) throw new KeeperError('INVALIDACL', path);
  return [entry];
}

function withoutDuplicates(acl: readonly ACL[]): ACL[] {
  return acl.filter((entry, index) => acl.findIndex((other) => isSame(other, entry)) === index);
}

function isSame(a: ACL, b: ACL): boolean {
  return a.perms === b.perms && a.id.scheme === b.id.scheme && a.id.id === b.id.id;
}
