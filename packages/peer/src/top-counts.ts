/** How many keys are counted at once. */
const CAPACITY = 256;

/**
 * The keys that were counted most often, of any number of them, in bounded memory: the space-saving sketch (Metwally et
 * al. 2005). A count is too high by at most the total ÷ CAPACITY, and no key above that is missing.
 */
export class TopCounts {
  readonly #places = new Map<string, number>();
  #keys: string[] = [];
  /** Beside the keys and not in the Map: where the rarest is looked for often, and making an entry of each would be garbage. */
  readonly #counts = new Float64Array(CAPACITY);

  add(key: string, times: number): void {
    const place = this.#places.get(key);
    if (place !== undefined) this.#counts[place]! += times;
    else if (this.#keys.length < CAPACITY) this.#put(this.#keys.length, key, times);
    else this.#replaceRarest(key, times);
  }

  /** The `most` keys with the highest counts, highest first. */
  top(most: number): { readonly key: string; readonly count: number }[] {
    const all = this.#keys.map((key, place) => ({ key, count: this.#counts[place]! }));
    return all.sort((a, b) => b.count - a.count).slice(0, most);
  }

  clear(): void {
    this.#places.clear();
    this.#keys = [];
  }

  /** The newcomer inherits the count of the one that it drives out: it may have been here that often before. */
  #replaceRarest(key: string, times: number): void {
    const place = this.#rarest();
    this.#places.delete(this.#keys[place]!);
    this.#put(place, key, this.#counts[place]! + times);
  }

  #rarest(): number {
    const counts = this.#counts;
    let rarest = 0;
    for (let place = 1; place < CAPACITY; place++) if (counts[place]! < counts[rarest]!) rarest = place;
    return rarest;
  }

  #put(place: number, key: string, count: number): void {
    this.#places.set(key, place);
    this.#keys[place] = key;
    this.#counts[place] = count;
  }
}
