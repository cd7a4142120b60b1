import type { Millis, Zxid } from '@zk/protocol';
import { Distribution } from './distribution.ts';

/** How fast one learner takes and acks what its leader sends, under the names of `mntr` (operations.md 7.5). */
export class LearnerMetrics {
  /** `ack_latency`: ms from PROPOSAL to ACK, of one proposal at a time. Followers only. */
  readonly ackLatency = new Distribution();
  /** `learner_handler_qp_size`: packets that wait for the learner to take them, looked at every half tick. */
  readonly queueSize = new Distribution();
  /** `learner_handler_qp_time_ms`: for how long such packets have been waiting. */
  readonly queueTime = new Distribution();
  #waitingSince: Millis | null = null;

  /** @param packets that wait for it now */
  waiting(packets: number, now: Millis): void {
    if (packets === 0) this.#waitingSince = null;
    else this.#waitingSince ??= now;
    this.queueSize.add(packets);
    this.queueTime.add(this.#waitingSince === null ? 0 : now - this.#waitingSince);
  }

  reset(): void {
    for (const distribution of [this.ackLatency, this.queueSize, this.queueTime]) distribution.reset();
  }
}

/** Times one proposal at a time, from its PROPOSAL to its ACK. */
export class AckTimer {
  #awaited: Zxid | null = null;
  #since: Millis = 0;

  get isIdle(): boolean {
    return this.#awaited === null;
  }

  start(zxid: Zxid, now: Millis): void {
    this.#awaited = zxid;
    this.#since = now;
  }

  /** Acks cover everything before them. */
  isAwaiting(acked: bigint): boolean {
    return this.#awaited !== null && acked >= this.#awaited;
  }

  /** @returns ms since {@link start} */
  stop(now: Millis): Millis {
    this.#awaited = null;
    return now - this.#since;
  }
}
