import type { QuorumPacket, Sid, Zxid } from '@zk/protocol';
import type { LearnerStatus, LinkId } from '@zk/zab';
import type { QuorumLink } from './links.ts';
import type { PipelineMetrics } from './metrics.ts';
import type { FollowedBy } from './status.ts';
import type { Clock } from './world.ts';

/** Measures what a leader's learners take and ack, and how fast. */
export class LearnerMeter {
  readonly #metrics: PipelineMetrics;
  readonly #clock: Clock;
  readonly #links: ReadonlyMap<LinkId, QuorumLink>;
  readonly #learners: () => readonly LearnerStatus[];

  constructor(metrics: PipelineMetrics, clock: Clock, links: ReadonlyMap<LinkId, QuorumLink>, learners: () => readonly LearnerStatus[]) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#links = links;
    this.#learners = learners;
  }

  linked({ traffic }: QuorumLink): void {
    traffic.establishedAt = this.#clock.wallTime();
  }

  /** A PROPOSAL leaves: one at a time is timed. */
  proposed({ traffic: { acks } }: QuorumLink, zxid: Zxid): void {
    if (acks.isIdle) acks.start(zxid, this.#clock.now());
  }

  acked(link: QuorumLink, { zxid }: QuorumPacket): void {
    const { traffic } = link;
    if (!traffic.acks.isAwaiting(zxid)) return;
    traffic.sid ??= this.#sidOf(link);
    const ms = traffic.acks.stop(this.#clock.now());
    if (traffic.sid !== null) this.#metrics.learner(traffic.sid).ackLatency.add(ms);
  }

  requested(link: LinkId): void {
    const from = this.#links.get(link);
    if (from) from.traffic.requests += 1;
  }

  /** What waits for each learner now. */
  lookAtQueues(): void {
    const now = this.#clock.now();
    for (const { link, sid, phase } of this.#learners()) {
      const { backlogBytes = 0, traffic } = this.#links.get(link) ?? {};
      if (sid !== null && phase === 'synced') this.#metrics.learner(sid).waiting(traffic?.packetsIn(backlogBytes) ?? 0, now);
    }
  }

  report(): readonly FollowedBy[] {
    return this.#learners().map((status) => ({ ...status, ...trafficOf(this.#links.get(status.link)) }));
  }

  /** `orst`. */
  reset(): void {
    for (const { traffic } of this.#links.values()) traffic.reset();
  }

  #sidOf({ id }: QuorumLink): Sid | null {
    return this.#learners().find(({ link }) => link === id)?.sid ?? null;
  }
}

function trafficOf(link: QuorumLink | undefined): Omit<FollowedBy, keyof LearnerStatus> {
  const { backlogBytes = 0, traffic } = link ?? {};
  return {
    establishedAt: traffic?.establishedAt ?? 0,
    packetsSent: traffic?.packetsSent ?? 0,
    packetsReceived: traffic?.packetsReceived ?? 0,
    requests: traffic?.requests ?? 0,
    queuedPackets: traffic?.packetsIn(backlogBytes) ?? 0,
    queuedBytes: backlogBytes,
  };
}
