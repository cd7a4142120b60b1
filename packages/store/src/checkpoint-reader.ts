import { crc32 } from 'node:zlib';
import { invariant, type ACL, type Image, type ImageNode, type ImageSource, type ImageTotals, type SessionId } from '@zk/protocol';
import type { TableName } from './checkpoint-chunks.ts';
import { childKeys, idOfKey, pathOfKey, spellsPath, znodeKey } from './checkpoint-keys.ts';
import { decodeAcl, decodeSession, readOwnedPath, readZnode, type CheckpointMeta } from './checkpoint-records.ts';
import { CHECKSUM_BYTES } from './checkpoint-tables.js';
import type { LmdbEntry, LmdbFile } from './lmdb-file.js';

/** What the reader needs of the checkpoint it reads. */
export interface CheckpointSource {
  open(): LmdbFile;
  /** Reports damage and puts the file aside. @returns what is to be thrown */
  damaged(reason: string): Error;
  /** Nothing more is read for now. */
  readToTheEnd(): void;
}

/** The tree in a checkpoint: as an image to be read whole, and as a source for single znodes. */
export class CheckpointReader implements ImageSource {
  readonly #source: CheckpointSource;
  readonly #meta: CheckpointMeta;
  #isClosed = false;

  constructor(source: CheckpointSource, meta: CheckpointMeta) {
    this.#source = source;
    this.#meta = meta;
  }

  /** @param mark names the state, for later captures */
  image(mark: object): Image {
    const { zxid, digest, totals } = this.#meta;
    return {
      zxid,
      digest,
      sessions: again(() => this.#sessions()),
      acls: again(() => this.#acls()),
      nodes: again(() => this.#allNodes()),
      ...(totals && { mark, source: this }),
    };
  }

  get totals(): ImageTotals {
    invariant(this.#meta.totals, 'only a checkpoint with totals is read through to');
    return this.#meta.totals;
  }

  find(path: string): ImageNode | null {
    const key = znodeKey(path);
    const node = this.#lookUp(path, key);
    if (node !== null && node.path !== path) throw this.damaged(`${path} is ${node.path}`);
    return node;
  }

  childrenOf(path: string): Iterable<ImageNode> {
    return this.#records('znodes', znodeOf, childKeys(path));
  }

  owned(): Iterable<string> {
    return this.#records('owned', (key, record) => pathOfKey(key) ?? readOwnedPath(record));
  }

  nodes(): Iterable<ImageNode> {
    return this.#records('znodes', znodeOf);
  }

  precedes(one: string, other: string): boolean {
    return Buffer.compare(znodeKey(one), znodeKey(other)) < 0;
  }

  damaged(reason: string): Error {
    this.#isClosed = true;
    return this.#source.damaged(reason);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source.readToTheEnd();
  }

  /** Somebody else reads the file from now on, or nobody does. */
  retire(): void {
    this.#isClosed = true;
  }

  *#sessions(): Generator<{ id: SessionId; timeOut: number }> {
    yield* this.#counted('sessions', this.#meta.sessions, this.#records('sessions', (key, record) => decodeSession(idOfKey(key), record)));
  }

  *#acls(): Generator<{ id: bigint; acl: ACL[] }> {
    yield* this.#counted('ACL lists', this.#meta.acls, this.#records('acls', (key, record) => ({ id: idOfKey(key), acl: decodeAcl(record) })));
  }

  *#allNodes(): Generator<ImageNode> {
    yield* this.#counted('znodes', this.#meta.nodeCount, this.nodes());
    this.#source.readToTheEnd();
  }

  *#counted<T>(what: string, expected: number | null, records: Iterable<T>): Generator<T> {
    let count = 0;
    for (const record of records) {
      count += 1;
      yield record;
    }
    if (expected !== null && count !== expected) throw this.damaged(`${count} ${what} of ${expected}`);
  }

  #lookUp(path: string, key: Buffer): ImageNode | null {
    try {
      const entry = this.#open().get('znodes', key);
      return entry && readZnode(checked(entry), spellsPath(key) ? path : null);
    } catch (error) {
      throw this.#damageOf(error);
    }
  }

  *#records<T>(name: TableName, read: (key: Buffer, record: Buffer) => T, { start, end }: KeyRange = {}): Generator<T> {
    try {
      for (const entry of this.#open().entries(name, start, end)) {
        yield read(entry.key, checked(entry));
        this.#open();
      }
    } catch (error) {
      throw this.#damageOf(error);
    }
  }

  #open(): LmdbFile {
    if (this.#isClosed) throw new ClosedError();
    return this.#source.open();
  }

  /** Whatever goes wrong in reading is damage. */
  #damageOf(error: unknown): Error {
    return error instanceof ClosedError ? error : this.damaged((error as Error).message);
  }
}

/** `start` itself is not in it. */
interface KeyRange {
  readonly start?: Buffer;
  readonly end?: Buffer;
}

/** Somebody goes on asking a tree that has been replaced. */
class ClosedError extends Error {
  constructor() {
    super('the checkpoint is not read any more: the tree made from it has been replaced, or its server has stopped');
  }
}

const znodeOf = (key: Buffer, record: Buffer): ImageNode => readZnode(record, pathOfKey(key));

/** The record in an entry. @throws Error when it is not what was written under this key */
export function checked({ key, value }: LmdbEntry): Buffer {
  const length = value.length - CHECKSUM_BYTES;
  const isRight = length >= 0 && value.readUInt32BE(length) === checksumOf(key, value, length);
  if (!isRight) throw new Error(`a record's checksum is wrong (${key.toString('latin1')})`);
  return value.subarray(0, length);
}

/** In one call into zlib where that can be: each costs as much as a hundred bytes and more. */
function checksumOf(key: Buffer, value: Buffer, length: number): number {
  const isOnePiece = key.buffer === value.buffer && key.byteOffset + key.length === value.byteOffset;
  if (!isOnePiece) return crc32(value.subarray(0, length), crc32(key));
  return crc32(new Uint8Array(key.buffer, key.byteOffset, key.length + length));
}

function again<T>(start: () => Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: start };
}
