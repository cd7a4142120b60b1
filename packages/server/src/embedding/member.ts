import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerStatus, ServingRole } from '@zk/peer';
import { asSid, type SessionId, type Sid } from '@zk/protocol';
import { MemoryDisk, MemoryStore } from '@zk/store';
import { parseConfig, type ServerConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { runServer, type RunningServer } from '../server.ts';
import { EmbeddingError, TEST_SETTINGS, type EmbeddingOptions, type SessionName } from './options.ts';

/** A server in this process. */
export interface EmbeddedServer extends AsyncDisposable {
  /** Its number in the ensemble; 0 for a server on its own. */
  readonly sid: number;
  /** The same for the server's whole life, restarts included. */
  readonly clientPort: number;
  /** `127.0.0.1:port` */
  readonly connectString: string;
  /** The port of the AdminServer, which is off unless `settings` say `'admin.enableServer': true, 'admin.serverPort': 0`. */
  readonly adminPort: number | null;
  /** `standalone`, `leader`, `follower` or `observer`; `null` while it does not serve. */
  readonly role: ServingRole | null;
  /** Ends a session as if its client had been silent for too long: ephemerals vanish, watches fire. Resolves when it is gone. */
  expireSession(session: SessionName): Promise<void>;
  /** Stops and starts on the same port and data. Resolves when it serves again, if it can: a member needs a quorum. */
  restart(): Promise<void>;
  /** Resolves when its ports are free, and the others, if there are any, have got over it. Data and port wait for {@link start}. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Where a member sits. */
export interface Seat {
  readonly sid: number;
  readonly role: 'participant' | 'observer';
  readonly clientPort: number;
  readonly quorumPort: number;
  readonly electionPort: number;
}

/** What a member needs of the servers it belongs to. */
export interface MemberHost {
  readonly options: EmbeddingOptions;
  /** The `server.N` lines; none for a server on its own. */
  readonly serverLines: readonly string[];
  changed(): void;
  settled(): Promise<void>;
  expireSession(session: SessionName): Promise<void>;
  cutFrom(member: Member): ReadonlySet<Sid>;
}

export class Member implements EmbeddedServer {
  readonly sid: number;
  readonly seat: Seat;
  readonly #host: MemberHost;
  readonly #config: ServerConfig;
  /** `null`: the data are on disk. */
  readonly #memory: MemoryDisk | null;
  #server: RunningServer | null = null;
  #failure: EmbeddingError | null = null;

  /** @throws ConfigError for settings that are wrong */
  constructor(seat: Seat, host: MemberHost) {
    this.seat = seat;
    this.sid = seat.sid;
    this.#host = host;
    this.#config = configOf(seat, host);
    this.#memory = host.options.dataDir === undefined ? new MemoryDisk() : null;
  }

  get clientPort(): number {
    return this.seat.clientPort;
  }

  get connectString(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  get adminPort(): number | null {
    return this.#server?.adminPort ?? null;
  }

  get role(): ServingRole | null {
    return this.status?.serving ?? null;
  }

  /** `null` while it is stopped. @throws EmbeddingError when it has ended by itself */
  get status(): PeerStatus | null {
    if (this.#failure !== null) throw this.#failure;
    return this.#server?.inspect() ?? null;
  }

  get isRunning(): boolean {
    return this.#server !== null;
  }

  async restart(): Promise<void> {
    await this.shutDown();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.shutDown();
    await this.#host.settled();
  }

  async start(): Promise<void> {
    await this.boot();
    await this.#host.settled();
  }

  async expireSession(session: SessionName): Promise<void> {
    await this.#host.expireSession(session);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Starts without waiting for it to serve. */
  async boot(): Promise<void> {
    if (this.#server !== null) return;
    this.#failure = null;
    const server = await runServer({
      config: this.#config,
      log: this.#host.options.log ?? createLog({ level: 'silent' }),
      ...(this.#memory === null ? {} : { store: new MemoryStore(this.#memory) }),
      onTrace: () => this.#host.changed(),
      onCommit: () => this.#host.changed(),
      onFatal: (code, reason) => {
        this.#failure = new EmbeddingError(`server ${this.sid} has ended with code ${code}: ${reason}`);
        this.#host.changed();
      },
    });
    server.cutOff(this.#host.cutFrom(this));
    this.#server = server;
    this.#host.changed();
  }

  /** Stops without waiting for what the others make of it. */
  async shutDown(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.stop();
  }

  cutOff(sids: ReadonlySet<Sid>): void {
    this.#server?.cutOff(sids);
  }

  expire(session: SessionId): void {
    this.#server?.expireSession(session);
  }

  /** Only servers that serve are asked: one without a quorum knows what was. */
  knowsSession(session: SessionId): boolean {
    return this.role !== null && this.#server?.knowsSession(session) === true;
  }
}

export function sidOf(member: Member): Sid {
  return asSid(BigInt(member.sid));
}

function configOf({ sid, clientPort }: Seat, { options, serverLines }: MemberHost): ServerConfig {
  const alone = serverLines.length === 0;
  const dataDir = folderOf(options.dataDir, alone ? '' : `server-${sid}`);
  const settings = { ...TEST_SETTINGS, dataDir, clientPort, clientPortAddress: '127.0.0.1', ...(alone ? {} : { myid: sid }), ...options.settings };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return parseConfig('', { file: 'settings', path: null, sets: [...lines, ...serverLines] });
}

/** In memory, it is the name of a directory that nobody makes. */
function folderOf(dataDir: string | undefined, name: string): string {
  if (dataDir === undefined) return join(tmpdir(), 'zookeeper-in-memory');
  const folder = join(dataDir, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
