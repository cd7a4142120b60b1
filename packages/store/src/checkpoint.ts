import { type Capture, type Image } from '@zk/protocol';
import { entriesOf, metaOf } from './checkpoint-capture.ts';
import { ChunkPacker } from './checkpoint-chunks.ts';
import { CheckpointDirectory } from './checkpoint-directory.ts';
import { checked, CheckpointReader, type CheckpointSource } from './checkpoint-reader.ts';
import { decodeMeta, encodeMeta, REVISION, type CheckpointMeta } from './checkpoint-records.ts';
import { CheckpointError, CheckpointThread, DamagedFileError } from './checkpoint-thread.ts';
import { DamageError } from './damage.ts';
import { LmdbFile } from './lmdb-file.js';

/** The writer's thread outlives a checkpoint by this: under load the next one comes sooner, and a start costs 70 ms of CPU. */
const THREAD_IDLE_MS = 5_000;
const META_KEY = Buffer.from('meta');

/**
 * The tree in LMDB, as of one zxid, in `version-2/checkpoint`. What a start begins with, and nothing but that: it can
 * be thrown away at any time, the snapshots and the log have everything that is in it.
 *
 * Written with LMDB by a thread of its own, in one transaction per checkpoint; read in this one, without LMDB. A transaction
 * begins and ends when this class says so: that is what {@link LmdbFile} asks of those who read while others write.
 */
export class Checkpoint {
  readonly #directory: CheckpointDirectory;
  readonly #onDamage: (error: DamageError) => void;
  #file: LmdbFile | null = null;
  #thread: CheckpointThread | null = null;
  /** The thread before, and its LMDB: two must not have the file open. */
  #threadEnded: Promise<void> = Promise.resolve();
  #idleTimer: NodeJS.Timeout | undefined;
  #mark: object | null = null;
  #keepUnknown = false;
  #reader: CheckpointReader | null = null;
  /** What a thread of this process has left: it checked the file, or wrote it whole. */
  #soundVersion = '';

  /**
   * @param directory the `version-2` directory of the snapshots. Nothing is made in it before the first write.
   * @param onDamage told of damage that was found after {@link find}, which is thrown as well
   */
  constructor(directory: string, onDamage: (error: DamageError) => void) {
    this.#directory = new CheckpointDirectory(directory);
    this.#onDamage = onDamage;
  }

  /** Names the state on disk for a tree that was made from it; null when there is none. */
  get mark(): object | null {
    return this.#mark;
  }

  /** What is on disk; null, with a note, for what cannot be read. */
  find(notes: string[]): CheckpointMeta | null {
    if (this.#directory.size() === 0) return null;
    try {
      const entry = this.#open().get('meta', META_KEY);
      if (!entry) {
        this.#closeFile();
        return null;
      }
      const meta = decodeMeta(checked(entry));
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
   * tell `onDamage` first.
   */
  image(meta: CheckpointMeta): Image {
    const mark = {};
    this.#mark = meta.totals ? mark : null; // without totals the next checkpoint is whole, and has them
    this.#reader?.retire();
    this.#reader = new CheckpointReader(this.#source(meta), meta);
    return this.#reader.image(mark);
  }

  /**
   * Hands a capture to the thread, in slices of the event loop; it counts from {@link commit} on.
   * @returns false when `stopped` said so in between: nothing is left of it
   */
  enter(capture: Capture, stopped: () => boolean): Promise<boolean> {
    return this.#unlessDamaged(async () => {
      const thread = await this.#startThread();
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
        await this.#abort();
        return false;
      }
      packer.put('meta', META_KEY, encodeMeta(metaOf(capture, nodeCount)));
      await thread.enter(packer.take());
      return true;
    });
  }

  /** What was entered is what a start finds, when this resolves. */
  async commit(capture: Capture): Promise<void> {
    if (this.#isRead) this.#open(); // not while LMDB writes its new root
    await this.#unlessDamaged(async () => this.#thread?.commit());
    this.#soundVersion = this.#directory.version();
    this.#mark = capture.mark;
    this.#file?.refresh();
    capture.committed?.(this.#readerOf(capture));
    this.#idle();
  }

  async abort(): Promise<void> {
    await this.#unlessDamaged(() => this.#abort());
  }

  /**
   * No start takes it any more. Nothing may be under way to the thread. The file goes, which a crash cannot bring back; a
   * thread that has it open ends, and the next one makes another.
   */
  invalidate(): void {
    this.#letGo();
    this.#directory.removeFile();
  }

  /** Bytes of the file. */
  size(): number {
    return this.#mark ? this.#directory.size() : 0;
  }

  async close(): Promise<void> {
    this.#reader?.retire();
    this.#closeFile();
    await this.#endThread();
  }

  /** Somebody reads through to it. */
  get #isRead(): boolean {
    return this.#reader !== null && !this.#reader.isClosed;
  }

  /** A tree that reads through to this checkpoint has one already. */
  #readerOf(capture: Capture): CheckpointReader {
    if (this.#reader === null || this.#reader.isClosed) {
      const meta = { revision: REVISION, ...metaOf(capture, capture.totals?.nodes ?? 0) };
      this.#reader = new CheckpointReader(this.#source(meta), meta);
    }
    return this.#reader;
  }

  #source(meta: CheckpointMeta): CheckpointSource {
    return {
      open: () => this.#open(),
      damaged: (reason) => this.#damage(meta, reason),
      readToTheEnd: () => this.#closeFile(),
    };
  }

  #open(): LmdbFile {
    this.#file ??= LmdbFile.open(this.#directory.file);
    return this.#file;
  }

  #closeFile(): void {
    this.#file?.close();
    this.#file = null;
  }

  async #startThread(): Promise<CheckpointThread> {
    clearTimeout(this.#idleTimer);
    if (!this.#thread?.isAlive) {
      await this.#endThread();
      const isSound = this.#directory.version() === this.#soundVersion;
      this.#thread = new CheckpointThread(this.#directory.path, isSound);
    }
    return this.#thread;
  }

  async #abort(): Promise<void> {
    await this.#thread?.abort();
    this.#idle();
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
    const ended = this.#threadEnded.then(() => thread?.close());
    this.#threadEnded = ended.catch(() => {}); // whoever has ended it is told
    await ended;
  }

  /** What the thread finds when it looks at the file before LMDB does. Nobody who goes on without the file is the worse for it. */
  async #unlessDamaged<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      if (this.#isRead) throw this.#reader?.damaged(error.message);
      throw new CheckpointError(`the checkpoint on disk is damaged: ${error.message}; put aside as ${this.#setAside()}, the next one is written whole`);
    }
  }

  /** It is gone at the next start, which then takes a snapshot and the log: neither is the worse for it. */
  #damage({ zxid }: CheckpointMeta, reason: string): DamageError {
    const aside = this.#setAside();
    const damage = new DamageError(this.#directory.path, 0, zxid, `${reason}; put aside as ${aside}, the next start does without it`);
    this.#onDamage(damage);
    return damage;
  }

  #setAside(): string {
    this.#letGo();
    return this.#directory.setAside();
  }

  #letGo(): void {
    this.#mark = null;
    this.#reader?.retire();
    this.#closeFile();
    this.#endThread().catch(() => {}); // what it had open is not the checkpoint any more
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
