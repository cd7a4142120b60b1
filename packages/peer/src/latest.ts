/** Paths without a value that are kept before they are all forgotten. */
const KEPT = 4096;

/**
 * The latest value for each path, where values come and go with every write.
 *
 * A Map that is added to and deleted from makes itself a new table every so many times. The tables that it leaves behind grow
 * old with whatever they held, and until a full collection each scavenge copies that and promotes it: half of what a write
 * cost the collector. So a path keeps its place without a value, and places are given up many at a time.
 */
export class Latest<V extends object> {
  #values = new Map<string, V | undefined>();
  #used = 0;

  get(path: string): V | undefined {
    return this.#values.get(path);
  }

  set(path: string, value: V): void {
    if (this.#values.get(path) === undefined) this.#used += 1;
    this.#values.set(path, value);
  }

  delete(path: string): void {
    if (this.#values.get(path) === undefined) return;
    this.#used -= 1;
    this.#values.set(path, undefined);
    if (this.#values.size - this.#used > Math.max(KEPT, this.#used)) this.#forgetUnused();
  }

  clear(): void {
    this.#values = new Map();
    this.#used = 0;
  }

  #forgetUnused(): void {
    const used = [...this.#values].filter(([, value]) => value !== undefined);
    this.#values = new Map(used);
  }
}
