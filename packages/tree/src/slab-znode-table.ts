import { invariant } from '@zk/protocol';
import type { AclTable } from './acl-table.ts';
import { crc32 } from './crc32.ts';
import type { OwnerRules } from './owner-rules.ts';
import { hashPath, PathIndex, type HashedRecords } from './path-index.ts';
import { offsetOf, Slab } from './slab.ts';
import { ZnodeRecord, type RecordChunk, type RecordContext } from './znode-record.ts';
import type { Backing, ZnodeTable } from './znode-table.ts';
import * as at from './znode-layout.ts';

const RECORDS_PER_CHUNK = 4096;
const RECORD_BITS = 12;
/** Of the index, for each znode: 4 per slot, and about half of them are taken. */
const INDEX_BYTES = 8;
const MAX_UTF8_PER_UNIT = 3;
const SLASH = 0x2f;

/**
 * Znodes outside the garbage-collected heap. A znode is a fixed record of 128 bytes (stat, links, hash) and one block
 * with its path and data; a hash index of 4 bytes per slot finds it. Children are a doubly linked list through their
 * records, so a parent costs nothing per child. About 280 bytes for 100 bytes of data and a path of 40 characters.
 */
export class SlabZnodeTable implements ZnodeTable, RecordContext, HashedRecords {
  readonly rules: OwnerRules;
  readonly acls: AclTable;
  /** Null while everything is in memory: then only lookups that find nothing ever look at it. */
  backing: Backing | null = null;
  readonly #chunks: RecordChunk[] = [];
  readonly #slab = new Slab();
  readonly #index = new PathIndex(this);
  #count = 0;
  /** Ids ever used; those between 0 and here that are not in use form a list through their NEXT_SIBLING. */
  #idLimit = 0;
  #freeId = at.NO_ZNODE;
  #scratch = Buffer.allocUnsafeSlow(1024);

  constructor(acls: AclTable, rules: OwnerRules) {
    this.acls = acls;
    this.rules = rules;
  }

  get count(): number {
    return this.#count + (this.backing?.count ?? 0);
  }

  /** What the znodes in memory take: records, blocks and their share of the index. Freed, it is used again; it does not go back to the system. */
  get bytes(): number {
    return this.#count * (at.RECORD_LENGTH + INDEX_BYTES) + this.#slab.allocatedBytes;
  }

  get idLimit(): number {
    return this.#idLimit;
  }

  get(path: string): ZnodeRecord | undefined {
    return this.getLoaded(path) ?? this.backing?.find(path);
  }

  getByBytes(path: Buffer, start: number, end: number): ZnodeRecord | undefined {
    const from = end - start === 1 && path[start] === SLASH ? end : start; // '/' is another name of the root, ''
    const id = this.#index.find(path, from, end, hashPath(path, from, end));
    if (id !== at.NO_ZNODE) return this.byId(id);
    return this.backing === null ? undefined : this.#readThrough(path, from, end, this.backing);
  }

  /** Only if it is in memory. */
  getLoaded(path: string): ZnodeRecord | undefined {
    const length = this.#encode(path);
    const id = this.#index.find(this.#scratch, 0, length, hashPath(this.#scratch, 0, length));
    return id === at.NO_ZNODE ? undefined : this.byId(id);
  }

  byId(id: number): ZnodeRecord {
    const chunk = this.#chunks[id >>> RECORD_BITS]!;
    return new ZnodeRecord(this, id, chunk, (id & (RECORDS_PER_CHUNK - 1)) * at.RECORD_LENGTH);
  }

  put(path: string, parent: ZnodeRecord | null, data: Buffer | null): ZnodeRecord {
    const record = this.putKnown(path, parent, data);
    this.#setFlags(record, flagsOf(record) | at.CHILDREN_KNOWN); // it is new: there are none
    if (parent) parent.countChild(1, record.int(at.HASH));
    return record;
  }

  putKnown(path: string, parent: ZnodeRecord | null, data: Buffer | null): ZnodeRecord {
    const length = this.#encode(path);
    const record = this.byId(this.#takeId());
    record.bytes.fill(0, record.base, record.base + at.RECORD_LENGTH);
    for (const link of [at.PARENT, at.FIRST_CHILD, at.NEXT_SIBLING, at.PREVIOUS_SIBLING]) record.setInt(link, at.NO_ZNODE);
    record.setInt(at.HASH, hashPath(this.#scratch, 0, length));
    record.setInt(at.PATH_LENGTH, length);
    this.#setFlags(record, (length === path.length ? at.ASCII_PATH : 0) | at.NULL_DATA | at.IN_USE);
    this.#setBlock(record, this.#slab.allocate(length));
    this.#writeBlock(record, this.#scratch.subarray(0, length), 0);
    this.setData(record, data);
    if (parent) this.#link(record, parent);
    this.#index.add(record.id);
    this.#count += 1;
    return record;
  }

  setData(node: ZnodeRecord, data: Buffer | null): void {
    const pathLength = node.int(at.PATH_LENGTH);
    const before = pathLength + node.dataLength;
    const after = pathLength + (data?.length ?? 0);
    if (!this.#slab.fits(before, after)) this.#move(node, pathLength, before, after);
    if (data) this.#writeBlock(node, data, pathLength);
    node.setInt(at.DATA_LENGTH, data?.length ?? 0);
    this.#setFlags(node, (flagsOf(node) & ~at.NULL_DATA) | (data ? 0 : at.NULL_DATA));
  }

  delete(node: ZnodeRecord): void {
    this.parentOf(node)?.countChild(-1, node.int(at.HASH));
    this.#remove(node);
  }

  /** Removes a znode that the backing has from memory, where none of its children may be. For its parent it still counts. */
  forget(node: ZnodeRecord): void {
    const parent = this.parentOf(node);
    if (parent) this.#setFlags(parent, flagsOf(parent) & ~at.CHILDREN_KNOWN);
    this.#remove(node);
  }

  parentOf(node: ZnodeRecord): ZnodeRecord | undefined {
    const id = node.int(at.PARENT);
    return id === at.NO_ZNODE ? undefined : this.byId(id);
  }

  /** Whether all children are in memory. */
  knowsChildren(node: ZnodeRecord): boolean {
    return (flagsOf(node) & at.CHILDREN_KNOWN) !== 0;
  }

  /** All children of `node` have been put. @returns whether they are the ones it counts */
  setChildrenKnown(node: ZnodeRecord): boolean {
    this.#setFlags(node, flagsOf(node) | at.CHILDREN_KNOWN);
    const ids = this.childIds(node);
    const hash = ids.reduce((sum, id) => (sum + this.#int(id, at.HASH)) | 0, 0);
    return ids.length === node.numChildren && hash === node.int(at.CHILDREN_HASH);
  }

  childIds(node: ZnodeRecord): number[] {
    if (this.backing !== null && !this.knowsChildren(node)) this.backing.know(node);
    const ids: number[] = [];
    for (let id = node.int(at.FIRST_CHILD); id !== at.NO_ZNODE; id = this.#int(id, at.NEXT_SIBLING)) ids.push(id);
    return ids;
  }

  childNames(node: ZnodeRecord): string[] {
    const nameStart = node.int(at.PATH_LENGTH) + 1;
    return this.childIds(node).map((id) => this.#pathFrom(this.byId(id), nameStart));
  }

  pathOf(record: ZnodeRecord): string {
    return this.#pathFrom(record, 0);
  }

  dataOf(record: ZnodeRecord): Buffer | null {
    if (flagsOf(record) & at.NULL_DATA) return null;
    return this.#slab.viewOf(blockOf(record), record.int(at.PATH_LENGTH), record.dataLength);
  }

  copyData(record: ZnodeRecord, target: Buffer, offset: number): void {
    const length = record.dataLength;
    if (length === 0) return;
    const block = blockOf(record);
    const start = offsetOf(block) + record.int(at.PATH_LENGTH);
    this.#slab.chunkOf(block).copy(target, offset, start, start + length);
  }

  /** What a digest begins with: path and data, which lie next to each other. */
  crc32OfPathAndData(record: ZnodeRecord): number {
    const length = record.int(at.PATH_LENGTH) + record.dataLength;
    if (length === 0) return 0;
    const block = blockOf(record);
    const start = offsetOf(block);
    return crc32(this.#slab.chunkOf(block), start, start + length);
  }

  hashOf(id: number): number {
    return this.#int(id, at.HASH);
  }

  hasPath(id: number, path: Buffer, start: number, end: number): boolean {
    const { view } = this.#chunks[id >>> RECORD_BITS]!;
    const base = (id & (RECORDS_PER_CHUNK - 1)) * at.RECORD_LENGTH;
    const length = view.getUint32(base + at.PATH_LENGTH);
    if (length !== end - start) return false;
    if (length === 0) return true;
    const block = view.getUint32(base + at.BLOCK);
    const bytes = this.#slab.chunkOf(block);
    const offset = offsetOf(block);
    for (let i = length - 1; i >= 0; i--) if (bytes[offset + i] !== path[start + i]) return false; // paths differ at the end
    return true;
  }

  /** A field of a record, without a handle on it. */
  #int(id: number, field: number): number {
    return this.#chunks[id >>> RECORD_BITS]!.view.getInt32((id & (RECORDS_PER_CHUNK - 1)) * at.RECORD_LENGTH + field);
  }

  #remove(node: ZnodeRecord): void {
    invariant(node.int(at.FIRST_CHILD) === at.NO_ZNODE, 'only znodes without children are removed');
    this.#unlink(node);
    this.#index.remove(node.id);
    this.#slab.free(blockOf(node), node.int(at.PATH_LENGTH) + node.dataLength);
    this.#setFlags(node, 0);
    node.setInt(at.NEXT_SIBLING, this.#freeId);
    this.#freeId = node.id;
    this.#count -= 1;
  }

  #takeId(): number {
    if (this.#freeId !== at.NO_ZNODE) {
      const id = this.#freeId;
      this.#freeId = this.byId(id).int(at.NEXT_SIBLING);
      return id;
    }
    if (this.#idLimit === this.#chunks.length * RECORDS_PER_CHUNK) {
      const bytes = Buffer.allocUnsafeSlow(RECORDS_PER_CHUNK * at.RECORD_LENGTH);
      this.#chunks.push({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) });
    }
    return this.#idLimit++;
  }

  /** The text may not be what the bytes are, if they are no UTF-8. */
  #readThrough(path: Buffer, start: number, end: number, backing: Backing): ZnodeRecord | undefined {
    const record = backing.find(path.toString('utf8', start, end));
    return record && this.hasPath(record.id, path, start, end) ? record : undefined;
  }

  #move(node: ZnodeRecord, keep: number, before: number, after: number): void {
    const old = blockOf(node);
    const block = this.#slab.allocate(after);
    if (keep > 0) {
      const start = offsetOf(old);
      this.#slab.chunkOf(old).copy(this.#slab.chunkOf(block), offsetOf(block), start, start + keep);
    }
    this.#slab.free(old, before);
    this.#setBlock(node, block);
  }

  #writeBlock(node: ZnodeRecord, bytes: Buffer, offset: number): void {
    if (bytes.length === 0) return;
    const block = blockOf(node);
    bytes.copy(this.#slab.chunkOf(block), offsetOf(block) + offset);
  }

  #setBlock(node: ZnodeRecord, block: number): void {
    node.view.setUint32(node.base + at.BLOCK, block);
  }

  #setFlags(node: ZnodeRecord, flags: number): void {
    node.view.setUint8(node.base + at.FLAGS, flags);
  }

  #link(node: ZnodeRecord, parent: ZnodeRecord): void {
    const first = parent.int(at.FIRST_CHILD);
    node.setInt(at.PARENT, parent.id);
    node.setInt(at.NEXT_SIBLING, first);
    if (first !== at.NO_ZNODE) this.byId(first).setInt(at.PREVIOUS_SIBLING, node.id);
    parent.setInt(at.FIRST_CHILD, node.id);
  }

  #unlink(node: ZnodeRecord): void {
    const next = node.int(at.NEXT_SIBLING);
    const previous = node.int(at.PREVIOUS_SIBLING);
    if (next !== at.NO_ZNODE) this.byId(next).setInt(at.PREVIOUS_SIBLING, previous);
    if (previous === at.NO_ZNODE) this.parentOf(node)?.setInt(at.FIRST_CHILD, next);
    else this.byId(previous).setInt(at.NEXT_SIBLING, next);
  }

  #pathFrom(record: ZnodeRecord, skip: number): string {
    const length = record.int(at.PATH_LENGTH);
    if (length <= skip) return '';
    const block = blockOf(record);
    const start = offsetOf(block);
    const encoding = flagsOf(record) & at.ASCII_PATH ? 'latin1' : 'utf8';
    return this.#slab.chunkOf(block).toString(encoding, start + skip, start + length);
  }

  /** Puts the path into the scratch buffer; '/' becomes ''. @returns its length in bytes */
  #encode(path: string): number {
    if (path === '/') return 0;
    const { length } = path;
    if (length * MAX_UTF8_PER_UNIT > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafeSlow(length * MAX_UTF8_PER_UNIT * 2);
    }
    const scratch = this.#scratch;
    for (let i = 0; i < length; i++) {
      const unit = path.charCodeAt(i);
      if (unit > 0x7f) return scratch.write(path, 'utf8');
      scratch[i] = unit;
    }
    return length;
  }
}

const blockOf = (node: ZnodeRecord): number => node.view.getUint32(node.base + at.BLOCK);

const flagsOf = (node: ZnodeRecord): number => node.view.getUint8(node.base + at.FLAGS);
