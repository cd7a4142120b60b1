import fs from 'node:fs';
import { basename, join } from 'node:path';
import { invariant, type Capture, type Image } from '@zk/protocol';
import { ChunkPacker, type TableName } from './checkpoint-chunks.ts';
import { numberKey, znodeKey } from './checkpoint-keys.ts';
import { checked, CheckpointReader, type CheckpointFile, type Table } from './checkpoint-reader.ts';
import { decodeMeta, encodeAcl, encodeMeta, encodeOwned, encodeSession, REVISION, type CheckpointMeta } from './checkpoint-records.ts';
import { openTables, TABLES } from './checkpoint-tables.js';
import { CheckpointThread } from './checkpoint-thread.ts';
import { DamageError } from './damage.ts';
import { isOutOfRoom } from './room.ts';

const DIRECTORY = 'checkpoint';
const FILE = 'data.mdb';
/** MDB_MAGIC as it lies in the first page of every environment, near the beginning. */
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
const MAGIC_WITHIN = 64;
/** A file with one character for every start that has not read to the end. */
const READING = '.reading';
const DEATH = '+';
const MAX_DEATHS = 2;
/** The writer's thread outlives a checkpoint by this: under load the next one comes sooner, and a start costs 70 ms of CPU. */
const THREAD_IDLE_MS = 5_000;
const META_KEY = Buffer.from('meta');

/**
 * The tree in LMDB, as of one zxid, in `version-2/checkpoint`. What a start begins with, and nothing but that: it can
 * be thrown away at any time, the snapshots and the log have everything that is in it.
 *
 * Written by a thread of its own in one LMDB transaction per checkpoint; read in this one.
 */
export class Checkpoint {
  readonly #directory: string;
  readonly #onDamage: (error: DamageError) => void;
  #environment: ReturnType<typeof openTables> | null = null;
  #thread: CheckpointThread | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #mark: object | null = null;
  #keepUnknown = false;
  #reader: CheckpointReader | null = null;
  #isReading = false;

  /**
   * @param directory the `version-2` directory of the snapshots. Nothing is made in it before the first write.
   * @param onDamage told of damage that was found after {@link find}, which is thrown as well
   */
  constructor(directory: string, onDamage: (error: DamageError) => void) {
    this.#directory = join(directory, DIRECTORY);
    this.#onDamage = onDamage;
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
      const value = this.#table('meta').get(META_KEY);
      if (!value) {
        this.#endReading();
        return null;
      }
      const meta = decodeMeta(checked(META_KEY, value));
      this.#keepUnknown = meta.revision > REVISION;
      return meta;
    } catch (error) {
      const aside = this.#setAside();
      notes.push(`problem reading the checkpoint, put aside as ${aside}: ${(error as Error).message}`);
      return null;
    }
  }

  /**
   * The tree that {@link find} has found, read while it is iterated, or asked for single znodes. Both throw DamageError, and
   * tell `onDamage` first. No start takes this checkpoint any more if this one ends before everything has been read.
   */
  image(meta: CheckpointMeta): Image {
    const mark = {};
    this.#mark = meta.totals ? mark : null; // without totals the next checkpoint is whole, and has them
    this.#reader?.retire();
    this.#reader = new CheckpointReader(this.#file(meta), meta);
    return this.#reader.image(mark);
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
    packer.put('meta', META_KEY, encodeMeta(metaOf(capture, nodeCount)));
    await thread.enter(packer.take());
    return true;
  }

  /** What was entered is what a start finds, when this resolves. */
  async commit(capture: Capture): Promise<void> {
    await this.#thread?.commit();
    this.#mark = capture.mark;
    this.#environment?.root.resetReadTxn(); // what is read from here on is what was committed
    capture.committed?.(this.#readerOf(capture));
    this.#idle();
  }

  /** A tree that reads through to this checkpoint has one already. */
  #readerOf(capture: Capture): CheckpointReader {
    if (this.#reader === null || this.#reader.isClosed) {
      const meta = { revision: REVISION, ...metaOf(capture, capture.totals?.nodes ?? 0) };
      this.#reader = new CheckpointReader(this.#file(meta), meta);
    }
    return this.#reader;
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
    this.#reader?.retire();
    if (this.#isReading) this.#endReading();
    await this.#closeEnvironment();
  }

  #file(meta: CheckpointMeta): CheckpointFile {
    return {
      table: (name) => this.#table(name),
      damaged: (reason) => this.#damage(meta, reason),
      readToTheEnd: () => this.#readToTheEnd(),
    };
  }

  /** LMDB's pages count as this process's memory while they are mapped. Later: whoever has read the end may be in the middle of it. */
  #readToTheEnd(): void {
    if (this.#isReading) this.#endReading();
    const environment = this.#environment;
    setImmediate(() => {
      if (!this.#isReading && environment === this.#environment) void this.#closeEnvironment();
    });
  }

  async #closeEnvironment(): Promise<void> {
    const environment = this.#environment;
    this.#environment = null;
    await environment?.root.close();
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
   * leaves its mark behind: one can be chance, such as a kill -9, but after two the next start does without the checkpoint
   * rather than die again.
   */
  #beginReading(): void {
    if (this.#isReading) return;
    const mark = `${this.#directory}${READING}`;
    const deaths = fs.existsSync(mark) ? fs.readFileSync(mark, 'latin1').length : 0;
    if (deaths >= MAX_DEATHS) throw new Error(`${deaths} starts in a row ended while reading it`);
    this.#isReading = true;
    try {
      fs.writeFileSync(mark, DEATH.repeat(deaths + 1));
    } catch (error) {
      if (!isOutOfRoom(error)) throw error; // without room for a mark, a start that dies does not count
    }
  }

  #endReading(): void {
    this.#isReading = false;
    fs.rmSync(`${this.#directory}${READING}`, { force: true });
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

  /** It is gone at the next start, which then takes a snapshot and the log: neither is the worse for it. */
  #damage({ zxid }: CheckpointMeta, reason: string): DamageError {
    const aside = this.#setAside();
    const damage = new DamageError(this.#directory, 0, zxid, `${reason}; put aside as ${aside}, the next start does without it`);
    this.#onDamage(damage);
    return damage;
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
  for (const path of capture.removed) {
    const key = znodeKey(path);
    yield (packer) => packer.remove('znodes', key);
    yield (packer) => packer.remove('owned', key);
  }
  for (const node of capture.nodes) {
    onNode();
    yield (packer) => packer.putZnode(node);
    if (node.stat.ephemeralOwner !== 0n) yield (packer) => packer.put('owned', znodeKey(node.path), encodeOwned(node.path));
  }
}

/** @param entered how many znodes were: all there are, when the capture is whole */
function metaOf({ zxid, digest, isWhole, totals, sessionCount, aclCount }: Capture, entered: number): Omit<CheckpointMeta, 'revision'> {
  return {
    zxid,
    nodeCount: isWhole || !totals ? entered : totals.nodes,
    digest: digest?.zxid === zxid ? digest : undefined,
    totals,
    sessions: sessionCount,
    acls: aclCount,
  };
}

/** The image of a tree that cannot be captured: everything there is, as it is when its turn comes. */
export function captureOf(image: Image, since: object | null): Capture {
  if (image.capture) return image.capture(since);
  return {
    zxid: image.zxid,
    mark: {},
    isWhole: true,
    totals: null,
    sessionCount: null,
    aclCount: null,
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

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
