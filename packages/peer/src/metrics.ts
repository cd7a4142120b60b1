import type { Sid } from '@zk/protocol';
import { Distribution, Summary } from './distribution.ts';
import { LearnerMetrics } from './learner-metrics.ts';
import { PathTraffic } from './path-traffic.ts';
import type { Clock } from './world.ts';

/** Measured by the pipeline, under the names of `mntr` (operations.md 7.3 to 7.5). */
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
  /** Which parts of the tree are read and written. */
  readonly paths: PathTraffic;
  /** Writes refused by a hard quota, by top path component. */
  readonly quotaExceeded = new Map<string, number>();
  /** By learner; filled by a leader. */
  readonly learners = new Map<Sid, LearnerMetrics>();
  /** Milliseconds from receipt to reply, of every request. */
  readonly latency = new Summary();
  /** Bytes; −1 before the first. */
  lastResponseSize = -1;
  minResponseSize = -1;
  maxResponseSize = -1;

  constructor(clock: Clock) {
    this.paths = new PathTraffic(clock);
  }

  learner(sid: Sid): LearnerMetrics {
    let learner = this.learners.get(sid);
    if (learner === undefined) this.learners.set(sid, (learner = new LearnerMetrics()));
    return learner;
  }

  quotaExceededBy(path: string): void {
    const [, namespace = ''] = path.split('/', 2);
    this.quotaExceeded.set(namespace, (this.quotaExceeded.get(namespace) ?? 0) + 1);
  }

  responded(bytes: number): void {
    this.lastResponseSize = bytes;
    if (this.minResponseSize < 0 || bytes < this.minResponseSize) this.minResponseSize = bytes;
    if (bytes > this.maxResponseSize) this.maxResponseSize = bytes;
    this.counters.response_bytes += bytes;
  }

  /** `srst`: everything but gauges starts again. */
  reset(): void {
    for (const name of Object.keys(this.counters) as (keyof PipelineMetrics['counters'])[]) this.counters[name] = 0;
    this.paths.clear();
    this.quotaExceeded.clear();
    for (const learner of this.learners.values()) learner.reset();
    for (const summary of [...Object.values(this.basic), ...Object.values(this.advanced), this.latency]) summary.reset();
    this.lastResponseSize = this.minResponseSize = this.maxResponseSize = -1;
  }
}
