import fc from 'fast-check';
import {
  asSessionId, CONTAINER_OWNER, OPEN_ACL, OpCode, READ_ACL, ttlOwner,
  type ACL, type SessionId, type StatPersisted, type Txn, type TxnBody, type Zxid,
} from '@zk/protocol';
import { DataTree, nodeDigest } from '../src/index.ts';

/** A tree in the most obvious way: what `DataTree` must agree with after any history. */
interface ModelNode {
  data: Buffer | null;
  acl: readonly ACL[];
  stat: StatPersisted;
}

export type Intent =
  | { kind: 'create'; path: string; data: Buffer | null; owner: 'none' | 'session' | 'container' | 'ttl'; session: number; acl: number }
  | { kind: 'delete'; path: string }
  | { kind: 'setData'; path: string; data: Buffer | null }
  | { kind: 'setAcl'; path: string; acl: number }
  | { kind: 'createSession' | 'closeSession'; session: number }
  | { kind: 'multi'; intents: Intent[] };

/** Parents first. */
const PATHS = ['/a', '/b', '/a/x', '/a/y', '/a/x/p', '/b/é', '/b/é/中'];
const ACLS = [OPEN_ACL, READ_ACL, [{ perms: 3, id: { scheme: 'digest', id: 'bob:x' } }]];

const path = fc.constantFrom(...PATHS);
const acl = fc.nat({ max: ACLS.length - 1 });
const session = fc.integer({ min: 1, max: 3 });
const data = fc.option(fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)), { freq: 8 });

/** What a multi may hold. */
const partIntent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('create' as const), path, data, owner: fc.constantFrom('none' as const, 'none' as const, 'session' as const, 'container' as const, 'ttl' as const), session, acl }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('setData' as const), path, data }) },
);

const intent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 8, arbitrary: partIntent },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('setAcl' as const), path, acl }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('createSession' as const, 'closeSession' as const), session }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('multi' as const), intents: fc.array(partIntent, { maxLength: 4 }) }) },
);

/** What a leader would propose, one txn after the other, to a new tree or one in which every place is taken. */
export const histories: fc.Arbitrary<Txn[]> = fc.oneof(historiesAfter([]), historiesAfter(PATHS));

/** The same for a tree in which these znodes were created first; their creation is the beginning of the history. */
export function historiesAfter(paths: readonly string[]): fc.Arbitrary<Txn[]> {
  const first = paths.map((path, index): Intent => ({ kind: 'create', path, data: Buffer.from(path), owner: 'none', session: 1, acl: index % ACLS.length }));
  return fc.array(intent, { maxLength: 60 }).map((intents) => proposals([...first, ...intents]));
}

function proposals(intents: readonly Intent[]): Txn[] {
  const model = new Model();
  return intents.map((wish, index) => model.propose(wish, BigInt(index + 1)));
}

export class Model {
  readonly nodes = new Map<string, ModelNode>();
  readonly sessions = new Map<bigint, number>();

  constructor() {
    for (const path of ['', '/zookeeper', '/zookeeper/quota']) this.#add(path, Buffer.alloc(0), OPEN_ACL, 0n, 0n, 0n);
    this.#add('/zookeeper/config', Buffer.alloc(0), READ_ACL, 0n, 0n, 0n).stat.aversion = -1;
    for (const { stat } of this.nodes.values()) stat.cversion = 0;
  }

  /** Turns a wish into a txn that can be applied, or into an error txn, and carries it out. */
  propose(wish: Intent, zxid: bigint): Txn {
    const time = 1000n + zxid;
    const session = 'session' in wish ? wish.session : 1;
    const body = wish.kind === 'multi' ? this.#proposeMulti(wish.intents, zxid, time) : this.#proposeOne(wish, zxid, time);
    const header = { clientId: asSessionId(BigInt(session)), cxid: 0, zxid: zxid as Zxid, time, type: body.type };
    const hasDigest = body.type !== OpCode.error;
    return { header, body, digest: hasDigest ? { version: 2, treeDigest: BigInt.asIntN(64, this.digest) } : null };
  }

  apply(txns: Txn[]): this {
    for (const { header, body } of txns) {
      const bodies = body.type === OpCode.multi ? body.txns : [body];
      if (bodies.every(({ type }) => type !== OpCode.error)) for (const one of bodies) this.#apply(one, header.clientId, header.zxid, header.time);
    }
    return this;
  }

  get digest(): bigint {
    const digests = [...this.nodes].map(([path, { data, stat }]) => nodeDigest(path, data, stat));
    return BigInt.asUintN(64, digests.reduce((sum, digest) => sum + digest, 0n));
  }

  childrenOf(path: string): string[] {
    return [...this.nodes.keys()].filter((other) => other !== '' && parent(other) === path);
  }

  #proposeMulti(intents: Intent[], zxid: bigint, time: bigint): TxnBody {
    const before = structuredClone(this.nodes);
    const txns = intents.map((one) => this.#proposeOne(one, zxid, time, 1n));
    if (txns.every(({ type }) => type !== OpCode.error)) return { type: OpCode.multi, txns };
    this.nodes.clear();
    for (const [path, node] of before) this.nodes.set(path, { ...node, data: node.data && Buffer.from(node.data) });
    return { type: OpCode.multi, txns };
  }

  #proposeOne(wish: Intent, zxid: bigint, time: bigint, session?: bigint): TxnBody {
    const body = this.#bodyFor(wish);
    this.#apply(body, session ?? BigInt('session' in wish ? wish.session : 1), zxid, time);
    return body;
  }

  #bodyFor(wish: Intent): TxnBody {
    if (wish.kind === 'multi') throw new Error('multis are not nested');
    if (!('path' in wish)) {
      const paths = wish.session === 1 ? null : this.#ownedBy(BigInt(wish.session)); // null: as before 3.6
      return wish.kind === 'createSession' ? { type: OpCode.createSession, timeOut: 1000 } : { type: OpCode.closeSession, paths };
    }
    const { path } = wish;
    if (wish.kind === 'create') return this.#createBody(wish);
    const node = this.nodes.get(path);
    if (node === undefined) return { type: OpCode.error, err: -101 };
    if (wish.kind === 'setData') return { type: OpCode.setData, path, data: wish.data, version: node.stat.version + 1 };
    if (wish.kind === 'setAcl') return { type: OpCode.setACL, path, acl: [...ACLS[wish.acl]!], version: node.stat.aversion + 1 };
    return this.childrenOf(path).length > 0 ? { type: OpCode.error, err: -111 } : { type: OpCode.delete, path };
  }

  #createBody(wish: Extract<Intent, { kind: 'create' }>): TxnBody {
    const { path, data } = wish;
    const above = this.nodes.get(parent(path));
    if (above === undefined) return { type: OpCode.error, err: -101 };
    if (this.nodes.has(path)) return { type: OpCode.error, err: -110 };
    const isEphemeral = above.stat.ephemeralOwner > 0n;
    if (isEphemeral) return { type: OpCode.error, err: -108 };
    const common = { path, data, acl: [...ACLS[wish.acl]!], parentCVersion: above.stat.cversion + 1 };
    if (wish.owner === 'container') return { type: OpCode.createContainer, ...common };
    if (wish.owner === 'ttl') return { type: OpCode.createTTL, ...common, ttl: 500n };
    return { type: wish.acl === 0 ? OpCode.create : OpCode.create2, ...common, ephemeral: wish.owner === 'session' };
  }

  #apply(body: TxnBody, session: bigint, zxid: bigint, time: bigint): void {
    switch (body.type) {
      case OpCode.create:
      case OpCode.create2: return void this.#add(body.path, body.data, body.acl, body.ephemeral ? session : 0n, zxid, time);
      case OpCode.createContainer: return void this.#add(body.path, body.data, body.acl, CONTAINER_OWNER, zxid, time);
      case OpCode.createTTL: return void this.#add(body.path, body.data, body.acl, ttlOwner(body.ttl), zxid, time);
      case OpCode.delete: return this.#remove(body.path, zxid);
      case OpCode.setData: {
        const node = this.nodes.get(body.path)!;
        node.data = body.data;
        Object.assign(node.stat, { version: body.version, mzxid: zxid, mtime: time });
        return;
      }
      case OpCode.setACL: {
        const node = this.nodes.get(body.path)!;
        node.acl = body.acl;
        node.stat.aversion = body.version;
        return;
      }
      case OpCode.createSession: return void this.sessions.set(session, body.timeOut);
      case OpCode.closeSession:
        for (const path of this.#ownedBy(session)) this.#remove(path, zxid);
        return void this.sessions.delete(session);
    }
  }

  #add(path: string, data: Buffer | null, acl: readonly ACL[], owner: bigint, zxid: bigint, time: bigint): ModelNode {
    const stat: StatPersisted = {
      czxid: zxid, mzxid: zxid, ctime: time, mtime: time, version: 0, cversion: 0, aversion: 0, ephemeralOwner: owner, pzxid: zxid,
    };
    const node = { data, acl, stat };
    const above = path === '' ? undefined : this.nodes.get(parent(path));
    if (above) Object.assign(above.stat, { cversion: above.stat.cversion + 1, pzxid: zxid });
    this.nodes.set(path, node);
    return node;
  }

  #remove(path: string, zxid: bigint): void {
    this.nodes.delete(path);
    this.nodes.get(parent(path))!.stat.pzxid = zxid;
  }

  #ownedBy(session: bigint): string[] {
    return [...this.nodes].filter(([, { stat }]) => stat.ephemeralOwner === session).map(([path]) => path);
  }
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** Everything a tree has to say, to be compared with {@link modelFacts}. */
export function treeFacts(tree: DataTree): object {
  const nodes = [...tree.image().nodes].map(({ path, data, stat }) => {
    const { numChildren, cversion, dataLength, ephemeralOwner } = tree.node(path)!.stat();
    return { path, data: data?.toString('hex') ?? null, acl: tree.node(path)!.acl, stat, numChildren, cversion, dataLength, ephemeralOwner };
  });
  return {
    nodes: sortedByPath(nodes),
    children: nodes.map(({ path }) => tree.children(path).sort()).length,
    sessions: [...tree.sessions].sort(),
    digest: tree.digest,
    nodeCount: tree.nodeCount,
    size: tree.approximateDataSize,
    ephemerals: [1n, 2n, 3n].map((id) => [...tree.ephemeralsOf(asSessionId(id))].sort()),
    ephemeralCount: tree.ephemeralCount,
    containers: [...tree.containers()].sort(),
    ttls: [...tree.ttls()].sort(),
  };
}

export function modelFacts(model: Model): object {
  const nodes = [...model.nodes].map(([path, { data, acl, stat }]) => {
    const numChildren = model.childrenOf(path).length;
    const ephemeralOwner = stat.ephemeralOwner > 0n ? stat.ephemeralOwner : 0n;
    const dataLength = data?.length ?? 0;
    return { path, data: data?.toString('hex') ?? null, acl: [...acl], stat, numChildren, cversion: 2 * stat.cversion - numChildren, dataLength, ephemeralOwner };
  });
  const owned = (isOwned: (owner: bigint) => boolean): string[] =>
    nodes.filter(({ stat }) => isOwned(stat.ephemeralOwner)).map(({ path }) => path).sort();
  return {
    nodes: sortedByPath(nodes),
    children: nodes.length,
    sessions: [...model.sessions].sort() as [SessionId, number][],
    digest: model.digest,
    nodeCount: nodes.length,
    size: nodes.reduce((sum, { path, dataLength }) => sum + path.length + dataLength, 1),
    ephemerals: [1n, 2n, 3n].map((id) => owned((owner) => owner === id)),
    ephemeralCount: owned((owner) => owner > 0n).length,
    containers: owned((owner) => owner === CONTAINER_OWNER),
    ttls: owned((owner) => owner < 0n && owner !== CONTAINER_OWNER),
  };
}

function sortedByPath<T extends { path: string }>(nodes: T[]): T[] {
  return nodes.sort((a, b) => (a.path < b.path ? -1 : 1));
}
