import { asZxid, invariant, MemorySource, type Capture, type Image, type ImageNode, type Proposal, type Zxid } from '@zk/protocol';
import type { Epochs, Recovered, Store } from '@zk/store';
import { lowerBound, type Disk, type DiskOperation, type DiskUser, type Operation } from './disk.ts';
import type { Scheduled } from './scheduler.ts';
import { copyOf, readImage, writeImage, type StoredImage } from './stored-image.ts';

/** Znodes of a checkpoint that are copied in one go: the tree changes between one handful and the next. */
const HANDFUL = { min: 1, max: 150 };

/**
 * Keeps the promises of `Store` on a made-up disk, for one life of a process: what is asked for is written at once and synced
 * together with what else was, and each is told when that sync has ended.
 */
export class SimStore implements Store, DiskUser {
  onFatal: (error: Error) => void = () => undefined;
  onShortage: (shortage: Error | null) => void = () => undefined;
  readonly #disk: Disk;
  /** Written, not synced. All of them become durable together, when the sync that covers them ends. */
  #waiting: Operation[] = [];
  #syncing: Operation[] = [];
  #sync: Scheduled | null = null;
  #lastAppended: Zxid | null = null;
  /** What is waiting does not fit. */
  #isShort = false;
  #closed = false;
  #checkpoints = 0;
  /** The process is gone. */
  #abandoned = false;

  constructor(disk: Disk) {
    this.#disk = disk;
    disk.attach(this);
  }

  recover(): Recovered {
    const { durable } = this.#disk;
    const epochs = durable.epochs && { ...durable.epochs };
    if (this.#disk.damaged) {
      this.#disk.lose();
      return { image: null, txns: [], epochs, lastZxid: asZxid(0n), notes: ['the log is damaged'], trusted: false };
    }
    return {
      image: durable.image && readImage(durable.image),
      txns: durable.log.slice(),
      epochs,
      lastZxid: this.#disk.lastZxid,
      notes: this.#disk.cutTornTail() ? ['the log ended in half a txn'] : [],
      trusted: true,
    };
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    const { log } = this.#disk.durable;
    const last = this.#lastAppended;
    invariant(last === null || proposal.zxid > last, 'zxids only rise in the log', { zxid: proposal.zxid, last });
    this.#lastAppended = proposal.zxid;
    this.#later('append', () => {
      log.push(proposal);
      return () => persisted(proposal.zxid);
    });
  }

  flush(done: () => void): void {
    this.#later('flush', () => done);
  }

  saveEpochs(epochs: Partial<Epochs>, done: () => void): void {
    this.#later('epochs', () => {
      const { durable } = this.#disk;
      durable.epochs = { ...(durable.epochs ?? { accepted: 0n, current: 0n }), ...epochs };
      return done;
    });
  }

  truncate(to: Zxid, done: (recovered: Recovered | null) => void): void {
    this.#lastAppended = null; // what is appended next may have been in the log before
    this.#later('truncate', () => {
      const { durable } = this.#disk;
      if (this.#disk.damaged || (durable.image && durable.image.zxid > to)) return () => done(null);
      durable.log.length = lowerBound(durable.log, to + 1n);
      return () => done(this.recover());
    });
  }

  replaceWith(image: Image, done: () => void): void {
    const stored = writeImage(image);
    this.#lastAppended = image.zxid;
    this.#later('image', () => {
      this.#disk.restore(stored);
      return done;
    });
  }

  /**
   * Beside the log. In turns exact, and such that the next start reads through to it, as the LMDB checkpoint of a real
   * disk; and fuzzy, for the tree changes while it is copied. Visible once every txn it may hold is durable.
   */
  checkpoint(image: Image, done: (failure: Error | null) => void): void {
    this.#checkpoints += 1;
    const capture = this.#checkpoints % 2 === 1 ? image.capture?.(null) : undefined;
    const copied = copyOf(image, capture);
    const source = (capture ?? image).nodes[Symbol.iterator]();
    const nodes: ImageNode[] = [];
    const copy = (): void => {
      if (this.#closed) return;
      for (let left = this.#disk.between(HANDFUL.min, HANDFUL.max); left > 0; left--) {
        const next = source.next();
        if (next.done) return this.#install(copied(nodes), capture, done);
        nodes.push(next.value);
      }
      this.#disk.after(copy);
    };
    this.#disk.after(copy);
  }

  #install(stored: StoredImage, capture: Capture | undefined, done: (failure: Error | null) => void): void {
    if (this.#disk.isFull) {
      capture?.release();
      return this.#disk.owner.wake(() => done(noRoom()));
    }
    this.#later('checkpoint', () => {
      const { durable } = this.#disk;
      durable.image = stored;
      durable.log.splice(0, lowerBound(durable.log, stored.zxid + 1n));
      return () => {
        const { exact } = stored;
        if (exact) capture?.committed?.(new MemorySource(exact.nodes, exact.totals));
        done(null);
      };
    });
  }

  readLog(from: Zxid): Iterable<Proposal> | null {
    const { log } = this.#disk.durable;
    const reachesBack = log[0] !== undefined && log[0].zxid <= from;
    return reachesBack ? this.#disk.read(log.slice(lowerBound(log, from))) : null;
  }

  logSizeFrom(from: Zxid): number {
    const { log } = this.#disk.durable;
    return log.slice(lowerBound(log, from)).reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  newestImageSize(): number {
    return this.#disk.durable.image?.chunks.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
  }

  close(done?: () => void): void {
    if (this.#isShort) {
      this.#closed = true;
      this.#waiting = []; // never acknowledged
      return void this.#disk.after(() => done?.());
    }
    this.#later('flush', () => {
      this.#closed = true;
      return () => done?.();
    });
  }

  /** The process died: nothing calls back any more. Returns what was not synced, oldest first. */
  abandon(): Operation[] {
    this.#sync?.cancel();
    this.#closed = true;
    this.#abandoned = true;
    return [...this.#syncing.splice(0), ...this.#waiting.splice(0)];
  }

  /** There is room: what waits is tried again. */
  roomFound(): void {
    if (!this.#isShort || this.#closed) return;
    this.#isShort = false;
    this.onShortage(null);
    this.#startSync();
  }

  #later(kind: DiskOperation, apply: Operation['apply']): void {
    if (this.#closed) return;
    this.#waiting.push({ kind, apply });
    if (this.#isShort) return;
    if (this.#syncing.length === 0) this.#startSync();
  }

  #startSync(): void {
    this.#syncing = this.#waiting.splice(0);
    this.#sync = this.#disk.after(() => {
      const told: (() => void)[] = [];
      if (this.#disk.fails) return this.#disk.owner.wake(() => this.onFatal(new Error('input/output error')));
      if (this.#disk.isFull) return this.#disk.owner.wake(() => this.#waitForRoom());
      for (let next = this.#syncing.shift(); next; next = this.#syncing.shift()) {
        told.push(next.apply());
        this.#disk.written(next.kind);
        if (this.#abandoned) return; // the power went: nobody hears
      }
      this.#disk.owner.wake(() => this.#tell(told));
    });
  }

  #waitForRoom(): void {
    this.#waiting.unshift(...this.#syncing.splice(0));
    if (!this.#disk.isFull) return this.#startSync();
    this.#isShort = true;
    this.onShortage(noRoom());
  }

  #tell(told: readonly (() => void)[]): void {
    for (const tell of told) if (!this.#abandoned) tell();
    if (this.#waiting.length > 0 && this.#syncing.length === 0) this.#startSync();
  }
}

function noRoom(): Error {
  return new Error('ENOSPC: no space left on device');
}
