import { validatePath } from '@zk/protocol';

/** One server of a connect string. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface ConnectString {
  readonly servers: readonly HostPort[];
  /** '' or an absolute path without a trailing slash; every path of the client is below it. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;

/**
 * `host:port,host:port,[::1]:port/chroot`; a missing port is 2181 (ConnectStringParser).
 *
 * @throws Error naming the part that is wrong; KeeperError BADARGUMENTS for the chroot
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/');
  const chroot = slash < 0 ? '' : text.slice(slash).replace(/\/$/, '');
  if (chroot !== '') validatePath(chroot);
  const servers = (slash < 0 ? text : text.slice(0, slash))
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseServer);
  if (servers.length === 0) throw new Error(`no server in the connect string "${text}"; write host:port,host:port/chroot`);
  return { servers, chroot };
}

function parseServer(text: string): HostPort {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = /^([^:]+)(?::(\d+))?$/.exec(text);
  const [, host, port] = bracketed ?? plain ?? [];
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (host === undefined || number < 1 || number > 65535) throw new Error(`"${text}" is not host:port`);
  return { host, port: number };
}
