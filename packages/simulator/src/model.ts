import { OpCode, hex, opName, parentOf, type Txn, type TxnBody } from '@zk/protocol';
import { check } from './violation.ts';

interface Version {
  readonly zxid: bigint;
  /** Null: the znode is gone. */
  readonly data: string | null;
  readonly version: number;
}

interface Children {
  readonly zxid: bigint;
  readonly count: number;
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
  readonly #children = new Map<string, Children[]>();
  /** How many txns of each kind there were. */
  readonly txns = new Map<string, number>();

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
    const kind = isRefused(body) ? 'multi, refused' : opName(body.type);
    this.txns.set(kind, (this.txns.get(kind) ?? 0) + 1);
    switch (body.type) {
      case OpCode.error:
        return;
      case OpCode.createSession:
        if (!this.#sessions.has(session)) this.#sessions.set(session, new Set());
        return;
      case OpCode.closeSession:
        return this.#close(session, body.paths ?? [], zxid);
      case OpCode.deleteContainer: // the leader's own
        return this.#change(session, body, zxid);
      default:
        if (isRefused(body)) return;
        check(this.#localSessions || this.#sessions.has(session), 'SessionSafety', () => `${hex(zxid)} is by session ${hex(session)}, which is closed`);
        return this.#change(session, body, zxid);
    }
  }

  /** What the znode held once `zxid` had been applied; null: it was not there. */
  at(path: string, zxid: bigint): Version | null {
    const version = newest(this.#versions.get(path), zxid);
    return version && version.data !== null ? version : null;
  }

  /** The last txn up to `zxid` that changed this znode; 0: none. */
  changedBy(path: string, zxid: bigint): bigint {
    return newest(this.#versions.get(path), zxid)?.zxid ?? 0n;
  }

  childCountAt(path: string, zxid: bigint): number {
    return newest(this.#children.get(path), zxid)?.count ?? 0;
  }

  /** The last txn up to `zxid` that created or deleted a child of this znode; 0: none. */
  childrenChangedBy(path: string, zxid: bigint): bigint {
    return newest(this.#children.get(path), zxid)?.zxid ?? 0n;
  }

  #change(session: bigint, body: TxnBody, zxid: bigint): void {
    switch (body.type) {
      case OpCode.create:
      case OpCode.create2:
        this.#create(body.path, zxid, body.data);
        if (body.ephemeral) this.#own(session, body.path, zxid);
        return;
      case OpCode.createContainer:
      case OpCode.createTTL:
        return this.#create(body.path, zxid, body.data);
      case OpCode.setData:
        return push(this.#versions, body.path, { zxid, data: String(body.data ?? ''), version: body.version });
      case OpCode.delete:
      case OpCode.deleteContainer:
        return this.#remove(body.path, zxid);
      case OpCode.multi:
        for (const item of body.txns) this.#change(session, item, zxid);
    }
  }

  #create(path: string, zxid: bigint, data: Buffer | null): void {
    check(this.at(path, zxid) === null, 'TxnsApply', () => `${hex(zxid)} creates ${path}, which is there`);
    push(this.#versions, path, { zxid, data: String(data ?? ''), version: 0 });
    this.#countChild(path, zxid, 1);
  }

  #remove(path: string, zxid: bigint): void {
    check(this.at(path, zxid) !== null, 'TxnsApply', () => `${hex(zxid)} deletes ${path}, which is not there`);
    check(this.childCountAt(path, zxid) === 0, 'TxnsApply', () => `${hex(zxid)} deletes ${path}, which has children`);
    push(this.#versions, path, { zxid, data: null, version: -1 });
    this.#countChild(path, zxid, -1);
    const owner = this.#owners.get(path);
    if (owner === undefined) return;
    this.#owners.delete(path);
    this.#sessions.get(owner)?.delete(path);
  }

  #countChild(path: string, zxid: bigint, by: 1 | -1): void {
    const parent = parentOf(path);
    push(this.#children, parent, { zxid, count: this.childCountAt(parent, zxid) + by });
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
}

/** A multi is done as a whole or not at all: the errors of its parts are written down, and nothing changes. */
function isRefused(body: TxnBody): boolean {
  return body.type === OpCode.multi && body.txns.some(({ type }) => type === OpCode.error);
}

function push<T>(versions: Map<string, T[]>, path: string, version: T): void {
  const known = versions.get(path);
  if (known) known.push(version);
  else versions.set(path, [version]);
}

/** The last of what is in zxid order that is not after `zxid`. */
function newest<T extends { readonly zxid: bigint }>(versions: readonly T[] | undefined, zxid: bigint): T | undefined {
  return versions?.findLast((version) => version.zxid <= zxid);
}
