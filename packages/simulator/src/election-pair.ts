import type { Sid } from '@zk/protocol';
import type { Input } from '@zk/peer';
import type { Connection, Network } from './network.ts';

/**
 * The election connection of two members: at most one, made when somebody has something to say, the newest message of
 * each side waiting while there is none (quorum.md 2.5).
 */
export class ElectionPair implements Connection {
  readonly ends: readonly [Sid, Sid];
  open = false;
  readonly #network: Network;
  readonly #waiting = new Map<Sid, Buffer>();
  #dialing = false;
  /** Counts connections: what was sent over an older one is lost with it. */
  #incarnation = 0;
  /** Arrival of the last message of each side: within one connection nothing overtakes. */
  readonly #lastArrival = new Map<Sid, number>();

  constructor(network: Network, a: Sid, b: Sid) {
    this.#network = network;
    this.ends = [a, b];
  }

  send(from: Sid, message: Buffer): void {
    if (this.open) return this.#carry(from, message);
    this.#waiting.set(from, message);
    if (this.#dialing) return;
    this.#dialing = true;
    const to = this.#other(from);
    const failed = (): void => {
      this.#dialing = false;
      this.#waiting.delete(from);
      this.#feed(from, { kind: 'electorLost', sid: to });
    };
    this.#network.connect(from, to, 5_000, () => this.#connected(), failed);
  }

  closed(sid: Sid): void {
    this.#feed(sid, { kind: 'electorLost', sid: this.#other(sid) });
  }

  #connected(): boolean {
    this.#dialing = false;
    const [a, b] = this.ends;
    if (!this.#network.host(a)?.alive || !this.#network.host(b)?.alive) return false;
    this.open = true;
    this.#incarnation += 1;
    this.#lastArrival.clear();
    this.#network.register(this);
    for (const sid of this.ends) this.#feed(sid, { kind: 'electorConnected', sid: this.#other(sid) });
    for (const [from, message] of this.#waiting) this.#carry(from, message);
    this.#waiting.clear();
    return true;
  }

  #carry(from: Sid, message: Buffer): void {
    const to = this.#other(from);
    const incarnation = this.#incarnation;
    const { scheduler } = this.#network;
    const arrival = Math.max(scheduler.now + this.#network.delay(), this.#lastArrival.get(from) ?? 0);
    this.#lastArrival.set(from, arrival);
    scheduler.at(arrival, () => {
      if (!this.open || incarnation !== this.#incarnation) return;
      if (this.#network.isBlocked(from, to)) return this.#network.close(this, null, 'gave up');
      this.#feed(to, { kind: 'notification', from, message });
    });
  }

  #feed(sid: Sid, input: Input): void {
    const host = this.#network.host(sid);
    if (host?.alive) host.feed(input);
  }

  #other(sid: Sid): Sid {
    return this.ends[0] === sid ? this.ends[1] : this.ends[0];
  }
}
