import { lookup } from 'node:dns/promises';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import type { HostPort } from '@zk/protocol';

/** A port could not be opened. The message names port, address and reason. */
export class ListenError extends Error {
  /** `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENOTFOUND`, … */
  readonly code: string;

  constructor(what: string, { host, port }: ListenOptions, cause: NodeJS.ErrnoException) {
    super(`${what} port ${port}${host === undefined ? '' : ` on ${host}`} ${reasonOf(cause)}`, { cause });
    this.name = 'ListenError';
    this.code = cause.code ?? '';
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'is in use by another process';
  if (code === 'EADDRNOTAVAIL') return 'cannot be opened: the address is not one of this machine (quorumListenOnAllIPs=true listens on every address)';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'cannot be opened: the name does not resolve';
  if (code === 'EACCES') return 'cannot be opened: permission denied (ports below 1024 need privileges)';
  return `cannot be opened: ${message}`;
}

/**
 * Opens a port; resolves with the port number, which matters where 0 was asked for.
 *
 * @param what how messages call it: `client`, `quorum`, `election`, `admin`
 * @throws ListenError
 */
export function listen(server: Server, what: string, options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(new ListenError(what, options, error));
    server.once('error', failed);
    server.listen(options, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Stops listening: the port is free when this returns. Connections are not touched. */
export function unlisten(server: Server): void {
  if (server.listening) server.close();
}

/**
 * Opens a port on everything its host names stand for: `localhost` may be 127.0.0.1 to one peer and ::1 to the next.
 * An empty host is every address of this machine. One address that works is enough.
 *
 * @throws ListenError when none does
 */
export async function listenOnAll(what: string, hosts: readonly HostPort[], makeServer: () => Server): Promise<Server[]> {
  const targets = (await Promise.all(hosts.map((target) => resolved(what, target)))).flat();
  const servers = targets.map(makeServer);
  const results = await Promise.allSettled(targets.map((target, i) => listen(servers[i] as Server, what, target)));
  const open = servers.filter((server) => server.listening);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined && (open.length === 0 || isTaken(results))) {
    open.forEach(unlisten);
    throw failure.reason;
  }
  return open;
}

/** An address that does not exist here may be another machine's business; a port that is taken is a mistake. */
function isTaken(results: readonly PromiseSettledResult<number>[]): boolean {
  return results.some((result) => result.status === 'rejected' && result.reason instanceof ListenError && result.reason.code === 'EADDRINUSE');
}

async function resolved(what: string, { host, port }: HostPort): Promise<ListenOptions[]> {
  if (host === '') return [{ port }];
  try {
    const addresses = await lookup(host, { all: true });
    return [...new Set(addresses.map(({ address }) => address))].map((address) => ({ host: address, port }));
  } catch (error) {
    throw new ListenError(what, { host, port }, error as NodeJS.ErrnoException);
  }
}

/** Whether the ports could be opened now: they are, and closed again. @throws ListenError naming the one that is not free */
export async function probe(what: string, hosts: readonly HostPort[], makeServer: () => Server): Promise<void> {
  (await listenOnAll(what, hosts, makeServer)).forEach(unlisten);
}
