/** Gives things small numbers, and takes the numbers back. */
export class Registry<T> {
  readonly #ids = new Map<T, number>();
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#ids.size;
  }

  /** @returns the thing's id, or undefined when it has none */
  find(thing: T): number | undefined {
    return this.#ids.get(thing);
  }

  /** @returns the thing's id, a new one if need be */
  idOf(thing: T): number {
    let id = this.#ids.get(thing);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#things.length;
      this.#things[id] = thing;
      this.#ids.set(thing, id);
    }
    return id;
  }

  thing(id: number): T | undefined {
    return this.#things[id];
  }

  release(id: number): void {
    const thing = this.#things[id];
    if (thing === undefined) return;
    this.#ids.delete(thing);
    this.#things[id] = undefined;
    this.#free.push(id);
  }

  entries(): Iterable<[T, number]> {
    return this.#ids;
  }
}
