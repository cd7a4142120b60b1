import { asZxid, violated, type Image, type Proposal, type Zxid } from '@zk/protocol';
import { Checkpoint } from './checkpoint.ts';
import { removeCheckpoint } from './checkpoint-directory.ts';
import { Checkpointer, type CheckpointHost } from './checkpointer.ts';
import { openDataDirectory, type DataDirectory } from './data-directory.ts';
import { nodeDisk, type Disk } from './disk.ts';
import { writeEpochs } from './epochs.ts';
import type { Compression } from './file-names.ts';
import { MIN_RETAINED_SNAPSHOTS, purge } from './purge.ts';
import { finishReplacement, recover, truncate, type RecoverySources } from './recovery.ts';
import { ROOM_RETRY_MS, RoomKeeper } from './room.ts';
import { Snapshots } from './snapshots.ts';
import type { Epochs, Recovered, Store } from './store.ts';
import { TxnLog } from './txn-log.ts';
import { WorkLoop, type WorkHost } from './work-loop.ts';

/** Defaults are Apache's, except that purging is on. */
export interface FileStoreOptions {
  dataDir: string;
  /** Default: dataDir. */
  dataLogDir?: string;
  /** KiB a log grows at a time (preAllocSize), default 65536; ≤ 0 = no preallocation. */
  preAllocKb?: number;
  /** Default true; false acknowledges without a sync (forceSync=no). */
  forceSync?: boolean;
  /** Write digests into snapshots, default true. */
  digest?: boolean;
  /** Write the last-zxid section of 3.9 into snapshots, default true. */
  serializeLastZxid?: boolean;
  /** How snapshots are written, default 'none'; every kind is read. */
  compression?: Compression;
  /** Replay a log without any snapshot (snapshot.trust.empty), default false. */
  trustEmpty?: boolean;
  /** An empty database may vote (db.autocreate), default true. */
  autocreateDb?: boolean;
  /**
   * Damage is no reason not to start, because other members have the history too: it is reported in what was recovered,
   * untrusted and empty, and the files are set aside once a snapshot has replaced them. Default false: recovery throws.
   */
  canRejoin?: boolean;
  /** Make missing directories (datadir.autocreate), default true. */
  autocreateDirectories?: boolean;
  /** Longest txn believed on reading, in bytes; default jute.maxbuffer + extrasize, 2 × 1,048,575. */
  maxEntryBytes?: number;
  /** Roll the log beyond this padded size in KiB (txnLogSizeLimitInKb), default −1 = only at checkpoints. */
  logSizeLimitKb?: number;
  /** Snapshots kept by the purge after each checkpoint, at least 3; 0 = never purge. Default 3. */
  snapRetainCount?: number;
  /** Bytes that these snapshots and their logs may take before the oldest go all the same, but for two; 0 = any. Default 0. */
  retainBytes?: number;
  /** Told of every sync of the log: how long it took, in ms, and the file's padded size in bytes. */
  onSync?: (ms: number, fileBytes: number) => void;
  /**
   * What {@link Store.checkpoint} writes. By default a whole snapshot each time; 'apache' says so for good, and removes the
   * checkpoint of an earlier 'lmdb', which is otherwise left alone. With 'lmdb' it is what has changed since the last time,
   * and a snapshot only once the log behind the newest one has grown as long as that is itself (at least 64 MiB): so that
   * Apache can be started on the directory at any time, and reads no more than twice the tree.
   */
  checkpoint?: 'apache' | 'lmdb';
  /** How often what did not fit is tried again, in ms; default 1000. */
  roomRetryMs?: number;
  /** Default: the real file system. The LMDB checkpoint is always on that one. */
  disk?: Disk;
}

const KIB_64_MIB = 65_536;
const DEFAULT_MAX_ENTRY_BYTES = 2 * 0xfffff;

/** Apache's files on a real disk. One at a time: nothing but convention keeps a second process out of the directory. */
export class FileStore implements Store {
  onFatal: (error: Error) => void = (error) => {
    throw error;
  };

  readonly #disk: Disk;
  readonly #directory: DataDirectory;
  readonly #options: FileStoreOptions;
  readonly #snapshots: Snapshots;
  readonly #log: TxnLog;
  readonly #room: RoomKeeper;
  readonly #work: WorkLoop;
  readonly #lmdb: Checkpoint | null;
  readonly #checkpointer: Checkpointer;
  #isDamaged = false; // what lies on disk is to be kept, for whoever wants to look at it
  #hasImage = false; // a log without any snapshot could not be recovered
  #lastAppended: Zxid | null = null;
  #lastDurable = asZxid(0n);

  private constructor(options: FileStoreOptions) {
    const { dataDir, dataLogDir = dataDir, disk = nodeDisk } = options;
    this.#options = options;
    this.#disk = disk;
    this.#directory = openDataDirectory(disk, dataDir, dataLogDir, options.autocreateDirectories ?? true);
    this.#snapshots = new Snapshots(disk, this.#directory.snapshots, {
      digest: options.digest ?? true,
      lastZxid: options.serializeLastZxid ?? true,
      compression: options.compression ?? 'none',
    });
    this.#log = new TxnLog(disk, this.#directory.logs, {
      preAllocKb: options.preAllocKb ?? KIB_64_MIB,
      forceSync: options.forceSync ?? true,
      maxEntryBytes: options.maxEntryBytes ?? DEFAULT_MAX_ENTRY_BYTES,
      sizeLimitKb: options.logSizeLimitKb ?? -1,
    });
    this.#room = new RoomKeeper(options.roomRetryMs ?? ROOM_RETRY_MS);
    this.#work = new WorkLoop(this.#workHost(), this.#log, this.#room);
    this.#lmdb = options.checkpoint === 'lmdb' ? new Checkpoint(this.#directory.snapshots, (error) => this.#work.fail(error)) : null;
    this.#checkpointer = new Checkpointer(this.#checkpointHost(), this.#log, this.#snapshots, this.#lmdb);
  }

  /** Makes or checks the directories; reads nothing yet. @throws DataDirectoryError */
  static open(options: FileStoreOptions): FileStore {
    return new FileStore(options);
  }

  get onShortage(): (shortage: Error | null) => void {
    return this.#room.onChange;
  }

  set onShortage(handler: (shortage: Error | null) => void) {
    this.#room.onChange = handler;
  }

  recover(): Recovered {
    if (this.#options.checkpoint === 'apache') removeCheckpoint(this.#directory.snapshots);
    const recovered = recover(this.#sources(), {
      trustEmpty: this.#options.trustEmpty ?? false,
      autocreateDb: this.#options.autocreateDb ?? true,
      canRejoin: this.#options.canRejoin ?? false,
    });
    this.#continueFrom(recovered);
    return recovered;
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    const last = this.#lastAppended;
    if (last !== null && proposal.zxid <= last) violated('zxids only rise in the log', { zxid: proposal.zxid, last });
    this.#lastAppended = proposal.zxid;
    this.#work.append(proposal, persisted);
  }

  flush(done: () => void): void {
    this.#work.flush(done);
  }

  saveEpochs(epochs: Partial<Epochs>, done: () => void): void {
    this.#work.jobUntilItFits(() => writeEpochs(this.#disk, this.#directory.snapshots, epochs), done);
  }

  truncate(to: Zxid, done: (recovered: Recovered | null) => void): void {
    this.#lastAppended = null; // what is appended next may have been in the log before
    let result: Recovered | null = null;
    const work = async (): Promise<void> => {
      await this.#checkpointer.stop();
      result = truncate(this.#sources(), to, { canRejoin: this.#options.canRejoin ?? false });
      if (!result) return;
      this.#hasImage = result.trusted;
      this.#isDamaged = result.damage !== undefined;
      this.#lastDurable = result.lastZxid;
    };
    this.#work.job(work, () => done(result));
  }

  replaceWith(image: Image, done: () => void): void {
    const zxid = image.zxid;
    this.#lastAppended = zxid;
    this.#work.jobUntilItFits(async () => {
      await this.#checkpointer.stop();
      const incoming = await this.#snapshots.writeIncoming(image, zxid, () => this.#work.hasFailed);
      if (!incoming) return;
      await this.#snapshots.publishAsReplacement(incoming, this.#isDamaged);
      finishReplacement(this.#sources());
      this.#isDamaged = false;
      this.#lastDurable = zxid;
      this.#hasImage = true;
    }, done);
  }

  checkpoint(image: Image, done: (failure: Error | null) => void): void {
    const begin = this.#checkpointer.ask(image);
    this.#work.job(() => {
      this.#log.roll();
      if (begin) begin(done);
      else setImmediate(done, null);
    });
  }

  readLog(from: Zxid): Iterable<Proposal> | null {
    return this.#log.readFrom(from);
  }

  logSizeFrom(from: Zxid): number {
    return this.#log.sizeFrom(from);
  }

  newestImageSize(): number {
    return Math.max(this.#snapshots.newestSize(), this.#lmdb?.size() ?? 0);
  }

  close(done?: () => void): void {
    this.#work.close((isAbandoned) => this.#letGo(isAbandoned), done);
  }

  async #letGo(isAbandoned: boolean): Promise<void> {
    if (isAbandoned) await this.#checkpointer.stop(); // it may hold what is in no log
    await this.#checkpointer.finish();
    this.#log.close();
    await this.#lmdb?.close();
  }

  #sources(): RecoverySources {
    return { disk: this.#disk, directory: this.#directory, snapshots: this.#snapshots, log: this.#log, checkpoint: this.#lmdb };
  }

  #workHost(): WorkHost {
    const store = this;
    return {
      get hasImage() {
        return store.#hasImage;
      },
      logged: (upTo, ms) => this.#logged(upTo, ms),
      failed: (error) => this.onFatal(error),
    };
  }

  #logged(upTo: Zxid, ms: number): void {
    this.#lastDurable = upTo;
    this.#options.onSync?.(ms, this.#log.paddedSize);
    this.#checkpointer.logged();
  }

  #checkpointHost(): CheckpointHost {
    const store = this;
    return {
      get lastAppended() {
        return store.#lastAppended;
      },
      get hasImage() {
        return store.#hasImage;
      },
      get hasFailed() {
        return store.#work.hasFailed;
      },
      isDurable: (zxid) => this.#work.jobRuns || zxid === null || this.#lastDurable >= zxid,
      attempt: (work, then) => this.#work.attempt(work, then),
      published: () => this.#published(),
    };
  }

  async #published(): Promise<void> {
    this.#hasImage = true;
    const { snapRetainCount: count = MIN_RETAINED_SNAPSHOTS, retainBytes: bytes = 0 } = this.#options;
    if (count > 0) await purge(this.#snapshots, this.#log, { count, bytes });
  }

  #continueFrom(recovered: Recovered): void {
    this.#hasImage = recovered.trusted;
    this.#isDamaged = recovered.damage !== undefined;
    this.#lastAppended = recovered.lastZxid;
    this.#lastDurable = recovered.lastZxid;
  }
}
