import type { QuorumPacket } from '@zk/protocol';
import type { LeaderEffect, LinkId } from './leader-io.ts';

/** The effects of the step under way, in order. */
export class Outbox {
  #effects: LeaderEffect[] = [];

  push(effect: LeaderEffect): void {
    this.#effects.push(effect);
  }

  send(link: LinkId, packet: QuorumPacket): void {
    this.#effects.push({ kind: 'send', link, packet });
  }

  take(): LeaderEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
