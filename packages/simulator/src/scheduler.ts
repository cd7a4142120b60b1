/** Something that will happen, unless it is cancelled before. */
export interface Scheduled {
  cancel(): void;
}

interface Entry {
  readonly at: number;
  /** Ties go in the order in which they were scheduled. */
  readonly order: number;
  run: (() => void) | null;
}

/**
 * Simulated time, in milliseconds. It stands still while something happens and jumps from one event to the next, so an
 * hour costs what happens in it.
 */
export class Scheduler {
  #now = 0;
  #order = 0;
  #steps = 0;
  /** A binary heap on (at, order). */
  readonly #heap: Entry[] = [];

  get now(): number {
    return this.#now;
  }

  /** Events that have happened. */
  get steps(): number {
    return this.#steps;
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#now + Math.max(0, delayMs), run);
  }

  at(time: number, run: () => void): Scheduled {
    const entry: Entry = { at: Math.max(time, this.#now), order: this.#order++, run };
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
    return { cancel: () => void (entry.run = null) };
  }

  /** Lets the next event happen, if there is one no later than `limit`. */
  step(limit = Infinity): boolean {
    for (let entry = this.#heap[0]; entry && entry.at <= limit; entry = this.#heap[0]) {
      this.#removeFirst();
      if (!entry.run) continue;
      this.#now = entry.at;
      this.#steps += 1;
      entry.run();
      return true;
    }
    return false;
  }

  /** Everything that happens within the next `durationMs`. Time then stands at its end. */
  run(durationMs: number): void {
    const end = this.#now + durationMs;
    while (this.step(end));
    this.#now = end;
  }

  /** Until `condition` holds, asked after each event; false when `withinMs` passed without. */
  runUntil(condition: () => boolean, withinMs: number): boolean {
    const end = this.#now + withinMs;
    while (!condition()) {
      if (this.step(end)) continue;
      this.#now = end;
      return condition();
    }
    return true;
  }

  #before(a: Entry, b: Entry): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #up(index: number): void {
    const heap = this.#heap;
    for (let i = index; i > 0; ) {
      const parent = (i - 1) >> 1;
      const [below, above] = [heap[i] as Entry, heap[parent] as Entry];
      if (!this.#before(below, above)) return;
      heap[i] = above;
      heap[parent] = below;
      i = parent;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.#before(heap[child] as Entry, heap[least] as Entry)) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least] as Entry, heap[i] as Entry];
      i = least;
    }
  }
}
