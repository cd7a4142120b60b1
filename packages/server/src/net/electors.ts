import { createServer, type Server, type Socket } from 'node:net';
import { encodeHello, type ElectionHello, type EnsembleConfig, type HostPort, type ServerSpec, type Sid } from '@zk/protocol';
import type { Electors, Input } from '@zk/peer';
import type { Log } from '../log.ts';
import { Complaints } from './complaints.ts';
import { dial, type Dialing } from './dial.ts';
import { ElectorConnection, type ElectorEvents } from './elector-connection.ts';
import { awaitHello } from './hello-exchange.ts';
import { javaAddress } from './java-address.ts';
import { seeOff } from './linger.ts';
import { listenOnAll, unlisten } from './listen.ts';

export interface ElectionMeshOptions {
  readonly sid: Sid;
  readonly ensemble: EnsembleConfig;
  /** Where to listen: own election addresses, or one with an empty host for every address of this machine. */
  readonly listenOn: readonly HostPort[];
  /** What hellos carry: own election addresses as configured. */
  readonly ownAddresses: readonly HostPort[];
  readonly multiAddress: boolean;
  readonly dialTimeoutMs: number;
  /** How long somebody who connected may take to say hello. */
  readonly helloTimeoutMs: number;
  readonly log: Log;
  feed(input: Input): void;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 3_200;
/** An observer without an id of its own says this (quorum.md 2.1). */
const OBSERVER_WITHOUT_ID = 2n ** 63n - 1n;

/** What is known of one elector. */
interface Elector {
  readonly sid: Sid;
  connection: ElectorConnection | null;
  dialing: Dialing | null;
  /** The newest message, while there is no connection. */
  outbox: Buffer | null;
  /** From its last hello: the way to one that is in no configuration yet. */
  helloAddresses: readonly HostPort[];
  failures: number;
  notBefore: number;
  retry: NodeJS.Timeout | null;
}

/**
 * The election port (quorum.md section 2): at most one connection per pair of servers, always dialed by the larger
 * sid. A smaller one that wants to talk dials, says hello and hangs up, which asks the larger one to dial back.
 */
export class ElectionMesh implements Electors, ElectorEvents {
  readonly #options: ElectionMeshOptions;
  readonly #hello: Buffer;
  #servers: readonly Server[] = [];
  readonly #electors = new Map<Sid, Elector>();
  readonly #strangers = new Set<Socket>();
  readonly #complaints: Complaints;
  #members: ReadonlyMap<Sid, ServerSpec>;
  #nextAnonymous = -1n;
  #cut: ReadonlySet<Sid> = new Set();
  #isClosed = false;

  constructor(options: ElectionMeshOptions) {
    this.#options = options;
    this.#members = options.ensemble.servers;
    this.#hello = encodeHello({ sid: options.sid, addresses: [...options.ownAddresses] }, options.multiAddress);
    this.#complaints = new Complaints(options.log);
  }

  /** Opens the election port. @throws ListenError */
  async listen(): Promise<void> {
    this.#servers = await listenOnAll('election', this.#options.listenOn, () =>
      createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket)),
    );
  }

  send(to: Sid, message: Buffer): void {
    if (this.#isClosed || to === this.#options.sid) return;
    const elector = this.#elector(to);
    if (elector.connection !== null) return elector.connection.send(message);
    elector.outbox = message;
    this.#dialWhenAllowed(elector);
  }

  setMembers(config: EnsembleConfig, pending: EnsembleConfig | null): void {
    this.#members = new Map([...(pending?.servers ?? []), ...config.servers]);
  }

  /** These are as good as unplugged until the next call: connections to them end, dials to them and theirs fail. */
  cutOff(sids: ReadonlySet<Sid>): void {
    this.#cut = sids;
    for (const elector of this.#electors.values()) {
      if (sids.has(elector.sid)) this.#unplug(elector);
      else this.#dialAtOnce(elector);
    }
  }

  #unplug(elector: Elector): void {
    elector.dialing?.cancel();
    elector.dialing = null;
    elector.connection?.drop();
    elector.connection = null;
    this.#feed({ kind: 'electorLost', sid: elector.sid });
  }

  #dialAtOnce(elector: Elector): void {
    const wasWaiting = elector.retry !== null;
    this.#isBack(elector);
    if (wasWaiting) this.#dialWhenAllowed(elector);
  }

  /** How often it was not there says nothing any more about how soon to dial it when it is lost again. */
  #isBack(elector: Elector): void {
    elector.failures = 0;
    elector.notBefore = 0;
    if (elector.retry !== null) clearTimeout(elector.retry);
    elector.retry = null;
  }

  close(): void {
    this.#isClosed = true;
    for (const { connection, dialing, retry } of this.#electors.values()) {
      connection?.drop();
      dialing?.cancel();
      if (retry !== null) clearTimeout(retry);
    }
    for (const socket of this.#strangers) socket.destroy();
    this.#servers.forEach(unlisten);
  }

  message(from: Sid, body: Buffer): void {
    this.#feed({ kind: 'notification', from, message: body });
  }

  malformed(connection: ElectorConnection, reason: string): void {
    this.#complaints.add(connection.remote, { peer: connection.remote, elector: Number(connection.sid), received: reason }, 'not an election message, connection closed');
  }

  closed({ sid }: ElectorConnection): void {
    if (this.#members.has(sid)) this.#elector(sid).connection = null;
    else this.#electors.delete(sid);
    this.#feed({ kind: 'electorLost', sid });
  }

  #feed(input: Input): void {
    if (!this.#isClosed) this.#options.feed(input);
  }

  #elector(sid: Sid): Elector {
    let elector = this.#electors.get(sid);
    if (elector === undefined) {
      elector = { sid, connection: null, dialing: null, outbox: null, helloAddresses: [], failures: 0, notBefore: 0, retry: null };
      this.#electors.set(sid, elector);
    }
    return elector;
  }

  /** A peer that does not answer is tried again at growing intervals, however often something is sent to it. */
  #dialWhenAllowed(elector: Elector): void {
    if (elector.dialing !== null) return;
    const wait = elector.notBefore - performance.now();
    if (wait <= 0 && elector.retry === null) return this.#dial(elector, this.#addressesOf(elector));
    // It did not answer a moment ago: whoever asks need not wait for the next attempt to hear that it is gone.
    if (elector.failures > 0) this.#feed({ kind: 'electorLost', sid: elector.sid });
    if (elector.retry !== null) return;
    elector.retry = setTimeout(() => {
      elector.retry = null;
      if (elector.connection === null && elector.outbox !== null) this.#dialWhenAllowed(elector);
    }, wait);
  }

  #addressesOf({ sid, helloAddresses }: Elector): readonly HostPort[] {
    const spec = this.#members.get(sid);
    return spec === undefined ? helloAddresses : spec.addresses.map(({ host, electionPort }) => ({ host, port: electionPort }));
  }

  #dial(elector: Elector, addresses: readonly HostPort[]): void {
    if (this.#cut.has(elector.sid)) return this.#unreachable(elector, 'cut off');
    const options = { timeoutMs: this.#options.dialTimeoutMs, keepAlive: true };
    elector.dialing = dial(addresses, options, (socket, reason) => {
      elector.dialing = null;
      if (socket === null) this.#unreachable(elector, reason);
      else this.#dialed(elector, socket);
    });
  }

  #unreachable(elector: Elector, reason: string): void {
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** elector.failures, LONGEST_BACKOFF_MS);
    elector.failures++;
    elector.notBefore = performance.now() + backoff;
    this.#options.log.debug({ elector: Number(elector.sid), reason, backoffMs: backoff }, 'elector not reached');
    if (elector.connection === null) this.#feed({ kind: 'electorLost', sid: elector.sid });
  }

  #dialed(elector: Elector, socket: Socket): void {
    elector.failures = 0;
    elector.notBefore = performance.now() + FIRST_BACKOFF_MS;
    if (elector.sid > this.#options.sid) return this.#askToDialBack(socket);
    socket.write(this.#hello); // in one piece: Java reads it with a single read
    this.#establish(elector, socket, Buffer.alloc(0));
  }

  /** The larger sid dials; ours is the smaller one. */
  #askToDialBack(socket: Socket): void {
    this.#strangers.add(socket);
    socket.on('close', () => this.#strangers.delete(socket));
    socket.end(this.#hello);
    seeOff(socket);
  }

  #establish(elector: Elector, socket: Socket, rest: Buffer): void {
    elector.connection?.drop();
    const connection = new ElectorConnection(elector.sid, socket, this);
    elector.connection = connection;
    const waiting = elector.outbox;
    elector.outbox = null;
    if (waiting !== null) connection.send(waiting);
    this.#feed({ kind: 'electorConnected', sid: elector.sid });
    connection.receive(rest);
  }

  #accept(socket: Socket): void {
    const peer = `${javaAddress(socket.remoteAddress ?? '')}:${socket.remotePort}`;
    this.#strangers.add(socket);
    awaitHello(socket, this.#options.helloTimeoutMs, {
      met: (hello, rest, isBareSid) => {
        this.#strangers.delete(socket);
        if (isBareSid && !this.#members.has(hello.sid)) this.#refuse(socket, { peer, received: describeBareSid(hello.sid) }, 'not an elector, connection closed');
        else this.#met(socket, hello, rest);
      },
      failed: (received) => {
        this.#strangers.delete(socket);
        if (received !== null) this.#refuse(socket, { peer, received }, 'not an elector, connection closed');
      },
    });
  }

  #refuse(socket: Socket, fields: Record<string, unknown>, message: string): void {
    this.#complaints.add(javaAddress(socket.remoteAddress ?? ''), fields, message);
    socket.destroy();
  }

  #met(socket: Socket, hello: ElectionHello, rest: Buffer): void {
    if (hello.sid === this.#options.sid) {
      const peer = javaAddress(socket.remoteAddress ?? '');
      return this.#refuse(socket, { peer, id: Number(hello.sid) }, 'another server has our id, connection closed');
    }
    if (this.#cut.has(hello.sid)) return void socket.destroy();
    const sid = hello.sid === OBSERVER_WITHOUT_ID ? (this.#nextAnonymous-- as Sid) : hello.sid;
    const elector = this.#elector(sid);
    elector.helloAddresses = hello.addresses;
    this.#isBack(elector);
    if (sid > this.#options.sid) return this.#establish(elector, socket, rest);
    socket.destroy();
    this.#dialBack(elector, hello.addresses);
  }

  #dialBack(elector: Elector, addresses: readonly HostPort[]): void {
    elector.connection?.drop(); // it would not have come if it still had this one
    elector.connection = null;
    if (elector.dialing === null) this.#dial(elector, addresses.length > 0 ? addresses : this.#addressesOf(elector));
  }
}

/** Any eight bytes that begin below 0x80 look like a hello of the time before 3.5. */
function describeBareSid(sid: Sid): string {
  return sid > 0xffffffffn ? `a length of ${sid >> 32n} bytes instead of a hello` : `a bare sid ${sid} that is no member's`;
}
