const EMPTY = -1;
const SLOTS_PER_SEGMENT = 4096;
/** So many leading bits of a hash tell segments apart at most: enough for 200 million znodes. */
const MAX_DEPTH = 16;

/** What the index asks of the records it points to. */
export interface HashedRecords {
  hashOf(id: number): number;
  hasPath(id: number, path: Buffer, start: number, end: number): boolean;
}

/** The ids whose hashes begin with the same `depth` bits: open addressing with linear probing over the bits at the end. */
interface Segment {
  readonly depth: number;
  slots: Int32Array;
  count: number;
}

/**
 * Path bytes → znode id, four bytes per slot, at most three quarters of the slots taken. Paths and hashes stay in the
 * znode records.
 *
 * Extendible hashing: a segment that is full becomes two, and a directory finds the segment by the first bits of the
 * hash. So the index never grows all at once: that would stop the event loop for a tenth of a second at a million
 * znodes, and hold old and new at the same time.
 */
export class PathIndex {
  readonly #records: HashedRecords;
  #depth = 1;
  #shift = 31;
  /** By the first `#depth` bits of the hash; a segment of a smaller depth is there several times. */
  #directory: Segment[] = [newSegment(1), newSegment(1)];

  constructor(records: HashedRecords) {
    this.#records = records;
  }

  /** @returns the id of the znode whose path is `path[start, end)`, or −1 */
  find(path: Buffer, start: number, end: number, hash: number): number {
    const { slots } = this.#segmentOf(hash);
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot]!;
      if (id === EMPTY) return -1;
      if (this.#records.hashOf(id) === hash && this.#records.hasPath(id, path, start, end)) return id;
    }
  }

  /** Adds an id that is not in the index; its record must be complete. */
  add(id: number): void {
    const hash = this.#records.hashOf(id);
    let segment = this.#segmentOf(hash);
    while ((segment.count + 1) * 4 > segment.slots.length * 3) {
      this.#makeRoom(segment, hash);
      segment = this.#segmentOf(hash);
    }
    place(segment, id, hash);
  }

  /** Removes an id while its record is still there. Later entries move up, so that no gap splits a run. */
  remove(id: number): void {
    const hash = this.#records.hashOf(id);
    const segment = this.#segmentOf(hash);
    const { slots } = segment;
    const mask = slots.length - 1;
    let gap = hash & mask;
    while (slots[gap] !== id) gap = (gap + 1) & mask;
    for (let slot = (gap + 1) & mask; slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const home = this.#records.hashOf(slots[slot]!) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue; // its home lies behind the gap
      slots[gap] = slots[slot]!;
      gap = slot;
    }
    slots[gap] = EMPTY;
    segment.count -= 1;
  }

  #segmentOf(hash: number): Segment {
    return this.#directory[hash >>> this.#shift]!;
  }

  #makeRoom(segment: Segment, hash: number): void {
    if (segment.depth === MAX_DEPTH) this.#enlarge(segment); // hashes that somebody has chosen
    else this.#split(segment, hash);
  }

  #enlarge(segment: Segment): void {
    const ids = segment.slots;
    segment.slots = emptySlots(2 * ids.length);
    segment.count = 0;
    for (const id of ids) if (id !== EMPTY) place(segment, id, this.#records.hashOf(id));
  }

  /** Into two, by the bit behind those that its hashes have in common. */
  #split({ depth, slots }: Segment, hash: number): void {
    if (depth === this.#depth) this.#extend();
    const zeros = newSegment(depth + 1);
    const ones = newSegment(depth + 1);
    for (const id of slots) {
      if (id === EMPTY) continue;
      const its = this.#records.hashOf(id);
      place((its >>> (31 - depth)) & 1 ? ones : zeros, id, its);
    }
    const entries = 1 << (this.#depth - depth); // of the directory, that the segment has
    const first = (hash >>> this.#shift) & -entries;
    this.#directory.fill(zeros, first, first + entries / 2).fill(ones, first + entries / 2, first + entries);
  }

  #extend(): void {
    this.#directory = this.#directory.flatMap((segment) => [segment, segment]);
    this.#depth += 1;
    this.#shift -= 1;
  }
}

function place(segment: Segment, id: number, hash: number): void {
  const { slots } = segment;
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
  slots[slot] = id;
  segment.count += 1;
}

const newSegment = (depth: number): Segment => ({ depth, slots: emptySlots(SLOTS_PER_SEGMENT), count: 0 });

const emptySlots = (count: number): Int32Array => new Int32Array(count).fill(EMPTY);

/** FNV-1a over the bytes, finished so that every bit depends on all of them. */
export function hashPath(path: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ path[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
