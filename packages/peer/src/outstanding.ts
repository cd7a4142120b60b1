import { KeeperError, type ACL, type SessionId, type StatPersisted, type Zxid } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import { Fifo } from './fifo.ts';

/** A znode as it will be once every outstanding txn has been applied. Never changed: a later change makes a new one. */
export interface PendingNode {
  readonly path: string;
  readonly stat: StatPersisted;
  readonly numChildren: number;
  readonly acl: readonly ACL[];
  /** For a node no write is outstanding for: a view on the tree's memory, to be copied by whoever keeps it. */
  readonly data: Buffer | null;
  /** Ends with its session, and can have no children. */
  readonly ephemeral: boolean;
  /** This node's part of the tree digest. */
  readonly digest: bigint;
}

interface ChangeRecord {
  readonly zxid: Zxid;
  readonly path: string;
  /** null: deleted. */
  readonly node: PendingNode | null;
}

export interface NewNode {
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly ACL[];
  readonly owner: bigint;
  readonly ephemeral: boolean;
}

const MAX_INT = 0x7fffffff;

/**
 * The overlay of writes that were accepted but not applied yet (quorum.md 11.2): every write is checked against the tree plus
 * this, so that pipelined writes see each other. Also foretells the tree's digest (quorum.md 14).
 */
export class Outstanding {
  readonly #tree: () => DataTree;
  readonly #digests: boolean;
  readonly #records = new Fifo<ChangeRecord>();
  readonly #latest = new Map<string, ChangeRecord>();
  /** What each record of the multi in progress displaced in #latest; null outside a multi. */
  #undo: { path: string; displaced: ChangeRecord | undefined }[] | null = null;
  #digestBefore = 0n;
  /** Of the tree with every record applied; meaningful while there are records. */
  #digest = 0n;
  /** The txn being prepared. */
  #zxid = 0n as Zxid;
  #time = 0n;

  constructor(tree: () => DataTree, digests: boolean) {
    this.#tree = tree;
    this.#digests = digests;
  }

  /** Records not yet applied. */
  get size(): number {
    return this.#records.length;
  }

  /** The tree's digest after everything outstanding. */
  get digest(): bigint {
    return this.#records.length === 0 ? this.#tree().digest : this.#digest;
  }

  /** Changes from here on belong to this txn. */
  begin(zxid: Zxid, time: bigint): void {
    this.#zxid = zxid;
    this.#time = time;
  }

  /** The node at `path` ('/' and '' are the root), undefined if there will be none. */
  find(path: string): PendingNode | undefined {
    const key = path === '' ? '/' : path;
    const record = this.#latest.get(key);
    if (record) return record.node ?? undefined;
    const node = this.#tree().node(key);
    return (
      node && {
        path: key,
        stat: node.persisted(),
        numChildren: node.numChildren,
        acl: node.acl,
        data: node.data,
        ephemeral: node.kind === 'ephemeral',
        digest: BigInt(node.digest),
      }
    );
  }

  /** @throws KeeperError NONODE */
  require(path: string): PendingNode {
    const node = this.find(path);
    if (!node) throw new KeeperError('NONODE', path);
    return node;
  }

  /** @returns the parent's new count of creations, which goes into the txn. */
  create(parent: PendingNode, { path, data, acl, owner, ephemeral }: NewNode): number {
    const zxid = this.#zxid;
    const cversion = (parent.stat.cversion + 1) | 0;
    // Apply only ever raises the counter: past its end neither it nor pzxid moves (client.md 2.5).
    const stat = parent.stat.cversion === MAX_INT ? parent.stat : { ...parent.stat, cversion, pzxid: zxid };
    this.#replace(parent, { ...parent, data: this.#kept(parent), stat, numChildren: parent.numChildren + 1 });
    this.#replace(null, {
      path,
      data,
      acl,
      ephemeral,
      digest: 0n,
      numChildren: 0,
      stat: {
        czxid: zxid,
        mzxid: zxid,
        ctime: this.#time,
        mtime: this.#time,
        version: 0,
        cversion: 0,
        aversion: 0,
        ephemeralOwner: owner,
        pzxid: zxid,
      },
    });
    return cversion;
  }

  remove(parent: PendingNode, node: PendingNode): void {
    const stat = { ...parent.stat, pzxid: this.#zxid };
    this.#replace(parent, { ...parent, data: this.#kept(parent), stat, numChildren: parent.numChildren - 1 });
    this.#add({ zxid: this.#zxid, path: node.path, node: null });
    this.#shiftDigest(node.digest, 0n);
  }

  /** @returns the new version, which goes into the txn. */
  setData(node: PendingNode, data: Buffer | null): number {
    const version = (node.stat.version + 1) | 0;
    this.#replace(node, { ...node, data, stat: { ...node.stat, version, mzxid: this.#zxid, mtime: this.#time } });
    return version;
  }

  /** @returns the new ACL version, which goes into the txn. */
  setAcl(node: PendingNode, acl: readonly ACL[]): number {
    const aversion = (node.stat.aversion + 1) | 0;
    this.#replace(node, { ...node, acl, data: this.#kept(node), stat: { ...node.stat, aversion } });
    return aversion;
  }

  /** The ephemerals the session will own once everything outstanding is applied (client.md 5.4). */
  ephemeralsOf(session: SessionId): string[] {
    const paths = new Set(this.#tree().ephemeralsOf(session));
    for (const { path, node } of this.#records) {
      if (node?.stat.ephemeralOwner === session) paths.add(path);
      else if (node === null) paths.delete(path);
    }
    return [...paths];
  }

  /** From here to commit() or rollback() the records can be taken back: a multi is all or nothing. */
  savepoint(): void {
    this.#undo = [];
    this.#digestBefore = this.digest;
  }

  commit(): void {
    this.#undo = null;
  }

  /** Also gives parents their earlier records back, so that sequence numbers are not burnt (ZOOKEEPER-1624). */
  rollback(): void {
    const undo = this.#undo ?? [];
    this.#undo = null;
    for (let entry = undo.pop(); entry; entry = undo.pop()) {
      this.#records.pop();
      if (entry.displaced) this.#latest.set(entry.path, entry.displaced);
      else this.#latest.delete(entry.path);
    }
    this.#digest = this.#digestBefore;
  }

  /** The tree has applied everything up to `zxid`. */
  applied(zxid: Zxid): void {
    for (let record = this.#records.first; record && record.zxid <= zxid; record = this.#records.first) {
      this.#records.shift();
      if (this.#latest.get(record.path) === record) this.#latest.delete(record.path);
    }
  }

  clear(): void {
    this.#records.clear();
    this.#latest.clear();
    this.#undo = null;
  }

  #replace(before: PendingNode | null, after: PendingNode): void {
    const digest = this.#digests ? this.#tree().nodeDigest(after.path, after.data, after.stat) : 0n;
    this.#add({ zxid: this.#zxid, path: after.path, node: { ...after, digest } });
    this.#shiftDigest(before?.digest ?? 0n, digest);
  }

  /** The node's data, safe to keep: a view on the tree is good until the next apply only. */
  #kept(node: PendingNode): Buffer | null {
    return node.data && !this.#latest.has(node.path) ? Buffer.from(node.data) : node.data;
  }

  #add(record: ChangeRecord): void {
    if (this.#digests && this.#records.length === 0) this.#digest = this.#tree().digest;
    this.#undo?.push({ path: record.path, displaced: this.#latest.get(record.path) });
    this.#records.push(record);
    this.#latest.set(record.path, record);
  }

  #shiftDigest(before: bigint, after: bigint): void {
    if (this.#digests) this.#digest = BigInt.asUintN(64, this.#digest - before + after);
  }
}
