import { asZxid, collectImage, encodeImage, hex, ImageReader, MemorySource, type Capture, type Image, type ImageNode, type ImageTotals, type Proposal, type Zxid } from '@zk/protocol';
import type { Epochs, Recovered, Store } from '@zk/store';
import type { Rng } from './rng.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

/** How long the disk takes, ms; `slow` is how often an operation takes ten times as long. */
export interface DiskSpeed {
  readonly minMs: number;
  readonly maxMs: number;
  readonly slow: number;
}

export const ORDINARY_DISK: DiskSpeed = { minMs: 0.05, maxMs: 3, slow: 0.01 };

/** Znodes of a checkpoint that are copied in one go: the tree changes between one handful and the next. */
const HANDFUL = { min: 1, max: 150 };

/** What a disk is asked to do. */
export const DISK_OPERATIONS = ['append', 'epochs', 'truncate', 'image', 'checkpoint', 'flush'] as const;
export type DiskOperation = (typeof DISK_OPERATIONS)[number];

/** What became of the operations that a crash interrupted. */
export interface Interrupted {
  readonly kept: number;
  readonly lost: number;
  /** Half of a txn reached the platter. */
  readonly torn: boolean;
}

/** Whoever owns the machine that the disk is in. */
export interface DiskOwner {
  /** Something on the platter has changed. */
  written(by: DiskOperation): void;
  /** What a start had found damaged has been replaced. */
  healed(): void;
  /** Runs what the process is to hear of its disk: at once, or when it runs again. */
  wake(run: () => void): void;
}

const NOBODY: DiskOwner = { written: () => undefined, healed: () => undefined, wake: (run) => run() };

interface Operation {
  readonly kind: DiskOperation;
  /** Makes it durable; what it returns is told to whoever asked, afterwards. */
  apply(): () => void;
}

/** What is on the platter: what a crash leaves. */
interface Durable {
  image: StoredImage | null;
  log: Proposal[];
  epochs: Epochs | null;
}

interface StoredImage {
  readonly zxid: Zxid;
  readonly chunks: readonly Buffer[];
  readonly digest: Image['digest'];
  /** What a member can begin with before it has read it all; only of an exact one. */
  readonly exact: { readonly nodes: readonly ImageNode[]; readonly totals: ImageTotals } | null;
}

/**
 * A store that keeps the promises of `Store` on a made-up disk, which a crash treats as crashes do: everything synced
 * stays; of what was written and not synced, a prefix may have reached the platter, by chance.
 *
 * It outlives the process: `attach()` gives each life of its member a store of its own over the same platter.
 */
export class Disk {
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  speed: DiskSpeed = ORDINARY_DISK;
  readonly durable: Durable = { image: null, log: [], epochs: null };
  owner: DiskOwner = NOBODY;
  #store: SimStore | null = null;
  /** What was synced and can be read no more: a txn, or the image. */
  #rotten: Zxid | StoredImage | null = null;
  /** The end of the log is half a txn. */
  #torn = false;
  #fails = false;
  #isFull = false;
  /** Its history was given up at a start, and has not come back yet. */
  #isLost = false;
  #fuse: { left: number; kind: DiskOperation | null; blow: (after: DiskOperation) => void } | null = null;

  constructor(scheduler: Scheduler, rng: Rng) {
    this.#scheduler = scheduler;
    this.#rng = rng;
  }

  attach(): Store {
    this.repair();
    this.#store = new SimStore(this);
    return this.#store;
  }

  /** The process is gone. Unsynced operations end as chance has it, in order: a prefix of them is on the platter. */
  crash(): Interrupted {
    const interrupted = this.#store?.abandon() ?? [];
    this.#store = null;
    const kept = this.#rng.between(0, interrupted.length);
    for (const operation of interrupted.slice(0, kept)) operation.apply();
    this.#torn = interrupted[kept]?.kind === 'append' && this.#rng.chance(0.5);
    return { kept, lost: interrupted.length - kept, torn: this.#torn };
  }

  /** True once after a crash that tore a txn: the half is cut off. */
  cutTornTail(): boolean {
    const torn = this.#torn;
    this.#torn = false;
    return torn;
  }

  /** After `operations` more changes of the platter, of `kind` if given, `blow` is called, before anybody hears of the last one. */
  blowAfter(operations: number, blow: (after: DiskOperation) => void, kind: DiskOperation | null = null): void {
    this.#fuse = { left: operations, kind, blow };
  }

  /** What `blowAfter` was to do, and has not done yet, is off. */
  defuse(): void {
    this.#fuse = null;
  }

  /** The next operation fails, and all after it, until it is repaired: at the latest by the next start. */
  fail(): void {
    this.#fails = true;
  }

  /** Nothing fits any more, whoever asks, until there is room again. */
  fill(): void {
    this.#isFull = true;
  }

  makeRoom(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.owner.wake(() => this.#store?.roomFound());
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  repair(): void {
    this.#fails = false;
  }

  get fails(): boolean {
    return this.#fails;
  }

  /** An operation has reached the platter. */
  written(by: DiskOperation): void {
    this.owner.written(by);
    const fuse = this.#fuse;
    if (!fuse || (fuse.kind !== null && fuse.kind !== by) || --fuse.left > 0) return;
    this.#fuse = null;
    fuse.blow(by);
  }

  /** A bit flips in what was synced long ago: nobody notices until it is read. False where there is nothing to damage. */
  rot(): boolean {
    const { image, log } = this.durable;
    if (this.damaged || (log.length === 0 && !image)) return false;
    this.#rotten = image && (log.length === 0 || this.#rng.chance(0.2)) ? image : this.#rng.pick(log).zxid;
    return true;
  }

  /** A restart would not find its whole history. */
  get damaged(): boolean {
    const rotten = this.#rotten;
    if (this.#isLost || rotten === null) return this.#isLost;
    return typeof rotten === 'bigint' ? bytesAt(this.durable.log, rotten) !== undefined : rotten === this.durable.image;
  }

  /** @throws Error where the log cannot be read */
  *read(log: readonly Proposal[]): Generator<Proposal> {
    for (const proposal of log) {
      if (proposal.zxid === this.#rotten) throw new Error(`the log is damaged at ${hex(proposal.zxid)}`);
      yield proposal;
    }
  }

  /** A start has found the damage. */
  lose(): void {
    this.#isLost = true;
  }

  /** An image replaces everything, and what was wrong with it. */
  restore(image: StoredImage): void {
    if (this.#isLost) this.owner.healed();
    this.durable.image = image;
    this.durable.log.length = 0;
    this.#isLost = false;
    this.#rotten = null;
  }

  between(low: number, high: number): number {
    return this.#rng.between(low, high);
  }

  /** Last txn a restart would find. */
  get lastZxid(): Zxid {
    if (this.#isLost) return asZxid(0n);
    return this.durable.log.at(-1)?.zxid ?? this.durable.image?.zxid ?? asZxid(0n);
  }

  /** Whether the txn would survive a crash now: it is in the log, or an image covers it. */
  has(zxid: Zxid): boolean {
    const { image, log } = this.durable;
    if (this.#isLost) return false;
    if (image && image.zxid >= zxid) return true;
    return bytesAt(log, zxid) !== undefined;
  }

  after(run: () => void): Scheduled {
    const { minMs, maxMs, slow } = this.speed;
    const took = minMs + this.#rng.next() * (maxMs - minMs);
    return this.#scheduler.after(this.#rng.chance(slow) ? took * 10 : took, run);
  }
}

/** The logged bytes of `zxid`; the log is in zxid order. */
export function bytesAt(log: readonly Proposal[], zxid: bigint): Buffer | undefined {
  const found = log[lowerBound(log, zxid)];
  return found?.zxid === zxid ? found.bytes : undefined;
}

/** Index of the first txn with a zxid ≥ `zxid`. */
function lowerBound(log: readonly Proposal[], zxid: bigint): number {
  let [low, high] = [0, log.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle] as Proposal).zxid < zxid) low = middle + 1;
    else high = middle;
  }
  return low;
}

class SimStore implements Store {
  onFatal: (error: Error) => void = () => undefined;
  onShortage: (shortage: Error | null) => void = () => undefined;
  readonly #disk: Disk;
  /** Written, not synced. All of them become durable together, when the sync that covers them ends. */
  #waiting: Operation[] = [];
  #syncing: Operation[] = [];
  #sync: Scheduled | null = null;
  /** What is waiting does not fit. */
  #isShort = false;
  #closed = false;
  #checkpoints = 0;
  /** The process is gone. */
  #abandoned = false;

  constructor(disk: Disk) {
    this.#disk = disk;
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
    this.#later('truncate', () => {
      const { durable } = this.#disk;
      if (this.#disk.damaged || (durable.image && durable.image.zxid > to)) return () => done(null);
      durable.log.length = lowerBound(durable.log, to + 1n);
      return () => done(this.recover());
    });
  }

  replaceWith(image: Image, done: () => void): void {
    const stored = writeImage(image);
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
        if (next.done) return this.#install(copied(nodes), done);
        nodes.push(next.value);
      }
      this.#disk.after(copy);
    };
    this.#disk.after(copy);
  }

  #install(stored: StoredImage, done: (failure: Error | null) => void): void {
    if (this.#disk.isFull) return this.#disk.owner.wake(() => done(noRoom()));
    this.#later('checkpoint', () => {
      const { durable } = this.#disk;
      durable.image = stored;
      durable.log.splice(0, lowerBound(durable.log, stored.zxid + 1n));
      return () => done(null);
    });
  }

  readLog(from: Zxid): Iterable<Proposal> | null {
    const { image, log } = this.#disk.durable;
    const reachesBack = (log[0] !== undefined && log[0].zxid <= from) || (image === null && log.length > 0);
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
      this.#closed = true; // what waits for room was never acknowledged
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

/** What is known at the beginning, for when the znodes have been copied. */
function copyOf(image: Image, capture: Capture | undefined): (nodes: ImageNode[]) => StoredImage {
  const { zxid } = image;
  const sessions = [...image.sessions];
  const acls = [...image.acls];
  return (nodes) => {
    const stored = writeImage({ zxid, sessions, acls, nodes: parentsFirst(nodes), digest: capture ? capture.digest : image.digest });
    return capture?.totals ? { ...stored, exact: { nodes, totals: capture.totals } } : stored;
  };
}

function writeImage(image: Image): StoredImage {
  return { zxid: image.zxid, chunks: [...encodeImage(image)].map((chunk) => Buffer.from(chunk)), digest: image.digest, exact: null };
}

/** A capture comes in any order. A path is never before what is above it, by length. */
function parentsFirst(nodes: readonly ImageNode[]): ImageNode[] {
  return [...nodes].sort((one, other) => one.path.length - other.path.length);
}

function readImage(stored: StoredImage): Image {
  const builder = collectImage(stored.zxid);
  const reader = new ImageReader(builder);
  for (const chunk of stored.chunks) reader.push(chunk);
  const { exact } = stored;
  return { ...builder.finish(), digest: stored.digest, ...(exact && { source: new MemorySource(exact.nodes, exact.totals) }) };
}
