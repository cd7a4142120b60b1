import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf, type ACL, type Proposal, type SessionId, type TxnBody } from '@zk/protocol';
import { DataTree } from '@zk/tree';

const ACLS: readonly (readonly ACL[])[] = [
  OPEN_ACL,
  [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }],
  [{ perms: 31, id: { scheme: 'digest', id: 'ben:p2P6QH1z1Y4YfYx1Rkz8cNq8rA0=' } }, { perms: 1, id: { scheme: 'ip', id: '10.1.0.0/16' } }],
];

/** Txns as a leader makes them, one after the other, of every kind that changes a tree; each follows from the seed. */
export class RandomHistory {
  readonly tree = new DataTree({ extendedTypes: true });
  readonly #random: (n: number) => number;
  readonly #paths: string[] = [];
  readonly #sessions: SessionId[] = [];
  #made = 0;

  constructor(seed: number) {
    let state = (seed * 2_654_435_761 + 12_345) >>> 0;
    this.#random = (n) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
  }

  /** The next txn, which `tree` has when this returns. */
  next(): Proposal {
    const n = ++this.#made;
    const body = this.#sessions.length === 0 ? this.#createSession() : this.#body();
    const clientId = body.type === OpCode.createSession || body.type === OpCode.closeSession ? this.#subject : this.#pick(this.#sessions);
    const header = { clientId, cxid: n, zxid: asZxid(BigInt(n)), time: 1_700_000_000_000n + BigInt(n), type: body.type };
    this.tree.apply({ header, body, digest: null });
    const digest = body.type === OpCode.error ? null : { version: 2, treeDigest: BigInt.asIntN(64, this.tree.digest) };
    return proposalOf({ header, body, digest });
  }

  between(low: number, high: number): number {
    return low + this.#random(high - low + 1);
  }

  /** Whose session is created or closed. */
  #subject: SessionId = asSessionId(0n);

  #body(): TxnBody {
    const dice = this.#random(100);
    if (dice < 45) return this.#create();
    if (dice < 65) return this.#setData(this.#existing());
    if (dice < 75) return this.#delete();
    if (dice < 82) return this.#multi();
    if (dice < 88) return { type: OpCode.setACL, path: this.#existing(), acl: [...this.#pick(ACLS)], version: (this.tree.node(this.#existing())?.aversion ?? 0) + 1 };
    if (dice < 92) return { type: OpCode.error, err: -101 };
    return dice < 97 || this.#sessions.length < 2 ? this.#createSession() : this.#closeSession();
  }

  #create(): TxnBody {
    const parent = this.#parent();
    const path = `${parent === '/' ? '' : parent}/${this.#pick(['n', 'ü', 'x y', 'long-name-of-a-znode'])}${this.#made}`;
    const common = { path, data: this.#data(), acl: [...this.#pick(ACLS)], parentCVersion: this.#nextCVersion(parent) };
    this.#paths.push(path);
    const kind = this.#random(10);
    if (kind === 0) return { type: OpCode.createContainer, ...common };
    if (kind === 1) return { type: OpCode.createTTL, ...common, ttl: BigInt(1 + this.#random(100_000)) };
    return { type: OpCode.create2, ...common, ephemeral: kind < 4 };
  }

  #multi(): TxnBody {
    const parent = this.#parent();
    const first = this.#nextCVersion(parent);
    const creates = Array.from({ length: 1 + this.#random(3) }, (_, i): TxnBody => {
      const path = `${parent === '/' ? '' : parent}/m${this.#made}-${i}`;
      this.#paths.push(path);
      return { type: OpCode.create, path, data: this.#data(), acl: [...this.#pick(ACLS)], ephemeral: false, parentCVersion: first + i };
    });
    return { type: OpCode.multi, txns: [this.#setData(this.#existing()), ...creates] };
  }

  #setData(path: string): TxnBody {
    return { type: OpCode.setData, path, data: this.#data(), version: (this.tree.node(path)?.version ?? 0) + 1 };
  }

  #delete(): TxnBody {
    const path = this.#paths.find((candidate) => this.tree.node(candidate)?.numChildren === 0 && this.#random(4) === 0);
    return path === undefined ? this.#create() : { type: OpCode.delete, path };
  }

  #createSession(): TxnBody {
    this.#subject = asSessionId((1n << 56n) + BigInt(this.#made));
    this.#sessions.push(this.#subject);
    return { type: OpCode.createSession, timeOut: 4000 + this.#random(36_000) };
  }

  #closeSession(): TxnBody {
    [this.#subject] = this.#sessions.splice(this.#random(this.#sessions.length), 1) as [SessionId];
    return { type: OpCode.closeSession, paths: [...this.tree.ephemeralsOf(this.#subject)] };
  }

  #nextCVersion(parent: string): number {
    return (this.tree.node(parent)?.cversion ?? 0) + 1;
  }

  #existing(): string {
    const living = this.#paths.filter((path) => this.tree.node(path) !== undefined);
    return living.length === 0 ? '/' : this.#pick(living);
  }

  /** One that may have children. */
  #parent(): string {
    const path = this.#existing();
    const kind = this.tree.node(path)?.kind;
    return path.split('/').length > 5 || kind === 'ephemeral' || kind === 'ttl' ? '/' : path;
  }

  #data(): Buffer | null {
    const length = this.#random(5) === 0 ? 0 : this.#random(200);
    return this.#random(12) === 0 ? null : Buffer.alloc(length, this.#made);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random(items.length)] as T;
  }
}
