import type { Sid } from '@zk/protocol';
import { AckTimer } from './learner-metrics.ts';

/** What has passed over one quorum link, for `/commands/observers`. */
export class LinkTraffic {
  packetsSent = 0;
  bytesSent = 0;
  packetsReceived = 0;
  /** Clients' requests that the learner has forwarded. */
  requests = 0;
  /** Wall clock, ms since 1970; 0: not told. */
  establishedAt = 0;
  /** Who is at the other end, once an ack has told. */
  sid: Sid | null = null;
  readonly acks = new AckTimer();

  sent(bytes: number): void {
    this.packetsSent += 1;
    this.bytesSent += bytes;
  }

  /** How many packets so many bytes are, going by those sent so far. */
  packetsIn(bytes: number): number {
    return bytes === 0 || this.bytesSent === 0 ? 0 : Math.ceil((bytes * this.packetsSent) / this.bytesSent);
  }

  /** `orst`. */
  reset(): void {
    this.packetsSent = this.bytesSent = this.packetsReceived = this.requests = 0;
  }
}
