import type { ImageNode } from '@zk/protocol';
import { pathOfKey, znodeKey } from './checkpoint-keys.ts';
import { writeZnode, znodeBound } from './checkpoint-records.ts';
import { TABLES } from './checkpoint-tables.js';

const CHUNK_BYTES = 64 * 1024;
const ENTRY_HEAD_BYTES = 7;
const REMOVE = -1;

export type TableName = (typeof TABLES)[number];

/** Packs entries for the writer's thread: table (u8), key length (u16), record length (i32; −1 = remove), key, record. */
export class ChunkPacker {
  readonly #spareBuffer: (length: number) => ArrayBuffer | null;
  #bytes: Buffer<ArrayBuffer>;
  #length = 0;

  /** @param spareBuffer memory to use again, at least that long, or null */
  constructor(spareBuffer: (length: number) => ArrayBuffer | null) {
    this.#spareBuffer = spareBuffer;
    this.#bytes = this.#newChunk();
  }

  /** Time to {@link take}: entries are about as many as a slice of the event loop should hold. */
  get isFull(): boolean {
    return this.#length >= CHUNK_BYTES;
  }

  put(table: TableName, key: Buffer, record: Uint8Array): void {
    this.#reserve(key.length + record.length);
    this.#head(table, key, record.length);
    this.#bytes.set(record, this.#length);
    this.#length += record.length;
  }

  putZnode(node: ImageNode): void {
    const key = znodeKey(node.path);
    this.#reserve(key.length + znodeBound(node));
    const headAt = this.#length;
    this.#head('znodes', key, 0);
    const start = this.#length;
    this.#length = writeZnode(this.#bytes, start, node, pathOfKey(key) === null);
    this.#bytes.writeInt32BE(this.#length - start, headAt + 3);
  }

  remove(table: TableName, key: Buffer): void {
    this.#reserve(key.length);
    this.#head(table, key, REMOVE);
  }

  /** Everything packed so far, for the receiver to keep. */
  take(): Uint8Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.#bytes;
    const chunk = new Uint8Array(buffer, byteOffset, this.#length);
    this.#bytes = this.#newChunk();
    this.#length = 0;
    return chunk;
  }

  #newChunk(): Buffer<ArrayBuffer> {
    const spare = this.#spareBuffer(CHUNK_BYTES);
    return spare === null ? Buffer.allocUnsafeSlow(CHUNK_BYTES) : Buffer.from(spare);
  }

  #head(table: TableName, key: Buffer, recordLength: number): void {
    const at = this.#length;
    this.#bytes.writeUInt8(TABLES.indexOf(table), at);
    this.#bytes.writeUInt16BE(key.length, at + 1);
    this.#bytes.writeInt32BE(recordLength, at + 3);
    this.#length = at + ENTRY_HEAD_BYTES + key.copy(this.#bytes, at + ENTRY_HEAD_BYTES);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + ENTRY_HEAD_BYTES + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
