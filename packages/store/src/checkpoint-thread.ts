import { Worker } from 'node:worker_threads';

/** What the writer's thread is told. */
export type ToWriter =
  | { readonly kind: 'begin'; readonly isWhole: boolean; readonly keepUnknown: boolean }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'commit' }
  | { readonly kind: 'abort' }
  | { readonly kind: 'close' };

/** What it says. */
export interface FromWriter {
  readonly kind: 'taken' | 'committed' | 'aborted' | 'closed';
}

/** Chunks under way to the thread; more would only pile up in memory. */
const MAX_UNDER_WAY = 32;

/** The thread that enters records into LMDB, seen from outside. One transaction at a time. */
export class CheckpointThread {
  readonly #worker: Worker;
  #underWay = 0;
  #failure: Error | null = null;
  #waiting: (() => void) | null = null;
  #last: FromWriter['kind'] | null = null;

  constructor(directory: string) {
    this.#worker = new Worker(new URL('./checkpoint-writer.js', import.meta.url), { workerData: { directory } });
    this.#worker.on('message', (message: FromWriter) => this.#heard(message));
    this.#worker.on('error', (error: Error) => this.#failed(error));
    this.#worker.unref(); // a process that has nothing else to do may end
  }

  begin(isWhole: boolean, keepUnknown: boolean): void {
    this.#tell({ kind: 'begin', isWhole, keepUnknown });
  }

  /** The memory behind the chunk goes to the thread. Resolves when another chunk may come. */
  async enter(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#underWay += 1;
    this.#worker.postMessage({ kind: 'chunk', bytes } satisfies ToWriter, [bytes.buffer]);
    await this.#until(() => this.#underWay < MAX_UNDER_WAY);
  }

  /** Resolves when everything is on disk. */
  async commit(): Promise<void> {
    await this.#ask({ kind: 'commit' }, 'committed');
  }

  /** Resolves when nothing of it is left. */
  async abort(): Promise<void> {
    await this.#ask({ kind: 'abort' }, 'aborted');
  }

  async close(): Promise<void> {
    await this.#ask({ kind: 'close' }, 'closed');
    await this.#worker.terminate();
  }

  async #ask(message: ToWriter, answer: FromWriter['kind']): Promise<void> {
    this.#last = null;
    this.#tell(message);
    await this.#until(() => this.#last === answer);
  }

  #tell(message: ToWriter): void {
    this.#worker.postMessage(message);
  }

  #heard({ kind }: FromWriter): void {
    if (kind === 'taken') this.#underWay -= 1;
    else this.#last = kind;
    this.#waiting?.();
  }

  #failed(error: Error): void {
    this.#failure = error;
    this.#waiting?.();
  }

  /** @throws what the thread has ended with */
  async #until(isSo: () => boolean): Promise<void> {
    this.#worker.ref();
    while (!this.#failure && !isSo()) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#worker.unref();
    this.#waiting = null;
    if (this.#failure) throw this.#failure;
  }
}
