import type { Link } from '@zk/peer';
import type { Connection, Host, Network } from './network.ts';

/** Bytes are cut into pieces of at most this, so that a record's end and a piece's end rarely meet. */
const MAX_PIECE = 1400;

/** The two ends of one quorum link. */
export function linkPair(network: Network, learner: Host, leader: Host, id: number): [SimLink, SimLink] {
  const links: SimLink[] = [];
  const connection: Connection = {
    ends: [learner.sid, leader.sid],
    open: true,
    closed(sid, reason) {
      const link = links.find((end) => end.self.sid === sid) as SimLink;
      if (link.open) {
        link.open = false;
        link.self.feed({ kind: 'linkClosed', link, reason });
      }
    },
  };
  network.register(connection);
  const watcher = network.watch(learner.sid, leader.sid);
  links.push(
    new SimLink(network, connection, learner, leader, id, (bytes) => watcher.sent('learner', bytes)),
    new SimLink(network, connection, leader, learner, id + 1, (bytes) => watcher.sent('leader', bytes)),
  );
  const [a, b] = links as [SimLink, SimLink];
  a.peer = b;
  b.peer = a;
  return [a, b];
}

class SimLink implements Link {
  readonly id: number;
  readonly remote: string;
  readonly self: Host;
  peer!: SimLink;
  open = true;
  readonly #network: Network;
  readonly #connection: Connection;
  readonly #watch: (bytes: Buffer) => void;
  #buffered = 0;
  readonly #pieces: Buffer[] = [];
  #carrying = false;
  /** Closed, and to be told so behind what is still under way. */
  #goodbye: string | null = null;

  constructor(network: Network, connection: Connection, self: Host, other: Host, id: number, watch: (bytes: Buffer) => void) {
    this.#network = network;
    this.#connection = connection;
    this.#watch = watch;
    this.self = self;
    this.id = id;
    this.remote = `server.${other.sid}`;
  }

  get bufferedBytes(): number {
    return this.#buffered;
  }

  send(bytes: Buffer): void {
    if (!this.open) return;
    this.#watch(bytes);
    for (let at = 0; at < bytes.length; ) {
      const size = Math.min(bytes.length - at, this.#network.rng.between(1, MAX_PIECE));
      this.#pieces.push(Buffer.from(bytes.subarray(at, at + size)));
      at += size;
    }
    this.#buffered += bytes.length;
    this.#carryNext();
  }

  close(reason: string): void {
    if (!this.open) return;
    this.open = false;
    if (this.#network.closesOrderly && this.#buffered > 0) this.#goodbye = reason;
    else this.#network.close(this.#connection, this.self.sid, reason);
  }

  /** Everything waiting travels as one burst, so that a large transfer takes few delays. */
  #carryNext(): void {
    if (this.#carrying || this.#pieces.length === 0) return;
    this.#carrying = true;
    const burst = this.#pieces.splice(0);
    this.#network.carry(this.self.sid, this.peer.self.sid, () => {
      if (!this.#connection.open) return; // it broke while they were under way
      this.#carrying = false;
      for (const chunk of burst) {
        this.#buffered -= chunk.length;
        if (this.peer.open) this.peer.self.feed({ kind: 'linkData', link: this.peer, chunk });
      }
      if (this.#buffered === 0 && this.open && this.self.alive) this.self.feed({ kind: 'linkDrained', link: this });
      this.#carryNext();
      if (this.#goodbye !== null && this.#buffered === 0) this.#network.close(this.#connection, this.self.sid, this.#goodbye);
    });
  }
}
