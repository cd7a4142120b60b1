import { setTimeout as delay } from 'node:timers/promises';
import type { Input } from '@zk/peer';
import type { HostPort, ServerSpec } from '@zk/protocol';
import type { ServerConfig } from './config.ts';
import type { Log } from './log.ts';
import { ClientListener, type ClientListenerOptions } from './net/clients.ts';
import { ElectionMesh } from './net/electors.ts';
import { LearnerLinks } from './net/learners.ts';
import { ListenError } from './net/listen.ts';
import type { Turn } from './net/turn.ts';

/** A pause between two attempts to open the election port, as Apache makes it. */
const BIND_RETRY_MS = 1_000;

/** What every endpoint of a server is connected with. */
export interface Wiring {
  readonly config: ServerConfig;
  readonly log: Log;
  readonly turn: Turn;
  readonly feed: (input: Input) => void;
}

/** The election port could not be opened, not even after the retries. Exit code 14. */
export class ElectionPortError extends Error {
  override readonly name = 'ElectionPortError';
}

/** Where a member talks about who leads. @param own its server line */
export function newElectionMesh({ config, log, feed }: Wiring, own: ServerSpec): ElectionMesh {
  const { settings, sid, ensemble } = config;
  if (ensemble === null) throw new Error('a standalone server has no electors');
  const cnxnTimeout = settings.get('quorumCnxnTimeoutMs');
  return new ElectionMesh({
    sid,
    ensemble,
    listenOn: bindingsOf(config, own, 'electionPort'),
    ownAddresses: own.addresses.map(({ host, electionPort }) => ({ host, port: electionPort })),
    multiAddress: settings.get('multiAddress.enabled'),
    dialTimeoutMs: settings.get('cnxTimeout'),
    helloTimeoutMs: cnxnTimeout > 0 ? cnxnTimeout : settings.get('tickTime') * (settings.get('syncLimit') ?? 5),
    log,
    feed,
  });
}

/** @throws ElectionPortError when it is still taken after `electionPortBindRetry` attempts (0: it is tried for ever) */
export async function openElectionPort(electors: ElectionMesh, { settings }: ServerConfig, log: Log): Promise<void> {
  const retries = settings.get('electionPortBindRetry');
  for (let attempt = 1; ; attempt++) {
    try {
      return await electors.listen();
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      if (retries > 0 && attempt >= retries) throw new ElectionPortError(error.message, { cause: error });
      log.warn({ reason: error.message, attempt }, 'election port not opened, trying again');
      await delay(BIND_RETRY_MS);
    }
  }
}

/**
 * Where a member follows, and is followed.
 * @param unusable told why when its port cannot be opened once it leads
 */
export function newLearnerLinks({ config, log, turn, feed }: Wiring, own: ServerSpec, unusable: (reason: string) => void): LearnerLinks {
  const { settings } = config;
  return new LearnerLinks({
    listenOn: bindingsOf(config, own, 'quorumPort'),
    noDelay: settings.get('leader.nodelay') && settings.get('follower.nodelay'),
    turn,
    log,
    feed,
    unusable,
  });
}

/** Where clients come in. */
export function newClientListener(
  { config, log, turn, feed }: Wiring, { host, port }: NonNullable<ServerConfig['client']>,
  callbacks: Pick<ClientListenerOptions, 'together' | 'answerCommand' | 'rejected'>,
): ClientListener {
  const { settings } = config;
  return new ClientListener({
    host,
    port,
    backlog: settings.get('clientPortListenBacklog'),
    maxClientCnxns: settings.get('maxClientCnxns'),
    maxCnxns: settings.get('maxCnxns'),
    maxFrameBytes: settings.get('jute.maxbuffer'),
    keepAlive: settings.get('clientTcpKeepAlive'),
    turn,
    log,
    feed,
    ...callbacks,
  });
}

/** Where a member listens: at the addresses of its server line, or at these ports of every address (quorumListenOnAllIPs). */
export function bindingsOf({ settings }: ServerConfig, { addresses }: ServerSpec, port: 'quorumPort' | 'electionPort'): HostPort[] {
  const onAll = settings.get('quorumListenOnAllIPs');
  const hosts = addresses.map((address) => ({ host: onAll ? '' : address.host, port: address[port] }));
  return onAll ? [...new Map(hosts.map((host) => [host.port, host])).values()] : hosts;
}
