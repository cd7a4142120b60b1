const SMALLEST = 8;
/** A ring beyond this is given back when it has run empty. */
const KEPT = 4096;

/**
 * A queue in a ring, whose length is a power of two: nothing is moved, and no array changes its length, when items come
 * and go. An array that is pushed to and shifted makes itself a new store now and then, and the stores that it leaves behind
 * keep young items alive.
 */
export class Fifo<T> {
  #ring: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The oldest item, undefined when empty. */
  get first(): T | undefined {
    return this.#ring[this.#head];
  }

  /** The youngest item, undefined when empty. */
  get last(): T | undefined {
    return this.at(this.#length - 1);
  }

  /** The item that has `index` others before it, undefined when there is none. */
  at(index: number): T | undefined {
    return index >= 0 && index < this.#length ? this.#ring[this.#slot(index)] : undefined;
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[this.#slot(this.#length)] = item;
    this.#length += 1;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = this.#slot(1);
    this.#length -= 1;
    if (this.#length === 0 && this.#ring.length > KEPT) this.clear();
    return item;
  }

  /** Takes the youngest item off again. */
  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    this.#length -= 1;
    const slot = this.#slot(this.#length);
    const item = this.#ring[slot];
    this.#ring[slot] = undefined;
    return item;
  }

  clear(): void {
    this.#ring = [];
    this.#head = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.#length; i += 1) yield this.#ring[this.#slot(i)] as T;
  }

  /** Where the item is that has `index` others before it. */
  #slot(index: number): number {
    return (this.#head + index) & (this.#ring.length - 1);
  }

  #grow(): void {
    const items = [...this];
    this.#ring = new Array<T | undefined>(Math.max(SMALLEST, 2 * this.#length)).fill(undefined);
    items.forEach((item, i) => (this.#ring[i] = item));
    this.#head = 0;
  }
}
