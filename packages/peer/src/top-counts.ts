/** How many keys are counted at once. */
const CAPACITY = 256;

/**
 * The keys that were counted most often, of any number of them, in bounded memory: the space-saving sketch (Metwally et
 * al. 2005). A count is too high by at most the total ÷ CAPACITY, and no key above that is missing.
 */
export class TopCounts {
  readonly #counts = new Map<string, number>();
  /** No count is below this: the search for the rarest ends at the first that has it. */
  #floor = 0;

  add(key: string, times: number): void {
    const count = this.#counts.get(key);
    if (count !== undefined) this.#counts.set(key, count + times);
    else if (this.#counts.size < CAPACITY) this.#counts.set(key, times);
    else this.#replaceRarest(key, times);
  }

  /** The `most` keys with the highest counts, highest first. */
  top(most: number): { readonly key: string; readonly count: number }[] {
    const sorted = [...this.#counts].sort(([, a], [, b]) => b - a);
    return sorted.slice(0, most).map(([key, count]) => ({ key, count }));
  }

  clear(): void {
    this.#counts.clear();
    this.#floor = 0;
  }

  /** The newcomer inherits the count of the one that it drives out: it may have been here that often before. */
  #replaceRarest(key: string, times: number): void {
    let rarest = '';
    let fewest = Infinity;
    for (const [other, count] of this.#counts) {
      if (count >= fewest) continue;
      rarest = other;
      fewest = count;
      if (count <= this.#floor) break;
    }
    this.#floor = fewest;
    this.#counts.delete(rarest);
    this.#counts.set(key, fewest + times);
  }
}
