import { OpCode, hex, type Txn, type TxnBody } from '@zk/protocol';
import { check } from './violation.ts';

interface Version {
  readonly zxid: bigint;
  /** Null: the znode is gone. */
  readonly data: string | null;
}

/**
 * What the committed txns add up to, told as plainly as possible: who lives, who owns what, and what every znode held at
 * every zxid. A second implementation of the tree, to hold the first one against.
 */
export class Model {
  readonly #localSessions: boolean;
  /** Global sessions, and the ephemerals of each. */
  readonly #sessions = new Map<bigint, Set<string>>();
  readonly #owners = new Map<string, bigint>();
  readonly #versions = new Map<string, Version[]>();

  /** @param localSessions members have sessions of their own: a write's session need not be a global one */
  constructor(localSessions: boolean) {
    this.#localSessions = localSessions;
  }

  get sessions(): Iterable<bigint> {
    return this.#sessions.keys();
  }

  get ephemeralCount(): number {
    return this.#owners.size;
  }

  /** Every path that ever was. */
  get paths(): Iterable<string> {
    return this.#versions.keys();
  }

  /** Takes in the next committed txn. */
  apply(zxid: bigint, { header, body }: Txn): void {
    const session = header.clientId as bigint;
    switch (body.type) {
      case OpCode.error:
        return;
      case OpCode.createSession:
        if (!this.#sessions.has(session)) this.#sessions.set(session, new Set());
        return;
      case OpCode.closeSession:
        return this.#close(session, body.paths ?? [], zxid);
      default:
        check(this.#localSessions || this.#sessions.has(session), 'SessionSafety', () => `${hex(zxid)} is by session ${hex(session)}, which is closed`);
        return this.#change(session, body, zxid);
    }
  }

  /** What the znode held once `zxid` had been applied; null: it was not there. */
  at(path: string, zxid: bigint): Version | null {
    const versions = this.#versions.get(path) ?? [];
    let newest = versions.length - 1;
    while (newest >= 0 && (versions[newest] as Version).zxid > zxid) newest--;
    const version = versions[newest];
    return version && version.data !== null ? version : null;
  }

  /** Whether the txn at `zxid` changed this znode. */
  changedAt(path: string, zxid: bigint): boolean {
    return this.#versions.get(path)?.some((version) => version.zxid === zxid) ?? false;
  }

  #change(session: bigint, body: TxnBody, zxid: bigint): void {
    switch (body.type) {
      case OpCode.create:
      case OpCode.create2:
        this.#put(body.path, zxid, String(body.data ?? ''));
        if (body.ephemeral) this.#own(session, body.path, zxid);
        return;
      case OpCode.setData:
        return this.#put(body.path, zxid, String(body.data ?? ''));
      case OpCode.delete:
        return this.#remove(body.path, zxid);
      case OpCode.multi:
        for (const item of body.txns) this.#change(session, item, zxid);
    }
  }

  #own(session: bigint, path: string, zxid: bigint): void {
    const owned = this.#sessions.get(session);
    check(owned !== undefined, 'SessionSafety', () => `${hex(zxid)} gives ${path} to session ${hex(session)}, which is closed`);
    owned.add(path);
    this.#owners.set(path, session);
  }

  #close(session: bigint, paths: readonly string[], zxid: bigint): void {
    for (const path of paths) {
      const owner = this.#owners.get(path);
      check(owner === session, 'SessionSafety', () => `${hex(zxid)} closes session ${hex(session)} with ${path} of ${hex(owner ?? 0n)}`);
      this.#remove(path, zxid);
    }
    const left = this.#sessions.get(session)?.values().next().value;
    check(left === undefined, 'SessionSafety', () => `${hex(zxid)} closes session ${hex(session)} and leaves ${left}`);
    this.#sessions.delete(session);
  }

  #put(path: string, zxid: bigint, data: string | null): void {
    const versions = this.#versions.get(path);
    if (versions) versions.push({ zxid, data });
    else this.#versions.set(path, [{ zxid, data }]);
  }

  #remove(path: string, zxid: bigint): void {
    this.#put(path, zxid, null);
    const owner = this.#owners.get(path);
    if (owner === undefined) return;
    this.#owners.delete(path);
    this.#sessions.get(owner)?.delete(path);
  }
}
