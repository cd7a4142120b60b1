import { createHash } from 'node:crypto';
import type { Id } from '@zk/protocol';
import { isDistinguishedName } from './distinguished-name.ts';
import { ipMatches, isIpPattern } from './ip.ts';

/** What the tree has to know of an authentication scheme: what its ids look like in ACLs, and which are meant. */
export interface AuthProvider {
  readonly scheme: string;
  /** Whether its ids prove who somebody is, so that the ACL scheme `auth` stands for them. */
  readonly authenticates: boolean;
  /** Whether an ACL may contain this id. */
  isValid(aclId: string): boolean;
  /** Whether a connection's id is meant by the id of an ACL. */
  matches(id: string, aclId: string): boolean;
}

/** The registered schemes; `world`, `auth` and `super` are not among them. */
export class AuthProviders {
  readonly #byScheme = new Map<string, AuthProvider>();

  constructor(providers: Iterable<AuthProvider> = [digestProvider, ipProvider]) {
    for (const provider of providers) this.#byScheme.set(provider.scheme, provider);
  }

  get(scheme: string): AuthProvider | undefined {
    return this.#byScheme.get(scheme);
  }

  /** Whether the ACL's id means any of the connection's ids. */
  matchesAny(ids: readonly Id[], aclId: Id): boolean {
    const provider = this.get(aclId.scheme);
    return provider !== undefined && ids.some(({ scheme, id }) => scheme === aclId.scheme && provider.matches(id, aclId.id));
  }
}

const isEqual = (id: string, aclId: string): boolean => id === aclId;

/** Ids are `user:` and the base64 of a hash; see {@link digestId}. */
export const digestProvider: AuthProvider = {
  scheme: 'digest',
  authenticates: true,
  isValid: isDigestId,
  matches: isEqual,
};

/** Ids of connections are addresses, those of ACLs addresses or address/bits. */
export const ipProvider: AuthProvider = { scheme: 'ip', authenticates: false, isValid: isIpPattern, matches: ipMatches };

/** @param superUser `zookeeper.X509AuthenticationProvider.superUser`: this subject matches every x509 entry */
export function x509Provider(superUser?: string): AuthProvider {
  return {
    scheme: 'x509',
    authenticates: true,
    isValid: isDistinguishedName,
    matches: (id, aclId) => id === aclId || id === superUser,
  };
}

/** @param anyUser `zookeeper.letAnySaslUserDoX`: an ACL entry with this id means every sasl user */
export function saslProvider(anyUser?: string): AuthProvider {
  return {
    scheme: 'sasl',
    authenticates: true,
    isValid: isKerberosName,
    matches: (id, aclId) => id === 'super' || id === aclId || aclId === anyUser,
  };
}

/**
 * The id that `user:password` stands for: `bob:pw` → `bob:ikIaKsbtGweaHnb/jKn7OHqbunM=`. Without a ':' all of it is
 * the user.
 *
 * @param algorithm a hash of node:crypto, from `zookeeper.DigestAuthenticationProvider.digestAlg`
 */
export function digestId(userPassword: string | Buffer, algorithm = 'sha1'): string {
  const text = userPassword.toString();
  const colon = text.indexOf(':');
  const user = colon < 0 ? text : text.slice(0, colon);
  return `${user}:${createHash(algorithm).update(userPassword).digest('base64')}`;
}

/** Two parts, trailing ':' ignored: `a:b`, `:b` and `a:b:` are ids, `a:` and `a:b:c` are not. */
function isDigestId(id: string): boolean {
  return id.replace(/:+$/, '').split(':').length === 2;
}

/** `name[/host]@realm`, or anything without '@'. */
function isKerberosName(id: string): boolean {
  return !id.includes('@') || /^[^/@]*(\/[^/@]*)?@[^/@]*$/.test(id);
}
