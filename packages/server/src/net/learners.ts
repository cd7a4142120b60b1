import { createServer, type Server, type Socket } from 'node:net';
import type { HostPort, ServerSpec, Sid } from '@zk/protocol';
import type { Input, Learners, Link } from '@zk/peer';
import type { Log } from '../log.ts';
import { Complaints } from './complaints.ts';
import { dial, type Dialing } from './dial.ts';
import { aMomentFor } from './linger.ts';
import { listenOnAll, unlisten } from './listen.ts';
import { QuorumSocket, type LinkHost } from './quorum-link.ts';
import type { Turn } from './turn.ts';

export interface LearnerLinksOptions {
  /** Where to listen while leading; an empty host is every address of this machine. */
  readonly listenOn: readonly HostPort[];
  readonly noDelay: boolean;
  readonly turn: Turn;
  readonly log: Log;
  feed(input: Input): void;
  /** The quorum port cannot be opened: nobody could follow this leader. */
  unusable(reason: string): void;
}

/** The quorum port: open while this server leads, dialed while it follows. */
export class LearnerLinks implements Learners, LinkHost {
  readonly turn: Turn;
  readonly #complaints: Complaints;
  readonly #options: LearnerLinksOptions;
  readonly #sockets = new Set<Socket>();
  #servers: readonly Server[] = [];
  #isListening = false;
  /** Opening takes a moment; what is asked meanwhile happens after it. */
  #opening: Promise<void> = Promise.resolve();
  #dialing: { readonly sid: Sid; readonly attempt: Dialing } | null = null;
  /** The connection to the leader, while this server follows one. */
  #leader: { readonly sid: Sid; readonly socket: Socket } | null = null;
  #cut: ReadonlySet<Sid> = new Set();
  #isClosed = false;

  constructor(options: LearnerLinksOptions) {
    this.#options = options;
    this.turn = options.turn;
    this.#complaints = new Complaints(options.log);
  }

  listen(): void {
    if (this.#isListening || this.#isClosed) return;
    this.#isListening = true;
    const makeServer = (): Server => createServer({ noDelay: this.#options.noDelay, keepAlive: true }, (socket) => this.#accepted(socket));
    this.#opening = this.#opening.then(() => this.#open(makeServer));
  }

  unlisten(): void {
    this.#isListening = false;
    this.#opening = this.#opening.then(() => this.#shut());
  }

  dial(sid: Sid, { addresses }: ServerSpec, timeoutMs: number): void {
    this.#dialing?.attempt.cancel();
    const targets = this.#cut.has(sid) ? [] : addresses.map(({ host, quorumPort }) => ({ host, port: quorumPort }));
    const attempt = dial(targets, { timeoutMs, keepAlive: true }, (socket, reason) => {
      this.#dialing = null;
      if (socket === null) return this.feed({ kind: 'leaderUnreachable', sid, reason });
      this.#leader = { sid, socket };
      this.#linked(socket, (link) => ({ kind: 'leaderLinked', sid, link }));
    });
    this.#dialing = { sid, attempt };
  }

  /** These are as good as unplugged until the next call. A learner hangs up on its leader; a leader is hung up on by its learners. */
  cutOff(sids: ReadonlySet<Sid>): void {
    this.#cut = sids;
    if (this.#leader !== null && sids.has(this.#leader.sid)) this.#leader.socket.destroy();
    if (this.#dialing === null || !sids.has(this.#dialing.sid)) return;
    const { sid, attempt } = this.#dialing;
    attempt.cancel();
    this.#dialing = null;
    this.feed({ kind: 'leaderUnreachable', sid, reason: 'cut off' });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#dialing?.attempt.cancel();
    this.unlisten();
    await aMomentFor(Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))));
    for (const socket of this.#sockets) socket.destroy();
    await this.#opening;
  }

  feed(input: Input): void {
    if (!this.#isClosed) this.#options.feed(input);
  }

  stranger({ remote }: Link, received: string): void {
    this.#complaints.add(remote.slice(0, remote.lastIndexOf(':')), { peer: remote, received }, 'not a learner, connection closed');
  }

  async #open(makeServer: () => Server): Promise<void> {
    if (!this.#isListening) return;
    try {
      this.#servers = await listenOnAll('quorum', this.#options.listenOn, makeServer);
    } catch (error) {
      this.#options.unusable(error instanceof Error ? error.message : String(error));
    }
  }

  #shut(): void {
    this.#servers.forEach(unlisten);
    this.#servers = [];
  }

  #accepted(socket: Socket): void {
    if (!this.#isListening) return void socket.destroy();
    this.#linked(socket, (link) => ({ kind: 'learnerLinked', link }));
  }

  #linked(socket: Socket, introduce: (link: Link) => Input): void {
    if (this.#isClosed) return void socket.destroy();
    socket.setNoDelay(this.#options.noDelay);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const link = new QuorumSocket(socket, this);
    this.feed(introduce(link));
    link.start();
  }
}
