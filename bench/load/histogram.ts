const SUB_BITS = 6;
const SUB_BUCKETS = 1 << SUB_BITS;
const DOUBLINGS = 26;

/** Latencies in buckets that are 1/64 of a power of two wide: every percentile is right to within 2 %. */
export class Histogram {
  readonly #counts = new Float64Array(SUB_BUCKETS * (DOUBLINGS + 1));
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  /** Exact, in µs. */
  get max(): number {
    return this.#max;
  }

  add(microseconds: number): void {
    this.#counts[bucketOf(microseconds)]! += 1;
    this.#total += 1;
    if (microseconds > this.#max) this.#max = microseconds;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = this.#max = 0;
  }

  /** @param share 0.99 for the 99th percentile; @returns µs */
  percentile(share: number): number {
    let left = Math.ceil(this.#total * share);
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(this.#max, upperEdgeOf(bucket));
    }
    return this.#max;
  }
}

function bucketOf(value: number): number {
  const whole = Math.max(0, Math.floor(value));
  if (whole < SUB_BUCKETS) return whole;
  const doubling = Math.min(DOUBLINGS, 32 - Math.clz32(whole) - SUB_BITS);
  return doubling * SUB_BUCKETS + Math.min(SUB_BUCKETS - 1, (whole >>> doubling));
}

function upperEdgeOf(bucket: number): number {
  const doubling = Math.floor(bucket / SUB_BUCKETS);
  return ((bucket % SUB_BUCKETS) + 1) * 2 ** doubling;
}
