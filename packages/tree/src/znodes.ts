import type { ACL, ImageNode, StatPersisted } from '@zk/protocol';
import { AclTable } from './acl-table.ts';
import type { ChangeTracker } from './change-tracker.ts';
import { crc32 } from './crc32.ts';
import { isDigested, TreeDigest } from './digest.ts';
import { OwnerIndex } from './owner-index.ts';
import type { OwnerRules } from './owner-rules.ts';
import { QuotaBook } from './quota-book.ts';
import { SlabZnodeTable } from './slab-znode-table.ts';
import type { ZnodeRecord } from './znode-record.ts';
import { PACKED_STAT_LENGTH } from './packed-stat.ts';
import * as at from './znode-layout.ts';

export interface NewZnode {
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly ACL[];
  /** As it is stored: 0, a session, a container or TTL mark. */
  readonly owner: bigint;
}

/**
 * The znodes together with everything that must follow each of their changes: ACL use counts, owner sets, quota
 * statistics, data size and the tree digest. It knows no txns; their rules are `DataTree`'s.
 */
export class Znodes {
  readonly acls = new AclTable();
  readonly owners = new OwnerIndex();
  readonly table: SlabZnodeTable;
  readonly quotas: QuotaBook;
  readonly digest = new TreeDigest();
  /** Sum of path lengths (UTF-16 units) and data lengths. */
  dataSize = 0;
  /** Znodes with an owner: ephemerals, containers, TTL znodes. */
  ownedCount = 0;
  readonly digestEnabled: boolean;
  /** Null until somebody wants to know what has changed. */
  changes: ChangeTracker | null = null;
  readonly #stat = Buffer.alloc(PACKED_STAT_LENGTH);

  constructor(rules: OwnerRules, digestEnabled: boolean) {
    this.table = new SlabZnodeTable(this.acls, rules);
    this.quotas = new QuotaBook(this.table, (node, path, data) => this.#replaceData(node, path, data));
    this.digestEnabled = digestEnabled;
  }

  get(path: string): ZnodeRecord | undefined {
    return this.table.get(path);
  }

  /** Adds a znode as an image has it. The parent's stat stays as it is, but for the number of children. */
  load(path: string, parent: ZnodeRecord | null, data: Buffer | null, aclId: number, stat: StatPersisted): ZnodeRecord {
    if (parent) this.changes?.touch(parent);
    const node = this.table.put(path, parent, data);
    this.changes?.created(node);
    node.setPersisted(stat);
    node.setAcl(this.acls.use(aclId), stat.aversion);
    this.#added(node, path);
    return node;
  }

  /**
   * Puts a znode into memory that counts everywhere already, in its parent and in the sums, for it has been in the
   * table's backing until now.
   * @param wasSeen whether it has been in memory before: then its use of an ACL list counts already as well
   */
  enter({ path, data, aclId, stat, children }: ImageNode, parent: ZnodeRecord | null, wasSeen: boolean): ZnodeRecord {
    const node = this.table.putKnown(path, parent, data);
    node.setPersisted(stat);
    if (children) node.setChildren(children);
    node.setAcl(wasSeen ? Number(aclId) : this.acls.use(Number(aclId)), stat.aversion);
    this.owners.add(node);
    if (this.digestEnabled && isDigested(path)) node.setDigest(this.#digestOf(node));
    return node;
  }

  /** Quotas are told by the caller, once it has taken the Stat for the reply: creating a statistics znode rewrites it. */
  create({ path, data, acl, owner }: NewZnode, parent: ZnodeRecord, zxid: bigint, time: bigint): ZnodeRecord {
    this.changes?.touch(parent);
    const node = this.table.put(path, parent, data);
    this.changes?.created(node);
    for (const field of [at.CZXID, at.MZXID, at.PZXID]) node.setLong(field, zxid);
    node.setLong(at.CTIME, time);
    node.setLong(at.MTIME, time);
    node.setOwner(owner);
    node.setAcl(this.acls.intern(acl), 0);
    this.#added(node, path);
    return node;
  }

  /** Raises creations and pzxid of a parent, never lowers them: replay may bring back old creations. */
  childCreated(parent: ZnodeRecord, parentPath: string, creations: number, zxid: bigint): void {
    if (creations <= parent.cversion) return;
    this.changes?.touch(parent);
    parent.setCreations(creations);
    parent.setLong(at.PZXID, zxid);
    this.#refreshDigest(parent, parentPath);
  }

  childDeleted(parent: ZnodeRecord, parentPath: string, zxid: bigint): void {
    if (zxid <= parent.pzxid) return;
    this.changes?.touch(parent);
    parent.setLong(at.PZXID, zxid);
    this.#refreshDigest(parent, parentPath);
  }

  setData(node: ZnodeRecord, path: string, data: Buffer | null, version: number, zxid: bigint, time: bigint): void {
    const before = node.dataLength;
    this.changes?.touch(node);
    node.setInt(at.VERSION, version);
    node.setLong(at.MZXID, zxid);
    node.setLong(at.MTIME, time);
    this.#replaceData(node, path, data);
    this.quotas.changed(path, node.dataLength - before, 0);
  }

  setAcl(node: ZnodeRecord, path: string, acl: readonly ACL[], aversion: number): void {
    const before = node.aclNumber;
    this.changes?.touch(node);
    node.setAcl(this.acls.intern(acl), aversion);
    this.acls.release(before);
    this.#refreshDigest(node, path);
  }

  /**
   * Removes a znode and whatever is below it. Live, there is nothing below; replaying over a fuzzy image there may be
   * znodes of its next life, which the txns still to come create again.
   */
  remove(node: ZnodeRecord, path: string): void {
    for (const id of this.table.childIds(node)) {
      const child = this.table.byId(id);
      this.remove(child, child.path);
    }
    this.changes?.removing(node, path);
    this.table.backing?.deleting(path);
    const { dataLength, aclNumber, digest } = node;
    this.owners.remove(node);
    if (node.hasOwner) this.ownedCount -= 1;
    this.digest.subtract(digest);
    this.dataSize -= path.length + dataLength;
    this.table.delete(node);
    this.acls.release(aclNumber);
    this.quotas.deleted(path, dataLength);
  }

  #added(node: ZnodeRecord, path: string): void {
    this.owners.add(node);
    if (node.hasOwner) this.ownedCount += 1;
    this.dataSize += path.length + node.dataLength;
    this.#refreshDigest(node, path);
  }

  #replaceData(node: ZnodeRecord, path: string, data: Buffer | null): void {
    this.changes?.touch(node);
    this.dataSize -= node.dataLength;
    this.table.setData(node, data);
    this.dataSize += node.dataLength;
    this.#refreshDigest(node, path);
  }

  #refreshDigest(node: ZnodeRecord, path: string): void {
    if (!this.digestEnabled || !isDigested(path)) return;
    const digest = this.#digestOf(node);
    this.digest.subtract(node.digest);
    this.digest.add(digest);
    node.setDigest(digest);
  }

  #digestOf(node: ZnodeRecord): number {
    node.packStat(this.#stat);
    return crc32(this.#stat, 0, PACKED_STAT_LENGTH, this.table.crc32OfPathAndData(node));
  }
}
