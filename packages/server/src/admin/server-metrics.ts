import { Distribution, type TraceEvent } from '@zk/peer';
import type { Zxid } from '@zk/protocol';

/** A digest of the tree, remembered for `hash`. */
export interface DigestRecord {
  readonly zxid: Zxid;
  readonly digest: bigint;
}

/** Apache keeps a digest for every 128th zxid, the last 1024 of them. */
const DIGEST_EVERY_LOG2 = 7;
const DIGESTS_KEPT = 1024;

/** What only the server around the peer can measure, under the names of `mntr` (operations.md 7.4 and 7.5). */
export class ServerMetrics {
  readonly counters = {
    looking_count: 0,
    snap_count: 0,
    diff_count: 0,
    connection_rejected: 0,
    fsync_threshold_exceeded: 0,
    snapshot_error_count: 0,
    snapshot_rate_limited_count: 0,
    restore_error_count: 0,
    restore_rate_limited_count: 0,
  };
  readonly summaries = {
    /** Reading the data at the start, ms. */
    dbinittime: new Distribution(),
    fsynctime: new Distribution(),
    election_time: new Distribution(),
    leader_unavailable_time: new Distribution(),
    restore_time: new Distribution(),
  };
  /** Bytes of the txns committed here; −1 before the first. */
  readonly proposalSize = { last: -1, min: -1, max: -1 };
  digests: DigestRecord[] = [];
  #lookingSince: number | null = null;

  /** @param now monotonic, ms */
  traced(event: TraceEvent, now: number): void {
    if (event.kind === 'role' && event.role === 'looking') {
      this.counters.looking_count++;
      this.#lookingSince = now;
    }
    if (event.kind === 'elected' && this.#lookingSince !== null) this.summaries.election_time.add(Math.round(now - this.#lookingSince));
    if (event.kind === 'serving' && this.#lookingSince !== null) {
      this.summaries.leader_unavailable_time.add(Math.round(now - this.#lookingSince));
      this.#lookingSince = null;
    }
    if (event.kind === 'syncing' && event.side === 'leader') this.counters[event.op === 'SNAP' ? 'snap_count' : 'diff_count']++;
  }

  /** @param digest of the tree with this txn applied */
  committed(zxid: Zxid, bytes: number, digest: () => bigint): void {
    const size = this.proposalSize;
    size.last = bytes;
    if (size.min < 0 || bytes < size.min) size.min = bytes;
    if (bytes > size.max) size.max = bytes;
    if (BigInt.asUintN(DIGEST_EVERY_LOG2, zxid) !== 0n) return;
    if (this.digests.length >= DIGESTS_KEPT) this.digests.shift();
    this.digests.push({ zxid, digest: digest() });
  }

  /** `srst`. */
  reset(): void {
    for (const name of Object.keys(this.counters) as (keyof typeof this.counters)[]) this.counters[name] = 0;
    for (const summary of Object.values(this.summaries)) summary.reset();
    Object.assign(this.proposalSize, { last: -1, min: -1, max: -1 });
  }
}
