import { AccessControl, type Input, type Peer, type PeerConfig } from '@zk/peer';
import { asZxid } from '@zk/protocol';
import type { ServerConfig } from '../config.ts';
import { exportsMetrics } from '../config/metrics-provider.ts';
import type { Log } from '../log.ts';
import type { PrometheusProvider } from '../metrics/provider.ts';
import { zookeeperFamilies } from '../metrics/zookeeper.ts';
import { ListenError } from '../net/listen.ts';
import { systemClock } from '../system.ts';
import type { ConsoleOptions } from './console/console.ts';
import type { FourLetterWords } from './four-letter-words.ts';
import type { AdminServer } from './http.ts';
import { RestoreCommand } from './restore-command.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { SnapshotCommand } from './snapshot-command.ts';
import type { TreeCopier } from './tree-copier.ts';
import type { AdminView } from './view.ts';

/** The admin server could not be opened, which a standalone server takes seriously. Exit code 4. */
export class AdminServerError extends Error {
  override readonly name = 'AdminServerError';
}

/** The parts of a server that its HTTP ports tell of, and act on. */
export interface AdminPortsOptions {
  readonly config: ServerConfig;
  readonly peerConfig: PeerConfig;
  readonly log: Log;
  readonly words: FourLetterWords;
  readonly metrics: ServerMetrics;
  readonly copier: TreeCopier;
  /** Where snapshot files are; `null`: the data is not in files. */
  readonly snapshotDirectory: string | null;
  /** `null` before the peer has started, as is the view of it. */
  peer(): Peer | null;
  view(): AdminView | null;
  feed(input: Input): void;
}

/** The HTTP ports of a server, those of them that are switched on: the AdminServer with its console, and the Prometheus provider. */
export class AdminPorts {
  readonly #options: AdminPortsOptions;
  #admin: AdminServer | null = null;
  #prometheus: PrometheusProvider | null = null;

  constructor(options: AdminPortsOptions) {
    this.#options = options;
  }

  /** `null` when it is disabled or could not be opened. */
  get adminPort(): number | null {
    return this.#admin?.port ?? null;
  }

  /** `null` without a Prometheus provider. */
  get metricsPort(): number | null {
    return this.#prometheus?.port ?? null;
  }

  /**
   * Loads what is switched on, and nothing else: with node:http it is a megabyte of memory.
   *
   * @throws AdminServerError when alone, ListenError for the port of the metrics
   */
  async open(): Promise<void> {
    const { settings } = this.#options.config;
    if (settings.get('admin.enableServer').toLowerCase() !== 'false') await this.#openAdminPort(await this.#adminServer());
    if (exportsMetrics(settings)) await (await this.#prometheusProvider()).listen();
  }

  close(): void {
    this.#admin?.close();
    this.#prometheus?.close();
  }

  async #openAdminPort(admin: AdminServer): Promise<void> {
    try {
      await admin.listen();
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const { config, log } = this.#options;
      if (config.ensemble === null) throw new AdminServerError(error.message, { cause: error });
      log.warn({ reason: error.message }, 'no admin server');
    }
  }

  async #prometheusProvider(): Promise<PrometheusProvider> {
    const { PrometheusProvider } = await import('../metrics/provider.ts');
    const { config: { settings }, words, view } = this.#options;
    this.#prometheus = new PrometheusProvider({
      host: settings.get('metricsProvider.httpHost'),
      port: settings.get('metricsProvider.httpPort'),
      exportNode: settings.get('metricsProvider.exportJvmInfo'),
      families: () => {
        const seen = view();
        return seen === null ? [] : zookeeperFamilies(seen, words.traffic(seen));
      },
    });
    return this.#prometheus;
  }

  async #adminServer(): Promise<AdminServer> {
    const [{ AdminServer }, { Console }] = await Promise.all([import('./http.ts'), import('./console/console.ts')]);
    const { config: { settings }, peerConfig, words, view, feed } = this.#options;
    this.#admin = new AdminServer({
      host: settings.get('admin.serverAddress'),
      port: settings.get('admin.serverPort'),
      path: settings.get('admin.commandURL'),
      idleTimeoutMs: settings.get('admin.idleTimeout'),
      words,
      access: new AccessControl(peerConfig.auth),
      snapshot: this.#snapshotCommand(),
      restore: this.#restoreCommand(),
      console: settings.get('admin.console.enabled') ? new Console(this.#consoleOptions()) : null,
      view,
      feed,
    });
    return this.#admin;
  }

  #consoleOptions(): ConsoleOptions {
    const { config, peerConfig, peer, view, feed } = this.#options;
    return {
      isWritable: config.settings.get('admin.console.writable'),
      access: new AccessControl(peerConfig.auth),
      maxDataBytes: peerConfig.maxBuffer,
      view,
      tree: () => peer()?.history.tree ?? null,
      feed,
    };
  }

  #snapshotCommand(): SnapshotCommand {
    const { config: { settings }, metrics, copier, snapshotDirectory, feed } = this.#options;
    return new SnapshotCommand({
      enabled: settings.get('admin.snapshot.enabled'),
      withLastZxid: settings.get('serializeLastProcessedZxid.enabled'),
      withDigest: settings.get('digest.enabled'),
      rateLimit: settings.get('admin.rateLimiterIntervalInMS'),
      directory: snapshotDirectory,
      metrics,
      now: () => systemClock.now(),
      image: async () => (await copier.copy(() => this.#peer.history.tree)).image(),
      checkpoint: () => feed({ kind: 'checkpoint' }),
    });
  }

  #restoreCommand(): RestoreCommand {
    const { config: { settings }, metrics, feed } = this.#options;
    return new RestoreCommand({
      enabled: settings.get('admin.restore.enabled'),
      withLastZxid: settings.get('serializeLastProcessedZxid.enabled'),
      rateLimit: settings.get('admin.rateLimiterIntervalInMS'),
      metrics,
      now: () => systemClock.now(),
      whyNot: () => this.#peer.whyNoRestore(),
      builder: () => this.#peer.history.imageBuilder(asZxid(0n)),
      restore: (tree) => new Promise((answer) => feed({ kind: 'restore', request: { tree, answer } })),
    });
  }

  get #peer(): Peer {
    const peer = this.#options.peer();
    if (peer === null) throw new Error('the server has not started');
    return peer;
  }
}
