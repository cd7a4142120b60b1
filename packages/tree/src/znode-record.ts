import { kindOfOwner, ttlOf, type ACL, type ChildrenSummary, type OwnerKind, type Stat, type StatPersisted } from '@zk/protocol';
import type { AclTable } from './acl-table.ts';
import type { OwnerRules } from './owner-rules.ts';
import { putWord, type PackedStat } from './packed-stat.ts';
import { decodeStat, type Znode } from './znode.ts';
import * as at from './znode-layout.ts';

/** A PackedStat as 32-bit words of a record. */
const PACKED_WORDS = [at.CZXID, at.MZXID, at.PZXID, at.CTIME, at.MTIME]
  .flatMap((long) => [long, long + 4])
  .concat(at.VERSION, at.CREATIONS, at.AVERSION, at.OWNER, at.OWNER + 4);

/** What a record needs to know of the table it is in. */
export interface RecordContext {
  readonly rules: OwnerRules;
  readonly acls: AclTable;
  pathOf(record: ZnodeRecord): string;
  dataOf(record: ZnodeRecord): Buffer | null;
  copyData(record: ZnodeRecord, target: Buffer, offset: number): void;
}

/** The same memory twice: as bytes to copy, as numbers to read. */
export interface RecordChunk {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** The handle on one record of a chunk of znodes: every read and write goes to the chunk's bytes. */
export class ZnodeRecord implements Znode {
  readonly id: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where the record begins in the chunk. */
  readonly base: number;
  readonly #context: RecordContext;

  constructor(context: RecordContext, id: number, chunk: RecordChunk, base: number) {
    this.#context = context;
    this.id = id;
    this.bytes = chunk.bytes;
    this.view = chunk.view;
    this.base = base;
  }

  get path(): string {
    return this.#context.pathOf(this);
  }
  get data(): Buffer | null {
    return this.#context.dataOf(this);
  }
  get kind(): OwnerKind {
    if (!this.hasOwner) return 'persistent'; // nearly always, and without a bigint
    const { extendedTypes, emulate353TTL } = this.#context.rules;
    return kindOfOwner(this.owner, extendedTypes, emulate353TTL);
  }
  /** Whether the stored owner says anything at all. */
  get hasOwner(): boolean {
    return this.int(at.OWNER) !== 0 || this.int(at.OWNER + 4) !== 0;
  }
  get owner(): bigint {
    return this.long(at.OWNER);
  }
  get ttlMs(): number {
    return this.kind === 'ttl' ? Number(ttlOf(this.owner)) : 0;
  }
  get aclId(): bigint {
    return BigInt(this.aclNumber);
  }
  get acl(): ACL[] {
    return this.#context.acls.get(this.aclNumber);
  }
  get version(): number {
    return this.int(at.VERSION);
  }
  get cversion(): number {
    return this.int(at.CREATIONS);
  }
  get aversion(): number {
    return this.int(at.AVERSION);
  }
  get numChildren(): number {
    return this.int(at.NUM_CHILDREN);
  }
  get dataLength(): number {
    return this.int(at.DATA_LENGTH);
  }
  get czxid(): bigint {
    return this.long(at.CZXID);
  }
  get mzxid(): bigint {
    return this.long(at.MZXID);
  }
  get pzxid(): bigint {
    return this.long(at.PZXID);
  }
  get ctime(): bigint {
    return this.long(at.CTIME);
  }
  get mtime(): bigint {
    return this.long(at.MTIME);
  }
  get ctimeMs(): number {
    return this.#longAsNumber(at.CTIME);
  }
  get mtimeMs(): number {
    return this.#longAsNumber(at.MTIME);
  }
  get digest(): number {
    return this.view.getUint32(this.base + at.DIGEST);
  }
  get aclNumber(): number {
    return this.view.getFloat64(this.base + at.ACL_ID);
  }

  get children(): ChildrenSummary {
    return { count: this.numChildren, hash: this.int(at.CHILDREN_HASH) };
  }

  get hasData(): boolean {
    return (this.view.getUint8(this.base + at.FLAGS) & at.NULL_DATA) === 0;
  }

  copyData(target: Buffer, offset: number): void {
    this.#context.copyData(this, target, offset);
  }

  /** Word by word: half the cost of calling into Buffer.copy for so few bytes. */
  copyStat(target: DataView, offset: number): void {
    const { view, base } = this;
    for (let word = 0; word < at.STAT_LENGTH; word += 4) target.setInt32(offset + word, view.getInt32(base + word));
  }

  packStat(target: PackedStat): void {
    for (let word = 0; word < PACKED_WORDS.length; word++) putWord(target, 4 * word, this.int(PACKED_WORDS[word]!));
  }

  statBytes(): Buffer {
    return Buffer.from(this.bytes.subarray(this.base, this.base + at.STAT_LENGTH));
  }

  stat(): Stat {
    return decodeStat(this.statBytes());
  }

  persisted(): StatPersisted {
    const { czxid, mzxid, ctime, mtime, version, cversion, aversion, owner: ephemeralOwner, pzxid } = this;
    return { czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, pzxid };
  }

  int(field: number): number {
    return this.view.getInt32(this.base + field);
  }

  setInt(field: number, value: number): void {
    this.view.setInt32(this.base + field, value);
  }

  long(field: number): bigint {
    return this.view.getBigInt64(this.base + field);
  }

  setLong(field: number, value: bigint): void {
    this.view.setBigInt64(this.base + field, value);
  }

  setDigest(digest: number): void {
    this.view.setUint32(this.base + at.DIGEST, digest);
  }

  setAcl(id: number, aversion: number): void {
    this.view.setFloat64(this.base + at.ACL_ID, id);
    this.setInt(at.AVERSION, aversion);
  }

  /** Sets the stored owner and what clients see of it: only session ids. */
  setOwner(owner: bigint): void {
    this.setLong(at.OWNER, owner);
    this.setLong(at.EPHEMERAL_OWNER, this.kind === 'ephemeral' ? owner : 0n);
  }

  /** Sets the creation counter, and with it the cversion clients see. */
  setCreations(creations: number): void {
    this.setInt(at.CREATIONS, creations);
    this.#deriveCversion();
  }

  setNumChildren(count: number): void {
    this.setInt(at.NUM_CHILDREN, count);
    this.#deriveCversion();
  }

  /** A child with this hash has come (1) or gone (−1). */
  countChild(by: 1 | -1, hash: number): void {
    this.setInt(at.CHILDREN_HASH, (this.int(at.CHILDREN_HASH) + by * hash) | 0);
    this.setNumChildren(this.numChildren + by);
  }

  /** Of a znode whose children are elsewhere. */
  setChildren({ count, hash }: ChildrenSummary): void {
    this.setInt(at.CHILDREN_HASH, hash);
    this.setNumChildren(count);
  }

  setPersisted(stat: StatPersisted): void {
    this.setLong(at.CZXID, stat.czxid);
    this.setLong(at.MZXID, stat.mzxid);
    this.setLong(at.CTIME, stat.ctime);
    this.setLong(at.MTIME, stat.mtime);
    this.setLong(at.PZXID, stat.pzxid);
    this.setInt(at.VERSION, stat.version);
    this.setInt(at.AVERSION, stat.aversion);
    this.setCreations(stat.cversion);
    this.setOwner(stat.ephemeralOwner);
  }

  /** Every creation and every deletion raised it once: creations + (creations − children), wrapping at 32 bits. */
  #deriveCversion(): void {
    this.setInt(at.CVERSION, 2 * this.cversion - this.numChildren);
  }

  #longAsNumber(field: number): number {
    return this.int(field) * 0x1_0000_0000 + this.view.getUint32(this.base + field + 4);
  }
}
