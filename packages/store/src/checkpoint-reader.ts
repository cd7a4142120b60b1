import { crc32 } from 'node:zlib';
import { invariant, type ACL, type Image, type ImageNode, type ImageSource, type ImageTotals, type SessionId } from '@zk/protocol';
import type { Database } from 'lmdb';
import type { TableName } from './checkpoint-chunks.ts';
import { childKeys, idOfKey, pathOfKey, znodeKey } from './checkpoint-keys.ts';
import { decodeAcl, decodeSession, readOwnedPath, readZnode, type CheckpointMeta } from './checkpoint-records.ts';
import { CHECKSUM_BYTES } from './checkpoint-tables.js';

export type Table = Database<Buffer, Buffer>;

/** Records taken from LMDB at a time: no cursor stays open while somebody else has the floor. */
const BATCH = 256;

interface Entry {
  readonly key: Buffer;
  readonly record: Buffer;
}

/** What the reader needs of the checkpoint it reads. */
export interface CheckpointFile {
  table(name: TableName): Table;
  /** Reports damage and puts the file aside. @returns what is to be thrown */
  damaged(reason: string): Error;
  /** Nothing more is read for now. */
  readToTheEnd(): void;
}

/** The tree in a checkpoint: as an image to be read whole, and as a source for single znodes. */
export class CheckpointReader implements ImageSource {
  readonly #file: CheckpointFile;
  readonly #meta: CheckpointMeta;
  #isClosed = false;

  constructor(file: CheckpointFile, meta: CheckpointMeta) {
    this.#file = file;
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
    const value = this.#attempt(() => this.#table('znodes').get(key));
    if (!value) return null;
    const node = this.#attempt(() => readZnode(checked(key, value), pathOfKey(key)));
    if (node.path !== path) throw this.damaged(`${path} is ${node.path}`);
    return node;
  }

  *childrenOf(path: string): Generator<ImageNode> {
    yield* this.#znodesIn('znodes', childKeys(path));
  }

  *owned(): Generator<string> {
    for (const { key, record } of this.#entries('owned')) yield pathOfKey(key) ?? readOwnedPath(record);
  }

  *nodes(): Generator<ImageNode> {
    yield* this.#znodesIn('znodes', {});
  }

  precedes(one: string, other: string): boolean {
    return Buffer.compare(znodeKey(one), znodeKey(other)) < 0;
  }

  damaged(reason: string): Error {
    this.#isClosed = true;
    return this.#file.damaged(reason);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  idle(): void {
    if (!this.#isClosed) this.#file.readToTheEnd();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.readToTheEnd();
  }

  /** Somebody else reads the file from now on, or nobody does. */
  retire(): void {
    this.#isClosed = true;
  }

  *#sessions(): Generator<{ id: SessionId; timeOut: number }> {
    let count = 0;
    for (const { key, record } of this.#entries('sessions')) {
      count += 1;
      yield decodeSession(idOfKey(key), record);
    }
    this.#requireCount('sessions', count, this.#meta.sessions);
  }

  *#acls(): Generator<{ id: bigint; acl: ACL[] }> {
    let count = 0;
    for (const { key, record } of this.#entries('acls')) {
      count += 1;
      yield { id: idOfKey(key), acl: decodeAcl(record) };
    }
    this.#requireCount('ACL lists', count, this.#meta.acls);
  }

  *#allNodes(): Generator<ImageNode> {
    let count = 0;
    for (const node of this.nodes()) {
      count += 1;
      yield node;
    }
    this.#requireCount('znodes', count, this.#meta.nodeCount);
    this.#file.readToTheEnd();
  }

  *#znodesIn(name: TableName, range: KeyRange): Generator<ImageNode> {
    for (const { key, record } of this.#entries(name, range)) yield this.#attempt(() => readZnode(record, pathOfKey(key)));
  }

  *#entries(name: TableName, { start, end }: KeyRange = {}): Generator<Entry> {
    let behind = start;
    for (let batch = this.#batch(name, behind, end); batch.length > 0; batch = this.#batch(name, behind, end)) {
      for (const { key, value } of batch) yield { key, record: this.#attempt(() => checked(key, value)) };
      behind = this.#further(batch.at(-1)?.key, behind);
    }
  }

  /** A page that leads back to an earlier one would be read for ever. */
  #further(last: Buffer | undefined, behind: Buffer | undefined): Buffer | undefined {
    if (last && behind && Buffer.compare(last, behind) <= 0) throw this.damaged('the keys are out of order');
    return last;
  }

  #batch(name: TableName, behind: Buffer | undefined, end: Buffer | undefined): { key: Buffer; value: Buffer }[] {
    const options = { ...(behind && { start: behind, exclusiveStart: true }), ...(end && { end }), limit: BATCH };
    return this.#attempt(() => [...this.#table(name).getRange(options)]);
  }

  #table(name: TableName): Table {
    if (this.#isClosed) throw new ClosedError();
    return this.#file.table(name);
  }

  #requireCount(what: string, count: number, expected: number | null): void {
    if (expected !== null && count !== expected) throw this.damaged(`${count} ${what} of ${expected}`);
  }

  /** Whatever goes wrong in reading is damage, LMDB's own complaints too. */
  #attempt<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof ClosedError) throw error;
      throw this.damaged((error as Error).message);
    }
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

/** The record of a value. @throws Error when it is not what was written under this key */
export function checked(key: Buffer, value: Buffer): Buffer {
  const end = value.length - CHECKSUM_BYTES;
  const record = value.subarray(0, Math.max(0, end));
  if (end < 0 || value.readUInt32BE(end) !== crc32(record, crc32(key))) throw new Error(`a record's checksum is wrong (${key.toString('latin1')})`);
  return record;
}

function again<T>(start: () => Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: start };
}
