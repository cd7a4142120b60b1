import type { ACL, Id } from '@zk/protocol';
import {
  AuthProviders,
  checkAcl,
  digestId,
  digestProvider,
  fixupAcl,
  ipProvider,
  visibleAcl,
  x509Provider,
  type AclOptions,
  type AuthProvider,
} from '@zk/tree';
import type { AuthConfig } from './config.ts';
import type { Connection } from './connections.ts';

/** ok: the connection goes on. failed: AUTHFAILED, then closed. closed: closed without an answer. */
export type AuthResult = 'ok' | 'failed' | 'closed';

const SUPER: Id = { scheme: 'super', id: '' };

/** Who a connection is, and what ACLs let it do (client.md 6). */
export class AccessControl {
  readonly #config: AuthConfig;
  readonly #required: readonly string[];
  readonly #providers: AuthProviders;
  readonly #options: AclOptions;

  constructor(config: AuthConfig) {
    this.#config = config;
    this.#providers = providersOf(config);
    this.#options = { skipAcl: config.skipACL };
    this.#required = requiredSchemes(config);
  }

  /** An auth packet: what it proves is added to the connection's ids, and counts for requests received later. */
  authenticate(connection: Connection, scheme: string, auth: Buffer | null): AuthResult {
    switch (scheme) {
      case 'digest':
        return this.#digest(connection, auth);
      case 'ip':
        connection.addId({ scheme: 'ip', id: connection.link.remoteAddress });
        return 'ok';
      case 'x509':
        return connection.link.secure ? 'ok' : 'failed'; // its ids came with the connection
      case 'ensemble':
        return this.#ensemble(auth);
      default:
        return 'failed';
    }
  }

  /** The ids that a credential proves which came on no client connection; null: it proves nothing. */
  idsFor(scheme: string, auth: string, remoteAddress: string): readonly Id[] | null {
    if (scheme === 'ip') return [{ scheme, id: remoteAddress }];
    if (scheme !== 'digest' || !this.#config.digestEnabled) return null;
    const id = digestId(Buffer.from(auth), this.#config.digestAlgorithm);
    return id === this.#config.superDigest ? [SUPER, { scheme, id }] : [{ scheme, id }];
  }

  /** False: the server demands one of some schemes and the connection has none of them (client.md 6.7). */
  isSufficient(ids: readonly Id[]): boolean {
    return this.#required.length === 0 || ids.some((id) => this.#required.includes(id.scheme));
  }

  /** Any one of the bits in `perm` suffices. */
  allows(acl: readonly ACL[], perm: number, ids: readonly Id[]): boolean {
    return checkAcl(acl, perm, ids, this.#providers, this.#options);
  }

  /** The ACL as it is stored. @throws KeeperError INVALIDACL */
  fix(acl: readonly ACL[] | null, ids: readonly Id[]): ACL[] {
    return fixupAcl(acl, ids, this.#providers);
  }

  /** The ACL as somebody with these ids gets to see it: without ADMIN, digests are hidden. */
  visible(acl: readonly ACL[], ids: readonly Id[]): ACL[] {
    return visibleAcl(acl, ids, this.#providers, this.#options);
  }

  #digest(connection: Connection, auth: Buffer | null): AuthResult {
    if (!this.#config.digestEnabled || auth === null) return 'failed';
    const id = digestId(auth, this.#config.digestAlgorithm);
    if (id === this.#config.superDigest) connection.addId(SUPER);
    connection.addId({ scheme: 'digest', id });
    return 'ok';
  }

  /** Keeps clients of another ensemble out; proves nothing. */
  #ensemble(auth: Buffer | null): AuthResult {
    const { ensembleAuthName } = this.#config;
    if (ensembleAuthName === null) return 'failed';
    const name = auth?.toString() ?? '';
    return name === '' || ensembleAuthName.split(',').includes(name) ? 'ok' : 'closed';
  }
}

function requiredSchemes(config: AuthConfig): readonly string[] {
  if (config.sessionRequireClientSASLAuth) return ['sasl'];
  return config.enforceAuthEnabled ? config.enforceAuthSchemes : [];
}

function providersOf(config: AuthConfig): AuthProviders {
  const providers: AuthProvider[] = [ipProvider];
  if (config.x509Enabled) providers.push(x509Provider(config.x509SuperUser ?? undefined));
  if (config.digestEnabled) providers.push(digestProvider);
  return new AuthProviders(providers);
}
