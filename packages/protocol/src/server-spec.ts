import { bracketed, formatHostPort, parsePort, splitHostAndPorts, splitLikeJava } from './host-port.ts';
import type { HostPort } from './host-port.ts';
import type { Sid } from './zxid.ts';

export type ServerRole = 'participant' | 'observer';

/** One way to reach a server: the leader listens on the quorum port, everyone on the election port. */
export interface ServerAddress {
  host: string;
  quorumPort: number;
  electionPort: number;
}

/** What a `server.N` line says (quorum.md 1.2). */
export interface ServerSpec {
  sid: Sid;
  /** One or more, sorted by host; IPv6 without brackets. */
  addresses: ServerAddress[];
  role: ServerRole;
  /** Where clients connect; null when unknown. */
  client: HostPort | null;
  /** False when the client address came from zoo.cfg's clientPort: then the line does not print it. */
  clientInText: boolean;
}

const FORM =
  ' does not have the form server_config or server_config;client_config' +
  ' where server_config is the pipe separated list of host:port:port or host:port:port:type' +
  ' and client_config is port or host:port';

/**
 * Parses the value of a `server.N` key: `host:2888:3888[:role][|…][;[host:]port]`.
 *
 * @param options.multiAddress whether `|` is allowed (Apache's multiAddress.enabled, off unless set)
 * @throws Error with Apache's message (operations.md 1.3). Unlike Apache we also refuse an empty host.
 */
export function parseServerLine(sid: Sid, text: string, options: { multiAddress?: boolean } = {}): ServerSpec {
  const line = text.trim();
  const [servers, client, ...others] = splitLikeJava(line, ';');
  if (!servers || others.length > 0) throw new Error(line + FORM); // a third part exists on Apache's main branch only
  const alternatives = splitLikeJava(servers, '|');
  if (alternatives.length > 1 && !options.multiAddress) {
    throw new Error(`Multiple address feature is disabled, but multiple addresses were specified for sid ${sid}`);
  }
  const clientAddress = client === undefined ? null : parseClient(line, client);
  const parsed = alternatives.map((one) => parseAlternative(sid, line, one));
  return {
    sid,
    addresses: sortedByHost(parsed.map(({ address }) => address)),
    role: commonRole(parsed.flatMap(({ role }) => role ?? [])),
    client: clientAddress,
    clientInText: clientAddress !== null,
  };
}

/** The canonical value of a `server.N` key: the role is always printed, the client part when it is the line's own. */
export function formatServerLine(spec: ServerSpec): string {
  const addresses = sortedByHost(spec.addresses)
    .map(({ host, quorumPort, electionPort }) => `${bracketed(host)}:${quorumPort}:${electionPort}`)
    .join('|');
  const client = spec.client && spec.clientInText ? `;${formatHostPort(spec.client)}` : '';
  return `${addresses}:${spec.role}${client}`;
}

/** Same id, role, quorum, election and client addresses; where the client address was written does not matter. */
export function sameServer(a: ServerSpec, b: ServerSpec): boolean {
  return (
    a.sid === b.sid &&
    a.role === b.role &&
    sameHostPort(a.client, b.client) &&
    addressKey(a) === addressKey(b)
  );
}

function sameHostPort(a: HostPort | null, b: HostPort | null): boolean {
  return a?.host === b?.host && a?.port === b?.port;
}

function addressKey(spec: ServerSpec): string {
  return JSON.stringify(spec.addresses.map((a) => [a.host, a.quorumPort, a.electionPort].join(' ')).sort());
}

function parseClient(line: string, text: string): HostPort {
  const parts = splitHostAndPorts(text);
  if (parts.length > 2) throw new Error(line + FORM);
  const host = parts.length === 2 ? parts[0]! : '0.0.0.0';
  return { host, port: requirePort(host, parts.at(-1)!) };
}

function parseAlternative(sid: Sid, line: string, text: string): { address: ServerAddress; role: ServerRole | null } {
  const [host, quorum, election, role, ...others] = splitHostAndPorts(text);
  if (!host || quorum === undefined || election === undefined || others.length > 0) throw new Error(line + FORM);
  const address = { host, quorumPort: requirePort(host, quorum), electionPort: requirePort(host, election) };
  if (address.quorumPort === address.electionPort) {
    throw new Error(`Client and election port must be different! Please update the configuration file on server.${sid}`);
  }
  return { address, role: role === undefined ? null : parseRole(role) };
}

function requirePort(host: string, text: string): number {
  const port = parsePort(text);
  if (port === null) throw new Error(`Address unresolved: ${host}:${text}`);
  return port;
}

/** Parses `participant` or `observer`, in any case. @throws Error `Unrecognised peertype: foo` */
function parseRole(text: string): ServerRole {
  const role = text.trim().toLowerCase();
  if (role !== 'participant' && role !== 'observer') throw new Error(`Unrecognised peertype: ${text}`);
  return role;
}

/** A role on any one address holds for all of them. */
function commonRole(roles: ServerRole[]): ServerRole {
  const first = roles[0] ?? 'participant';
  const other = roles.find((role) => role !== first);
  if (other !== undefined) {
    throw new Error(`Multiple addresses should have similar roles: ${first.toUpperCase()} vs ${other.toUpperCase()}`);
  }
  return first;
}

function sortedByHost(addresses: readonly ServerAddress[]): ServerAddress[] {
  return [...addresses].sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0));
}
