/** Small sets of ids under a key. The only member of a set is kept as a bare number: most watched paths have one watcher. */
export class IdSets {
  readonly #sets = new Map<number, number | Set<number>>();

  /** The number of keys. */
  get size(): number {
    return this.#sets.size;
  }

  has(key: number, id: number): boolean {
    const ids = this.#sets.get(key);
    return typeof ids === 'object' ? ids.has(id) : ids === id;
  }

  hasKey(key: number): boolean {
    return this.#sets.has(key);
  }

  /** @returns false when it was there already */
  add(key: number, id: number): boolean {
    const ids = this.#sets.get(key);
    if (ids === undefined) this.#sets.set(key, id);
    else if (typeof ids === 'number') {
      if (ids === id) return false;
      this.#sets.set(key, new Set([ids, id]));
    } else {
      const before = ids.size;
      return ids.add(id).size > before;
    }
    return true;
  }

  /** @returns false when it was not there */
  delete(key: number, id: number): boolean {
    const ids = this.#sets.get(key);
    if (typeof ids !== 'object') return ids === id && this.#sets.delete(key);
    if (!ids.delete(id)) return false;
    if (ids.size === 0) this.#sets.delete(key);
    return true;
  }

  /** The members under a key at this moment. */
  get(key: number): readonly number[] {
    const ids = this.#sets.get(key);
    if (ids === undefined) return NONE;
    return typeof ids === 'number' ? [ids] : [...ids];
  }
}

const NONE: readonly number[] = [];
