import fs from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { invariant, type ACL, type Capture, type Image, type ImageNode, type SessionId } from '@zk/protocol';
import type { Database } from 'lmdb';
import { ChunkPacker, type TableName } from './checkpoint-chunks.ts';
import { idOfKey, numberKey, pathOfKey, znodeKey } from './checkpoint-keys.ts';
import { decodeAcl, decodeMeta, decodeSession, encodeAcl, encodeMeta, encodeSession, readZnode, REVISION, type CheckpointMeta } from './checkpoint-records.ts';
import { CHECKSUM_BYTES, openTables, TABLES } from './checkpoint-tables.js';
import { CheckpointThread } from './checkpoint-thread.ts';
import { DamageError } from './damage.ts';

const DIRECTORY = 'checkpoint';
const FILE = 'data.mdb';
/** MDB_MAGIC as it lies in the first page of every environment, near the beginning. */
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
const MAGIC_WITHIN = 64;
const READING = '.reading';
/** The writer's thread outlives a checkpoint by this: under load the next one comes sooner, and a start costs 70 ms of CPU. */
const THREAD_IDLE_MS = 5_000;
const META_KEY = Buffer.from('meta');

type Table = Database<Buffer, Buffer>;

/**
 * The tree in LMDB, as of one zxid, in `version-2/checkpoint`. What a start begins with, and nothing but that: it can
 * be thrown away at any time, the snapshots and the log have everything that is in it.
 *
 * Written by a thread of its own in one LMDB transaction per checkpoint; read in this one.
 */
export class Checkpoint {
  readonly #directory: string;
  #environment: ReturnType<typeof openTables> | null = null;
  #thread: CheckpointThread | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #mark: object | null = null;
  #keepUnknown = false;
  #isReading = false;

  /** @param directory the `version-2` directory of the snapshots. Nothing is made in it before the first write. */
  constructor(directory: string) {
    this.#directory = join(directory, DIRECTORY);
  }

  /** Names the state on disk for a tree that was made from it; null when there is none. */
  get mark(): object | null {
    return this.#mark;
  }

  /** What is on disk; null, with a note, for what cannot be read. */
  find(notes: string[]): CheckpointMeta | null {
    if (!fs.existsSync(join(this.#directory, FILE))) return null;
    try {
      this.#requireEnvironment();
      this.#beginReading();
      this.#open().root.resetReadTxn();
      const record = this.#get('meta', META_KEY);
      if (!record) return this.#endReading();
      const meta = decodeMeta(record);
      this.#keepUnknown = meta.revision > REVISION;
      return meta;
    } catch (error) {
      const aside = this.#setAside();
      notes.push(`problem reading the checkpoint, put aside as ${aside}: ${(error as Error).message}`);
      return null;
    }
  }

  /** The tree that {@link find} has found, read while it is iterated. Iterating throws DamageError. */
  image(meta: CheckpointMeta): Image {
    this.#mark = {};
    return {
      zxid: meta.zxid,
      digest: meta.digest,
      mark: this.#mark,
      sessions: again(() => this.#sessions(meta)),
      acls: again(() => this.#acls(meta)),
      nodes: again(() => this.#nodes(meta)),
    };
  }

  /**
   * Hands a capture to the thread, in slices of the event loop; it counts from {@link commit} on.
   * @returns false when `stopped` said so in between: nothing is left of it
   */
  async enter(capture: Capture, stopped: () => boolean): Promise<boolean> {
    clearTimeout(this.#idleTimer);
    if (!this.#thread?.isAlive) this.#thread = new CheckpointThread(this.#directory);
    const thread = this.#thread;
    thread.begin(capture.isWhole, this.#keepUnknown);
    const packer = new ChunkPacker((length) => thread.spareBuffer(length));
    let nodeCount = 0;
    for (const pack of entriesOf(capture, () => nodeCount++)) {
      pack(packer);
      if (!packer.isFull) continue;
      await thread.enter(packer.take());
      await nextTurn();
      if (!stopped()) continue;
      capture.release();
      await this.abort();
      return false;
    }
    const { zxid, digest, isWhole } = capture;
    const isExact = digest?.zxid === zxid;
    packer.put('meta', META_KEY, encodeMeta({ zxid, nodeCount: isWhole ? nodeCount : capture.nodeCount, digest: isExact ? digest : undefined }));
    await thread.enter(packer.take());
    return true;
  }

  /** What was entered is what a start finds, when this resolves. */
  async commit(capture: Capture): Promise<void> {
    await this.#thread?.commit();
    this.#mark = capture.mark;
    this.#idle();
  }

  async abort(): Promise<void> {
    await this.#thread?.abort();
    this.#idle();
  }

  /** No start takes it any more. Nothing may be under way to the thread. */
  invalidate(): void {
    this.#mark = null;
    if (!fs.existsSync(join(this.#directory, FILE))) return;
    this.#table('meta').removeSync(META_KEY);
    this.#endReading();
  }

  /** Bytes of the file. */
  size(): number {
    const { size = 0 } = fs.statSync(join(this.#directory, FILE), { throwIfNoEntry: false }) ?? {};
    return this.#mark ? size : 0;
  }

  async close(): Promise<void> {
    await this.#endThread();
    await this.#environment?.root.close();
    this.#environment = null;
  }

  /** A thread without work goes: its heap, LMDB's pages and the map of the file would stay resident. */
  #idle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      this.#endThread().catch(() => {}); // it had nothing left to do
    }, THREAD_IDLE_MS).unref();
  }

  async #endThread(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const thread = this.#thread;
    this.#thread = null;
    await thread?.close();
  }

  #open(): ReturnType<typeof openTables> {
    this.#environment ??= openTables(this.#directory);
    return this.#environment;
  }

  /**
   * A page that has changed can make LMDB take the process with it. A start that died of that, or of anything else,
   * leaves this mark behind, and the next one does without the checkpoint rather than die again.
   */
  #beginReading(): void {
    const mark = `${this.#directory}${READING}`;
    if (!this.#isReading && fs.existsSync(mark)) throw new Error('the last start ended while reading it');
    this.#isReading = true;
    fs.writeFileSync(mark, '');
  }

  #endReading(): null {
    this.#isReading = false;
    fs.rmSync(`${this.#directory}${READING}`, { force: true });
    return null;
  }

  /** LMDB trusts its file: what is none must not reach it. */
  #requireEnvironment(): void {
    const head = Buffer.alloc(MAGIC_WITHIN);
    const fd = fs.openSync(join(this.#directory, FILE), 'r');
    try {
      fs.readSync(fd, head, 0, head.length, 0);
    } finally {
      fs.closeSync(fd);
    }
    if (!head.includes(MAGIC)) throw new Error(`${FILE} is no LMDB environment`);
  }

  #table(name: TableName): Table {
    const table = this.#open().tables[TABLES.indexOf(name)];
    invariant(table, 'every table is open', { name });
    return table;
  }

  #get(name: TableName, key: Buffer): Buffer | null {
    const value = this.#table(name).get(key);
    return value ? checked(key, value) : null;
  }

  *#sessions(meta: CheckpointMeta): Generator<{ id: SessionId; timeOut: number }> {
    for (const { key, record } of this.#records('sessions', meta)) yield decodeSession(idOfKey(key), record);
  }

  *#acls(meta: CheckpointMeta): Generator<{ id: bigint; acl: ACL[] }> {
    for (const { key, record } of this.#records('acls', meta)) yield { id: idOfKey(key), acl: decodeAcl(record) };
  }

  *#nodes(meta: CheckpointMeta): Generator<ImageNode> {
    let count = 0;
    for (const { key, record } of this.#records('znodes', meta)) {
      count += 1;
      yield readZnode(record, pathOfKey(key));
    }
    if (count !== meta.nodeCount) throw this.#damage(meta, `${count} znodes of ${meta.nodeCount}`);
    this.#endReading();
  }

  *#records(name: TableName, meta: CheckpointMeta): Generator<{ key: Buffer; record: Buffer }> {
    for (const { key, value } of this.#table(name).getRange({})) {
      let record: Buffer;
      try {
        record = checked(key, value);
      } catch (error) {
        throw this.#damage(meta, `${name}: ${(error as Error).message}`);
      }
      yield { key, record };
    }
  }

  /** It is gone at the next start, which then takes a snapshot and the log: neither is the worse for it. */
  #damage({ zxid }: CheckpointMeta, reason: string): DamageError {
    const aside = this.#setAside();
    return new DamageError(this.#directory, 0, zxid, `${reason}; put aside as ${aside}, the next start does without it`);
  }

  #setAside(): string {
    const aside = `${this.#directory}.damaged`;
    fs.rmSync(aside, { recursive: true, force: true });
    fs.renameSync(this.#directory, aside);
    this.#endReading();
    this.#mark = null;
    this.#environment = null;
    return basename(aside);
  }
}

/** For a directory that is kept without a checkpoint from now on: an old one must not come back. */
export function removeCheckpoint(directory: string): void {
  fs.rmSync(join(directory, DIRECTORY), { recursive: true, force: true });
}

/** Everything a capture says, in the order in which it has to be entered. */
function* entriesOf(capture: Capture, onNode: () => void): Generator<(packer: ChunkPacker) => void> {
  for (const { id, timeOut } of capture.sessions) {
    yield (packer) => timeOut === null ? packer.remove('sessions', numberKey(id)) : packer.put('sessions', numberKey(id), encodeSession(timeOut));
  }
  for (const { id, acl } of capture.acls) {
    yield (packer) => acl === null ? packer.remove('acls', numberKey(id)) : packer.put('acls', numberKey(id), encodeAcl(acl));
  }
  for (const path of capture.removed) yield (packer) => packer.remove('znodes', znodeKey(path));
  for (const node of capture.nodes) {
    onNode();
    yield (packer) => packer.putZnode(node);
  }
}

/** The record of a value. @throws Error when it is not what was written under this key */
function checked(key: Buffer, value: Buffer): Buffer {
  const end = value.length - CHECKSUM_BYTES;
  const record = value.subarray(0, Math.max(0, end));
  if (end < 0 || value.readUInt32BE(end) !== crc32(record, crc32(key))) throw new Error(`a record's checksum is wrong (${key.toString('latin1')})`);
  return record;
}

/** The image of a tree that cannot be captured: everything there is, as it is when its turn comes. */
export function captureOf(image: Image, since: object | null): Capture {
  if (image.capture) return image.capture(since);
  return {
    zxid: image.zxid,
    mark: {},
    isWhole: true,
    nodeCount: 0, // counted as they come
    get digest() {
      return image.digest;
    },
    sessions: image.sessions,
    acls: image.acls,
    removed: [],
    nodes: image.nodes,
    release: () => {},
  };
}

/** Whether a txn with the checkpoint's zxid can be the one it ends with: their digests, where both have one, agree. */
export function leadsTo({ digest }: CheckpointMeta, txnDigest: { version: number; treeDigest: bigint } | null): boolean {
  if (!digest || !txnDigest || txnDigest.version !== digest.version) return true;
  return BigInt.asUintN(64, txnDigest.treeDigest) === digest.value;
}

function again<T>(start: () => Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: start };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
