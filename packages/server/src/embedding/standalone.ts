import { Group } from './group.ts';
import type { EmbeddedServer } from './member.ts';
import { EmbeddingError, type EmbeddingOptions } from './options.ts';

export interface StandaloneOptions extends EmbeddingOptions {
  /** Any free one unless given. */
  readonly clientPort?: number;
}

/**
 * A standalone server on 127.0.0.1, for other people's test suites: in memory unless `dataDir` is given, ready in
 * milliseconds, gone with `stop()`.
 *
 * @throws ConfigError for settings that are wrong, ListenError for a port that is taken, DataDirectoryError, DamageError
 */
export async function startServer(options: StandaloneOptions = {}): Promise<EmbeddedServer> {
  const group = await Group.start({ ...options, participants: 1, observers: 0 });
  const [server] = group.members;
  if (server === undefined) throw new EmbeddingError('no server was started');
  return server;
}
