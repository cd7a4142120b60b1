import { asZxid, hex, type Proposal, type Zxid } from '@zk/protocol';
import type { Epochs } from '@zk/store';
import type { Rng } from './rng.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';
import type { StoredImage } from './stored-image.ts';

/** How long the disk takes, ms; `slow` is how often an operation takes ten times as long. */
export interface DiskSpeed {
  readonly minMs: number;
  readonly maxMs: number;
  readonly slow: number;
}

export const ORDINARY_DISK: DiskSpeed = { minMs: 0.05, maxMs: 3, slow: 0.01 };

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

export interface Operation {
  readonly kind: DiskOperation;
  /** Makes it durable; what it returns is told to whoever asked, afterwards. */
  apply(): () => void;
}

/** The life of a process on a disk. */
export interface DiskUser {
  /** The process died: nothing calls back any more. Returns what was not synced, oldest first. */
  abandon(): Operation[];
  /** There is room again. */
  roomFound(): void;
}

/** What is on the platter: what a crash leaves. */
interface Durable {
  image: StoredImage | null;
  log: Proposal[];
  epochs: Epochs | null;
}

/**
 * A made-up disk, which a crash treats as crashes do: everything synced stays; of what was written and not synced, a prefix
 * may have reached the platter, by chance. It outlives the process: each life of its member has a store of its own over the
 * same platter.
 */
export class Disk {
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  speed: DiskSpeed = ORDINARY_DISK;
  readonly durable: Durable = { image: null, log: [], epochs: null };
  owner: DiskOwner = NOBODY;
  #user: DiskUser | null = null;
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

  /** A process begins to use it. */
  attach(user: DiskUser): void {
    this.repair();
    this.#user = user;
  }

  /** The process is gone. Unsynced operations end as chance has it, in order: a prefix of them is on the platter. */
  crash(): Interrupted {
    const interrupted = this.#user?.abandon() ?? [];
    this.#user = null;
    const kept = this.#isFull ? 0 : this.#rng.between(0, interrupted.length);
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
    this.owner.wake(() => this.#user?.roomFound());
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
export function lowerBound(log: readonly Proposal[], zxid: bigint): number {
  let [low, high] = [0, log.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle] as Proposal).zxid < zxid) low = middle + 1;
    else high = middle;
  }
  return low;
}
