import { Worker } from 'node:worker_threads';

/** What the writer's thread is told. */
export type ToWriter =
  | { readonly kind: 'begin'; readonly isWhole: boolean; readonly keepUnknown: boolean }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'commit' }
  | { readonly kind: 'abort' }
  | { readonly kind: 'close'; readonly spare: readonly ArrayBuffer[] };

/** What it says. `taken` gives back the memory of the chunks that it has entered. */
export type FromWriter =
  | { readonly kind: 'taken'; readonly buffers: readonly ArrayBuffer[] }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'committed' | 'aborted' | 'closed' };

/** Bytes of chunks under way to the thread; twice what it gathers before it enters anything, so that neither side waits. */
const MAX_UNDER_WAY_BYTES = 16 * 1024 * 1024;

/**
 * A checkpoint could not be written; the one before it still stands. Why is not told apart: for a full disk LMDB gives
 * ENOSPC or, after a short write, EIO. The log has everything, and finds out by itself what is wrong with the disk.
 */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/** The file on disk is not what LMDB writes: it was not opened. The message says what is wrong with it. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError';
}

/** The thread that enters records into LMDB, seen from outside. One transaction at a time. */
export class CheckpointThread {
  readonly #worker: Worker;
  #underWayBytes = 0;
  /** Came back from the thread: what is allocated anew for every chunk leaves holes in the process's memory. */
  #spare: ArrayBuffer[] = [];
  #failure: Error | null = null;
  /** Who waits for an answer: what is under way, and whoever ends the thread meanwhile. */
  readonly #waiting = new Set<() => void>();
  #last: FromWriter['kind'] | null = null;

  /** @param isSound whether the thread need not look at the file before it has LMDB open it */
  constructor(directory: string, isSound: boolean) {
    this.#worker = new Worker(new URL('./checkpoint-writer.js', import.meta.url), { workerData: { directory, isSound } });
    this.#worker.on('message', (message: FromWriter) => this.#heard(message));
    this.#worker.on('error', (error: Error) => this.#failed(error));
    this.#worker.unref(); // a process that has nothing else to do may end
  }

  /** False: it has failed, and nothing it was told is on disk unless it said so. */
  get isAlive(): boolean {
    return this.#failure === null;
  }

  begin(isWhole: boolean, keepUnknown: boolean): void {
    this.#tell({ kind: 'begin', isWhole, keepUnknown });
  }

  /** Memory for a chunk of at least `length` bytes, if any has come back. */
  spareBuffer(length: number): ArrayBuffer | null {
    const buffer = this.#spare.pop();
    return buffer !== undefined && buffer.byteLength >= length ? buffer : null;
  }

  /** The memory behind the chunk goes to the thread. Resolves when another chunk may come. */
  async enter(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#underWayBytes += bytes.buffer.byteLength;
    this.#tell({ kind: 'chunk', bytes }, [bytes.buffer]);
    await this.#until(() => this.#underWayBytes < MAX_UNDER_WAY_BYTES);
  }

  /** Resolves when everything is on disk. */
  async commit(): Promise<void> {
    await this.#ask({ kind: 'commit' }, 'committed');
  }

  /** Resolves when nothing of it is left. */
  async abort(): Promise<void> {
    await this.#ask({ kind: 'abort' }, 'aborted');
  }

  /** What is spare goes with the thread: here it would wait for a garbage collection. */
  async close(): Promise<void> {
    const spare = this.#spare.splice(0);
    if (this.isAlive) await this.#ask({ kind: 'close', spare }, 'closed', spare);
    await this.#worker.terminate();
  }

  async #ask(message: ToWriter, answer: Exclude<FromWriter['kind'], 'taken' | 'damaged'>, transfer: ArrayBuffer[] = []): Promise<void> {
    this.#last = null;
    this.#tell(message, transfer);
    await this.#until(() => this.#last === answer);
  }

  #tell(message: ToWriter, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #heard(message: FromWriter): void {
    if (message.kind === 'taken') this.#taken(message.buffers);
    else if (message.kind === 'damaged') this.#failure ??= new DamagedFileError(message.reason);
    else this.#last = message.kind;
    this.#wake();
  }

  #taken(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) this.#underWayBytes -= buffer.byteLength;
    this.#spare.push(...buffers);
  }

  #failed(error: Error): void {
    this.#failure = error;
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** @throws CheckpointError when the thread has failed, DamagedFileError when it has not begun */
  async #until(isSo: () => boolean): Promise<void> {
    this.#worker.ref();
    while (!this.#failure && !isSo()) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    this.#worker.unref();
    if (this.#failure instanceof DamagedFileError) throw this.#failure;
    if (this.#failure) throw new CheckpointError(`the checkpoint could not be written: ${this.#failure.message}`, { cause: this.#failure });
  }
}
