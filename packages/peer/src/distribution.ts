/** A running minimum, maximum, sum and count, as `mntr` prints a basic summary (operations.md 7.1). */
export class Summary {
  count = 0;
  sum = 0;
  min = 0;
  max = 0;

  add(value: number): void {
    this.min = this.count === 0 ? value : Math.min(this.min, value);
    this.max = this.count === 0 ? value : Math.max(this.max, value);
    this.count += 1;
    this.sum += value;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  reset(): void {
    this.count = this.sum = this.min = this.max = 0;
  }
}

/** A summary that also estimates percentiles, from the last `SAMPLES` values. */
export class Distribution extends Summary {
  static readonly SAMPLES = 1024;
  readonly #samples: number[] = [];
  /** Samples taken, those since overwritten included. */
  #seen = 0;

  override add(value: number): void {
    this.#samples[this.#seen++ % Distribution.SAMPLES] = value;
    super.add(value);
  }

  /** One value that stands for several: they are counted, it alone is a sample. */
  addMany(value: number, times: number): void {
    this.add(value);
    this.count += times - 1;
    this.sum += (times - 1) * value;
  }

  /** `share`: 0.5 for the median. 0 without samples. */
  percentile(share: number): number {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  override reset(): void {
    super.reset();
    this.#samples.length = this.#seen = 0;
  }
}
