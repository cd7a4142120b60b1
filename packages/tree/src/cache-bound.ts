import type { Capture, ImageSource } from '@zk/protocol';
import type { ChangeTracker } from './change-tracker.ts';
import { isDigested } from './digest.ts';
import { EvictedZnodes } from './evicted-znodes.ts';
import * as at from './znode-layout.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znodes } from './znodes.ts';

/** A sweep goes on until this share of the bound is free. */
const FREED = 1 / 16;
const CHANGED_AT_ALL = at.CHANGED | at.CHANGED_TOO;

/**
 * Keeps the memory of the znodes below a bound: what the last committed checkpoint has as it is goes, and is read again
 * when somebody asks for it.
 *
 * A hand goes round all records, a few in each turn, and evicts what it may: that costs those who use the tree nothing,
 * not even a mark. It passes over what has changed, what has children in memory (they go first), what ends by itself
 * (ephemerals, containers, TTL znodes: sessions and timers must find them), and everything below /zookeeper.
 *
 * Nothing is evicted between the beginning of a capture and its end: what it has taken looks unchanged, and is not on disk yet.
 */
export class CacheBound {
  readonly #znodes: Znodes;
  readonly #bytes: number;
  #evicted: EvictedZnodes | null = null;
  #isCapturing = false;
  /** Sweeping begins above this. */
  #limit: number;
  #isSweeping = false;
  #hand = 0;
  /** Records looked at since something was evicted. */
  #inVain = 0;

  /** @param bytes of records, paths, data and index */
  constructor(znodes: Znodes, bytes: number) {
    this.#znodes = znodes;
    this.#bytes = bytes;
    this.#limit = bytes;
  }

  /** Whether nothing more should be read than what is asked for. */
  get isFull(): boolean {
    return this.#znodes.table.bytes >= this.#bytes;
  }

  /** Whether {@link sweep} has something to do. */
  get isExceeded(): boolean {
    return this.#evicted !== null && !this.#isCapturing && (this.#isSweeping || this.#znodes.table.bytes > this.#limit);
  }

  /** The source has everything that is neither in memory nor deleted; see {@link EvictedZnodes}. */
  begin(source: ImageSource, count: number, deleted: Iterable<string>): void {
    this.#evicted = new EvictedZnodes(this.#znodes, source, count, deleted);
    this.#znodes.table.backing = this.#evicted;
  }

  /** Looks at so many records and evicts which of them it may. */
  sweep(records: number): void {
    const evicted = this.#evicted;
    if (evicted === null || !this.isExceeded) return;
    const { table } = this.#znodes;
    const target = this.#bytes * (1 - FREED);
    this.#isSweeping = true;
    for (let left = records; left > 0 && this.#isSweeping; left--) {
      if (this.#hand >= table.idLimit) this.#hand = 0;
      const node = table.byId(this.#hand++);
      this.#inVain = this.#tryToEvict(node, evicted) ? 0 : this.#inVain + 1;
      if (table.bytes <= target || this.#inVain > table.idLimit) this.#rest();
    }
  }

  /** Everything is in memory from here on, until a checkpoint has been committed. */
  readAll(): void {
    const evicted = this.#evicted;
    if (evicted === null) return;
    evicted.readAll();
    this.close();
    this.#evicted = null;
    this.#znodes.table.backing = null;
  }

  /** @returns the capture, which tells what has become of it */
  follow(capture: Capture, tracker: ChangeTracker): Capture {
    let isOpen = true;
    const ended = (isCommitted: boolean): boolean => {
      if (!isOpen) return false;
      isOpen = false;
      this.#isCapturing = false;
      this.#limit = this.#bytes; // there may be something to evict again
      this.#evicted?.captureEnded(isCommitted);
      return true;
    };
    this.#isCapturing = true;
    this.#evicted?.captureBegins();
    return {
      ...capture,
      committed: (source) => {
        if (!ended(true)) return;
        tracker.letGo();
        if (this.#znodes.table.backing === null) this.begin(source, 0, tracker.removed);
      },
      release: () => {
        capture.release();
        if (ended(false)) tracker.takeBack();
      },
    };
  }

  close(): void {
    this.#evicted?.close();
  }

  /** After a lap in vain until there is a little more, or a checkpoint: a lap costs, and there is nothing to be had. */
  #rest(): void {
    const { bytes } = this.#znodes.table;
    this.#isSweeping = false;
    this.#inVain = 0;
    this.#limit = bytes <= this.#bytes ? this.#bytes : bytes + this.#bytes * FREED;
  }

  #tryToEvict(node: ZnodeRecord, evicted: EvictedZnodes): boolean {
    const flags = node.view.getUint8(node.base + at.FLAGS);
    const isClean = (flags & at.IN_USE) !== 0 && (flags & CHANGED_AT_ALL) === 0;
    if (!isClean || node.int(at.FIRST_CHILD) !== at.NO_ZNODE || node.hasOwner) return false;
    const { path } = node;
    if (path === '' || path === '/zookeeper' || !isDigested(path)) return false;
    evicted.evict(node, path);
    return true;
  }
}
