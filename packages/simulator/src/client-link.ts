import type { ClientLink } from '@zk/peer';
import { FrameReader } from '@zk/jute';
import type { SimNode } from './node.ts';
import type { Scheduler } from './scheduler.ts';

/** What a simulated client hears of its connection. */
export interface LinkListener {
  frame(frame: Buffer): void;
  closed(): void;
}

const MAX_FRAME = 0x7fffffff;
/** One way between a client and its server, ms. */
const DELAY_MS = 0.2;
let ports = 0;

/** A client connection: the peer's end of it, and the client's. In order, both ways. */
export class SimClientLink implements ClientLink {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 40_000 + (ports++ % 20_000);
  readonly node: SimNode;
  readonly #scheduler: Scheduler;
  readonly #listener: LinkListener;
  readonly #frames: FrameReader;
  #open = true;

  constructor(node: SimNode, scheduler: Scheduler, listener: LinkListener) {
    this.node = node;
    this.#scheduler = scheduler;
    this.#listener = listener;
    this.#frames = new FrameReader(MAX_FRAME, (frame) => this.#open && listener.frame(Buffer.from(frame)));
    node.accept(this);
  }

  // ---- the client's end

  /** `frame` without its length. */
  request(frame: Buffer): void {
    this.#scheduler.after(DELAY_MS, () => {
      if (this.#open) this.node.feed({ kind: 'frame', link: this, frame });
    });
  }

  hangUp(): void {
    if (!this.#open) return;
    this.#open = false;
    this.node.forget(this);
    this.#scheduler.after(DELAY_MS, () => this.node.feed({ kind: 'clientClosed', link: this }));
  }

  /** The process at the other end is gone. */
  serverDied(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#scheduler.after(DELAY_MS, () => this.#listener.closed());
  }

  // ---- the peer's end

  send(frames: Buffer): void {
    const bytes = Buffer.from(frames);
    this.#scheduler.after(DELAY_MS, () => {
      if (this.#open) this.#frames.push(bytes);
    });
  }

  close(): void {
    this.node.forget(this);
    this.#scheduler.after(DELAY_MS, () => {
      if (!this.#open) return;
      this.#open = false;
      this.#listener.closed();
    });
  }

  pause(): void {}
  resume(): void {}
}
