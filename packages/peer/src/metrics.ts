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

  override add(value: number): void {
    this.#samples[this.count % Distribution.SAMPLES] = value;
    super.add(value);
  }

  /** `share`: 0.5 for the median. 0 without samples. */
  percentile(share: number): number {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  override reset(): void {
    super.reset();
    this.#samples.length = 0;
  }
}

/** Counted by the pipeline, under the names of `mntr` (operations.md 7.3 to 7.5). */
export class PipelineMetrics {
  readonly counters = {
    packets_received: 0,
    packets_sent: 0,
    bytes_received_count: 0,
    response_bytes: 0,
    commit_count: 0,
    proposal_count: 0,
    connection_drop_count: 0,
    connection_request_count: 0,
    connection_revalidate_count: 0,
    cnxn_closed_without_zk_server_running: 0,
    digest_mismatches_count: 0,
    large_requests_rejected: 0,
    request_throttle_wait_count: 0,
    revalidate_count: 0,
    sessionless_connections_expired: 0,
    stale_requests: 0,
    stale_requests_dropped: 0,
    stale_sessions_expired: 0,
    throttled_ops: 0,
    unsuccessful_handshake: 0,
    ensemble_auth_fail: 0,
    auth_failed_count: 0,
  };
  readonly basic = {
    node_created_watch_count: new Distribution(),
    node_deleted_watch_count: new Distribution(),
    node_changed_watch_count: new Distribution(),
    node_children_watch_count: new Distribution(),
    requests_in_session_queue: new Distribution(),
  };
  readonly advanced = {
    readlatency: new Distribution(),
    updatelatency: new Distribution(),
  };
  /** Milliseconds from receipt to reply, of every request. */
  readonly latency = new Summary();
  /** Bytes; −1 before the first. */
  lastResponseSize = -1;
  minResponseSize = -1;
  maxResponseSize = -1;

  responded(bytes: number): void {
    this.lastResponseSize = bytes;
    if (this.minResponseSize < 0 || bytes < this.minResponseSize) this.minResponseSize = bytes;
    if (bytes > this.maxResponseSize) this.maxResponseSize = bytes;
    this.counters.response_bytes += bytes;
  }

  /** `srst`: everything but gauges starts again. */
  reset(): void {
    for (const name of Object.keys(this.counters) as (keyof PipelineMetrics['counters'])[]) this.counters[name] = 0;
    for (const summary of [...Object.values(this.basic), ...Object.values(this.advanced), this.latency]) summary.reset();
    this.lastResponseSize = this.minResponseSize = this.maxResponseSize = -1;
  }
}
