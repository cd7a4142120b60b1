import { createServer } from 'node:net';
import { drive, Peer, type Input, type PeerConfig, type PeerStatus, type RoleName, type Running, type TraceEvent, type World } from '@zk/peer';
import { FileStore, version2In, type Store } from '@zk/store';
import type { SessionId, Sid } from '@zk/protocol';
import { AuditLog } from './audit.ts';
import { directorySizes } from './admin/directory-sizes.ts';
import { FourLetterWords } from './admin/four-letter-words.ts';
import { AdminPorts } from './admin/ports.ts';
import { ServerMetrics } from './admin/server-metrics.ts';
import { TreeCopier } from './admin/tree-copier.ts';
import { viewOf, type AdminView } from './admin/view.ts';
import { isCommandWord, whitelistOf } from './admin/words.ts';
import type { ServerConfig } from './config.ts';
import { writeDynamicFiles, writeProposedFile } from './config/dynamic-files.ts';
import { writeMissingMyId } from './config/myid.ts';
import { peerConfigOf } from './config/peer-config.ts';
import { storeOptionsOf } from './config/store-options.ts';
import { bindingsOf, newClientListener, newElectionMesh, newLearnerLinks, openElectionPort, type Wiring } from './endpoints.ts';
import { logTrace, type Log } from './log.ts';
import type { ClientListener } from './net/clients.ts';
import type { ElectionMesh } from './net/electors.ts';
import type { LearnerLinks } from './net/learners.ts';
import { probe } from './net/listen.ts';
import { Turn } from './net/turn.ts';
import { systemClock, systemRandom, systemTimer } from './system.ts';

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly log: Log;
  /** Keeps the data instead of the files of `dataDir`: nothing is read from disk or written to it then. */
  readonly store?: Store;
  /** Where the audit log goes, when audit.enable asks for one; by ZOO_LOG_DIR unless given. */
  readonly audit?: AuditLog;
  /** Everything the peer traces, after it was logged. */
  onTrace?(event: TraceEvent): void;
  /** A txn was applied here while this server serves. Called for every one: be quick. */
  onCommit?(): void;
  /** The member cannot go on and has to end with this exit code. The server is left as it is. */
  onFatal(code: number, reason: string): void;
}

/** A server in this process. */
export interface RunningServer {
  readonly config: ServerConfig;
  /** The port clients connect to; `null` without a client listener. */
  readonly clientPort: number | null;
  /** The port of the admin server; `null` when it is disabled or could not be opened. */
  readonly adminPort: number | null;
  /** The port of the Prometheus provider; `null` without one. */
  readonly metricsPort: number | null;
  inspect(): PeerStatus;
  /** Ends a session as if its client had been silent for too long; nothing happens where it does not expire. */
  expireSession(session: SessionId): void;
  knowsSession(session: SessionId): boolean;
  /** For tests: refuses to have anything to do with these members, on the election and on the quorum port, until told otherwise. */
  cutOff(sids: ReadonlySet<Sid>): void;
  /** Leaves the ensemble, makes everything durable and frees every port. */
  stop(): Promise<void>;
}

/**
 * Starts a server: opens its ports, reads its data, joins its ensemble. Resolves once it runs, which for a member of an
 * ensemble is before it serves.
 *
 * @throws DataDirectoryError, ListenError, ElectionPortError, AdminServerError, or the store's DamageError; nothing is left
 *   open then
 */
export async function runServer(options: ServerOptions): Promise<RunningServer> {
  const server = new Server(options);
  try {
    await server.start();
  } catch (error) {
    await server.abandon();
    throw error;
  }
  return server;
}

class Server implements RunningServer {
  readonly config: ServerConfig;
  readonly #options: ServerOptions;
  readonly #log: Log;
  readonly #turn = new Turn();
  readonly #peerConfig: PeerConfig;
  readonly #electors: ElectionMesh | null;
  readonly #learners: LearnerLinks | null;
  readonly #clients: ClientListener | null;
  readonly #audit: AuditLog | null;
  readonly #words: FourLetterWords;
  readonly #metrics = new ServerMetrics();
  readonly #copier: TreeCopier;
  readonly #adminPorts: AdminPorts;
  #store: Store | null = null;
  #running: Running | null = null;
  #stopped: (() => void) | null = null;
  #stopping: Promise<void> | null = null;
  #hasFailed = false;

  constructor(options: ServerOptions) {
    const { config, log } = options;
    this.config = config;
    this.#options = options;
    this.#log = log;
    this.#peerConfig = peerConfigOf(config);
    const { digestEnabled: digest, extendedTypesEnabled: extendedTypes, emulate353TTLNodes: emulate353TTL } = this.#peerConfig;
    this.#copier = new TreeCopier({ digest, extendedTypes, emulate353TTL });
    this.#audit = config.settings.get('audit.enable') ? (options.audit ?? AuditLog.of(process.env, log)) : null;
    const own = config.ensemble?.servers.get(config.sid);
    const wiring: Wiring = { config, log, turn: this.#turn, feed: this.#feed };
    this.#electors = own === undefined ? null : newElectionMesh(wiring, own);
    this.#learners = own === undefined ? null : newLearnerLinks(wiring, own, (reason) => options.onFatal(1, reason));
    const whitelist = whitelistOf(config.settings.get('4lw.commands.whitelist'), config.settings.get('readonlymode.enabled'));
    this.#words = new FourLetterWords(whitelist, () => this.#view());
    this.#clients = config.client === null ? null : this.#newClientListener(wiring, config.client);
    this.#adminPorts = this.#newAdminPorts();
  }

  get clientPort(): number | null {
    return this.#clients?.port ?? null;
  }

  get adminPort(): number | null {
    return this.#adminPorts.adminPort;
  }

  get metricsPort(): number | null {
    return this.#adminPorts.metricsPort;
  }

  async start(): Promise<void> {
    const { config } = this;
    const store = this.#options.store ?? this.#openStore();
    this.#store = store;
    if (config.ensemble !== null && this.#options.store === undefined) writeMissingMyId(config.dataDir, config.sid);
    await this.#openPorts();
    const startOfReading = systemClock.now();
    const recovered = store.recover();
    this.#running = drive((world) => new Peer(this.#peerConfig, world, recovered), this.#world(store));
    this.#metrics.summaries.dbinittime.add(Math.round(systemClock.now() - startOfReading));
    this.#running.feed({ kind: 'start' });
    this.#audit?.write({ operation: 'serverStart', result: 'success' });
  }

  inspect(): PeerStatus {
    if (this.#running === null) throw new Error('the server has not started');
    return this.#running.peer.inspect();
  }

  expireSession(session: SessionId): void {
    this.#running?.feed({ kind: 'expireSession', session });
  }

  knowsSession(session: SessionId): boolean {
    return this.#running?.peer.pipeline.knowsSession(session) ?? false;
  }

  cutOff(sids: ReadonlySet<Sid>): void {
    this.#electors?.cutOff(sids);
    this.#learners?.cutOff(sids);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#stopped = resolve;
    });
    this.#audit?.write({ operation: 'serverStop', result: 'invoked' });
    this.#clients?.stopListening();
    this.#running?.feed({ kind: 'stop' });
    if (!this.#hasFailed) await stopped; // a peer that failed takes no leave
    await this.abandon();
  }

  /** Closes whatever is open. The store is the peer's to close, once there is one. */
  async abandon(): Promise<void> {
    this.#electors?.close();
    this.#adminPorts.close();
    await Promise.all([this.#clients?.close(), this.#learners?.close()]);
    if (this.#running === null) this.#store?.close();
  }

  async #openPorts(): Promise<void> {
    if (this.#electors !== null) await openElectionPort(this.#electors, this.config, this.#log);
    const own = this.config.ensemble?.servers.get(this.config.sid);
    // The leader alone listens here, much later: a port that is taken should be known now.
    if (own !== undefined) await probe('quorum', bindingsOf(this.config, own, 'quorumPort'), () => createServer());
    await this.#clients?.listen();
    await this.#adminPorts.open();
  }

  #openStore(): Store {
    return FileStore.open({ ...storeOptionsOf(this.config, this.#peerConfig), onSync: (ms, fileBytes) => this.#synced(ms, fileBytes) });
  }

  #synced(ms: number, fileBytes: number): void {
    this.#metrics.summaries.fsynctime.add(Math.round(ms));
    if (ms < this.config.settings.get('fsync.warningthresholdms')) return;
    this.#metrics.counters.fsync_threshold_exceeded++;
    this.#log.warn({ ms: Math.round(ms), fileBytes }, 'slow disk: writes wait for this fsync');
  }

  #view(): AdminView | null {
    const peer = this.#running?.peer;
    if (peer === undefined) return null;
    const { config } = this;
    return viewOf({
      config,
      peer,
      metrics: this.#metrics,
      now: systemClock.now(),
      wallTime: systemClock.wallTime(),
      directorySizes: () => (this.#options.store === undefined ? directorySizes(config.dataDir, config.dataLogDir) : { data: 0, log: 0 }),
    });
  }

  #world(store: Store): World {
    return {
      clock: systemClock,
      random: systemRandom,
      timer: systemTimer(systemClock),
      store,
      electors: this.#electors ?? { send: () => {} },
      learners: this.#learners ?? { listen: () => {}, unlisten: () => {}, dial: () => {} },
      nextSheet: this.#turn.sheets.next,
      trace: (event) => this.#trace(event),
      traceCommit: (zxid, bytes) => {
        this.#metrics.committed(zxid, bytes.length, () => this.#running?.peer.history.tree.digest ?? 0n);
        this.#copier.committed(bytes);
        this.#options.onCommit?.();
      },
      ...(this.#audit === null ? {} : { traceAudit: this.#audit.write.bind(this.#audit) }),
      fatal: (code, reason) => {
        this.#hasFailed = true;
        this.#options.onFatal(code, reason);
      },
    };
  }

  #trace(event: TraceEvent): void {
    logTrace(this.#log, event);
    this.#metrics.traced(event, systemClock.now());
    if (event.kind === 'config') this.#keepConfig(() => writeDynamicFiles(this.config, event.text));
    if (event.kind === 'configProposed') this.#keepConfig(() => writeProposedFile(this.config, event.text));
    this.#options.onTrace?.(event);
    if (event.kind === 'role' && this.#stopped !== null) this.#ending(event.role);
  }

  /** Nobody is to wait for the vote of a member that stops: it hangs up on the electors before it puts its disk in order. */
  #ending(role: RoleName): void {
    if (role === 'draining') this.#electors?.close();
    if (role === 'stopped') this.#stopped?.();
  }

  #keepConfig(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#log.error({ err: error }, 'the configuration in force could not be written: a restart would use the old one');
    }
  }

  readonly #feed = (input: Input): void => {
    if (this.#running !== null) this.#running.feed(input);
    else if (input.kind === 'clientOpened') input.link.close('not started yet');
  };

  #newClientListener(wiring: Wiring, at: NonNullable<ServerConfig['client']>): ClientListener {
    return newClientListener(wiring, at, {
      together: (feedAll) => (this.#running === null ? feedAll() : this.#running.together(feedAll)),
      answerCommand: (word, argument, from) => (isCommandWord(word) ? this.#words.answer(word, argument, from) : ''),
      rejected: () => this.#metrics.counters.connection_rejected++,
    });
  }

  #newAdminPorts(): AdminPorts {
    return new AdminPorts({
      config: this.config,
      peerConfig: this.#peerConfig,
      log: this.#log,
      words: this.#words,
      metrics: this.#metrics,
      copier: this.#copier,
      snapshotDirectory: this.#options.store === undefined ? version2In(this.config.dataDir) : null,
      peer: () => this.#running?.peer ?? null,
      view: () => this.#view(),
      feed: this.#feed,
    });
  }
}
