import { Fifo, KeeperError, type ACL, type SessionId, type Zxid } from '@zk/protocol';
import { Packed, PACKED_STAT_LENGTH, packedNodeDigest, putWord, TreeDigest, type DataTree, type PackedStat, type Znode } from '@zk/tree';
import { Latest } from './latest.ts';

/** A znode as it will be once every outstanding txn has been applied. Never changed: a later change makes a new one. */
export interface PendingNode {
  readonly path: string;
  /** Null as long as no write is outstanding for it: then it is as {@link inTree} has it. */
  readonly stat: PackedStat | null;
  /** Good while one write is prepared, until the tree changes. */
  readonly inTree: Znode | null;
  readonly version: number;
  /** Creations: the source of sequence numbers. */
  readonly cversion: number;
  readonly aversion: number;
  readonly numChildren: number;
  readonly acl: readonly ACL[];
  /** Of a node that an outstanding write has made or changed. */
  readonly data: Buffer | null;
  readonly dataLength: number;
  /** Ends with its session, and can have no children. */
  readonly ephemeral: boolean;
  /** This node's part of the tree digest. */
  readonly digest: number;
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
  readonly #latest = new Latest<ChangeRecord>();
  /** What each record of the multi in progress displaced in #latest; null outside a multi. */
  #undo: { path: string; displaced: ChangeRecord | undefined }[] | null = null;
  /** Of the tree with every record applied; meaningful while there are records. */
  readonly #digest = new TreeDigest();
  readonly #digestBefore = new TreeDigest();
  /** The txn being prepared; its zxid and time once more as bytes, as stats have them. */
  #zxid = 0n as Zxid;
  readonly #zxidBytes = new DataView(new ArrayBuffer(8));
  readonly #timeBytes = new DataView(new ArrayBuffer(8));

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
    return this.#records.length === 0 ? this.#tree().digest : this.#digest.value;
  }

  /** Changes from here on belong to this txn. */
  begin(zxid: Zxid, time: bigint): void {
    this.#zxid = zxid;
    this.#zxidBytes.setBigInt64(0, zxid);
    this.#timeBytes.setBigInt64(0, time);
  }

  /** The node at `path` ('/' and '' are the root), undefined if there will be none. */
  find(path: string): PendingNode | undefined {
    const key = path === '' ? '/' : path;
    const record = this.#latest.get(key);
    if (record) return record.node ?? undefined;
    const node = this.#tree().node(key);
    return node && untouched(key, node);
  }

  /** @throws KeeperError NONODE */
  require(path: string): PendingNode {
    const node = this.find(path);
    if (!node) throw new KeeperError('NONODE', path);
    return node;
  }

  /** @returns the parent's new count of creations, which goes into the txn. */
  create(parent: PendingNode, { path, data, acl, owner, ephemeral }: NewNode): number {
    const cversion = (parent.cversion + 1) | 0;
    // Apply only ever raises the counter: past its end neither it nor pzxid moves (client.md 2.5).
    const isFull = parent.cversion === MAX_INT;
    const parentStat = isFull ? this.#copyOfStat(parent) : this.#statOf(parent, Packed.PZXID);
    if (!isFull) putWord(parentStat, Packed.CREATIONS, cversion);
    this.#replaceParent(parent, parentStat, isFull ? parent.cversion : cversion, parent.numChildren + 1);
    const dataLength = data?.length ?? 0;
    const stat = this.#newStat(owner);
    const digest = this.#digestOf(path, data, stat);
    const counts = { version: 0, cversion: 0, aversion: 0, numChildren: 0 };
    this.#replace(null, { path, stat, inTree: null, ...counts, acl, data, dataLength, ephemeral, digest });
    return cversion;
  }

  remove(parent: PendingNode, node: PendingNode): void {
    this.#replaceParent(parent, this.#statOf(parent, Packed.PZXID), parent.cversion, parent.numChildren - 1);
    this.#add({ zxid: this.#zxid, path: node.path, node: null });
    this.#shiftDigest(node.digest, 0);
  }

  /** @returns the new version, which goes into the txn. */
  setData(node: PendingNode, data: Buffer | null): number {
    const { path, cversion, aversion, numChildren, acl, ephemeral } = node;
    const version = (node.version + 1) | 0;
    const stat = this.#statOf(node, Packed.MZXID);
    putWord(stat, Packed.VERSION, version);
    put(this.#timeBytes, stat, Packed.MTIME);
    const dataLength = data?.length ?? 0;
    const digest = this.#digestOf(path, data, stat);
    this.#replace(node, { path, stat, inTree: null, version, cversion, aversion, numChildren, acl, data, dataLength, ephemeral, digest });
    return version;
  }

  /** @returns the new ACL version, which goes into the txn. */
  setAcl(node: PendingNode, acl: readonly ACL[]): number {
    const aversion = (node.aversion + 1) | 0;
    const stat = this.#copyOfStat(node);
    putWord(stat, Packed.AVERSION, aversion);
    const data = this.#kept(node);
    this.#replace(node, { ...node, inTree: null, data, acl, aversion, stat, digest: this.#digestOf(node.path, data, stat) });
    return aversion;
  }

  /** The ephemerals the session will own once everything outstanding is applied (client.md 5.4). */
  ephemeralsOf(session: SessionId): string[] {
    const paths = new Set(this.#tree().ephemeralsOf(session));
    for (const { path, node } of this.#records) {
      if (node?.ephemeral && ownerOf(node) === session) paths.add(path);
      else if (node === null) paths.delete(path);
    }
    return [...paths];
  }

  /** From here to commit() or rollback() the records can be taken back: a multi is all or nothing. */
  savepoint(): void {
    this.#undo = [];
    this.#copyDigest(this.#digestBefore);
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
    this.#digest.set(this.#digestBefore);
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
    this.#add({ zxid: this.#zxid, path: after.path, node: after });
    this.#shiftDigest(before?.digest ?? 0, after.digest);
  }

  #replaceParent(parent: PendingNode, stat: PackedStat, cversion: number, numChildren: number): void {
    const { path, version, aversion, acl, dataLength, ephemeral } = parent;
    const data = this.#kept(parent);
    const digest = this.#digestOf(path, data, stat);
    this.#replace(parent, { path, stat, inTree: null, version, cversion, aversion, numChildren, acl, data, dataLength, ephemeral, digest });
  }

  #digestOf(path: string, data: Buffer | null, stat: PackedStat): number {
    return this.#digests ? packedNodeDigest(path, data, stat) : 0;
  }

  /** The node's data as this overlay's own: what the tree has is good until the next apply only. */
  #kept({ data, inTree }: PendingNode): Buffer | null {
    return inTree?.data ? Buffer.from(inTree.data) : data;
  }

  /** A copy of the node's stat with this txn's zxid in one of its fields. */
  #statOf(node: PendingNode, zxidField: number): PackedStat {
    const stat = this.#copyOfStat(node);
    put(this.#zxidBytes, stat, zxidField);
    return stat;
  }

  #copyOfStat({ stat, inTree }: PendingNode): PackedStat {
    const copy = new Uint8Array(PACKED_STAT_LENGTH);
    if (stat !== null) copy.set(stat);
    else inTree?.packStat(copy);
    return copy;
  }

  #newStat(owner: bigint): PackedStat {
    const stat = new Uint8Array(PACKED_STAT_LENGTH);
    for (const field of [Packed.CZXID, Packed.MZXID, Packed.PZXID]) put(this.#zxidBytes, stat, field);
    for (const field of [Packed.CTIME, Packed.MTIME]) put(this.#timeBytes, stat, field);
    if (owner !== 0n) viewOf(stat).setBigInt64(Packed.OWNER, owner);
    return stat;
  }

  #add(record: ChangeRecord): void {
    if (this.#digests && this.#records.length === 0) this.#tree().copyDigest(this.#digest);
    this.#undo?.push({ path: record.path, displaced: this.#latest.get(record.path) });
    this.#records.push(record);
    this.#latest.set(record.path, record);
  }

  #copyDigest(target: TreeDigest): void {
    if (this.#records.length === 0) this.#tree().copyDigest(target);
    else target.set(this.#digest);
  }

  #shiftDigest(before: number, after: number): void {
    if (!this.#digests) return;
    this.#digest.subtract(before);
    this.#digest.add(after);
  }
}

/** A node no write is outstanding for. */
function untouched(path: string, node: Znode): PendingNode {
  const { version, cversion, aversion, numChildren, acl, dataLength, digest } = node;
  const ephemeral = node.kind === 'ephemeral';
  return { path, stat: null, inTree: node, version, cversion, aversion, numChildren, acl, data: null, dataLength, ephemeral, digest };
}

function put(long: DataView, stat: PackedStat, field: number): void {
  putWord(stat, field, long.getInt32(0));
  putWord(stat, field + 4, long.getInt32(4));
}

const viewOf = ({ buffer, byteOffset, length }: PackedStat): DataView => new DataView(buffer, byteOffset, length);

/** Of a node an outstanding write has made or changed. */
const ownerOf = ({ stat }: PendingNode): bigint => (stat === null ? 0n : viewOf(stat).getBigInt64(Packed.OWNER));
