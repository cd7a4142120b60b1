import type { QuorumPacket } from '@zk/protocol';
import type { LeaderEffect, LinkId } from './leader-io.ts';

const NOTHING: readonly LeaderEffect[] = [];

/** The effects of the step under way, in order. Most steps have one: an array made with it takes a quarter of one it is pushed to. */
export class Outbox {
  #effects: LeaderEffect[] | null = null;

  push(effect: LeaderEffect): void {
    if (this.#effects === null) this.#effects = [effect];
    else this.#effects.push(effect);
  }

  send(link: LinkId, packet: QuorumPacket): void {
    this.push({ kind: 'send', link, packet });
  }

  take(): readonly LeaderEffect[] {
    const effects = this.#effects;
    this.#effects = null;
    return effects ?? NOTHING;
  }
}
