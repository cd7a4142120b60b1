const EMPTY = -1;
const INITIAL_CAPACITY = 64;

/** What the index asks of the records it points to. */
export interface HashedRecords {
  hashOf(id: number): number;
  hasPath(id: number, path: Buffer, start: number, end: number): boolean;
}

/**
 * Path bytes → znode id: open addressing with linear probing, four bytes per slot, at most three quarters full.
 * Paths and hashes stay in the znode records.
 */
export class PathIndex {
  readonly #records: HashedRecords;
  #slots = new Int32Array(INITIAL_CAPACITY).fill(EMPTY);
  #count = 0;

  constructor(records: HashedRecords) {
    this.#records = records;
  }

  /** @returns the id of the znode whose path is `path[start, end)`, or −1 */
  find(path: Buffer, start: number, end: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]!;
      if (id === EMPTY) return -1;
      if (this.#records.hashOf(id) === hash && this.#records.hasPath(id, path, start, end)) return id;
    }
  }

  /** Adds an id that is not in the index; its record must be complete. */
  add(id: number): void {
    if ((this.#count + 1) * 4 > this.#slots.length * 3) this.#grow();
    this.#place(id);
    this.#count += 1;
  }

  /** Removes an id while its record is still there. Later entries move up, so that no gap splits a run. */
  remove(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = this.#records.hashOf(id) & mask;
    while (slots[gap] !== id) gap = (gap + 1) & mask;
    for (let slot = (gap + 1) & mask; slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const home = this.#records.hashOf(slots[slot]!) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue; // its home lies behind the gap
      slots[gap] = slots[slot]!;
      gap = slot;
    }
    slots[gap] = EMPTY;
    this.#count -= 1;
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#records.hashOf(id) & mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[slot] = id;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2).fill(EMPTY);
    for (const id of old) if (id !== EMPTY) this.#place(id);
  }
}

/** FNV-1a over the bytes, finished so that the low bits depend on all of them. */
export function hashPath(path: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ path[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
