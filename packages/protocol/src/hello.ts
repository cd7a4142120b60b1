import { JuteError } from '@zk/jute';
import { formatHostPort, parsePort, splitHostAndPorts, splitLikeJava } from './host-port.ts';
import type { HostPort } from './host-port.ts';
import { asSid } from './zxid.ts';
import type { Sid } from './zxid.ts';

/** The first bytes on an election connection, sent by the dialer and never answered (quorum.md 2.2). */
export interface ElectionHello {
  /** The dialer; Long.MAX_VALUE for an observer without id. */
  sid: Sid;
  /** Where the dialer can be reached for elections. Empty when it named none, or only wildcards. */
  addresses: HostPort[];
}

const V1 = -65536n;
const V2 = -65535n; // several addresses; only while multiAddress.enabled
const HEADER = 20;
const MAX_ADDRESS_BYTES = 2048;
const WILDCARDS = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

/**
 * Encodes a hello. Write it with one call: Java reads the address with a single read and refuses less (T26).
 * @param multiAddress send every address (V2) instead of the first (V1)
 */
export function encodeHello(hello: ElectionHello, multiAddress = false): Buffer {
  const addresses = multiAddress ? hello.addresses : hello.addresses.slice(0, 1);
  const text = Buffer.from(addresses.map(formatHostPort).join('|'), 'utf8');
  const bytes = Buffer.alloc(HEADER + text.length);
  bytes.writeBigInt64BE(multiAddress ? V2 : V1, 0);
  bytes.writeBigInt64BE(hello.sid, 8);
  bytes.writeInt32BE(text.length, 16);
  text.copy(bytes, HEADER);
  return bytes;
}

/** Reads a hello that arrives in any pieces, and hands back what follows it on the connection. */
export class HelloReader {
  #bytes: Buffer = Buffer.alloc(0);

  /**
   * @returns null until the hello is complete, then the hello and the bytes behind it (do not push again)
   * @throws JuteError when it is no hello: the connection is to be closed
   */
  push(chunk: Buffer): { hello: ElectionHello; rest: Buffer } | null {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const bytes = this.#bytes;
    if (bytes.length < 8) return null;
    const version = bytes.readBigInt64BE(0);
    // Before 3.5 the connection began with the sid itself and nothing else.
    if (version >= 0n) return { hello: { sid: asSid(version), addresses: [] }, rest: bytes.subarray(8) };
    if (version !== V1 && version !== V2) throw new JuteError('ElectionHello.protocolVersion', `is ${version}, which is unknown`);
    if (bytes.length < HEADER) return null;
    const length = bytes.readInt32BE(16);
    if (length <= 0 || length > MAX_ADDRESS_BYTES) throw new JuteError('ElectionHello.addr', `claims ${length} bytes, it has 1 to ${MAX_ADDRESS_BYTES}`);
    const end = HEADER + length;
    if (bytes.length < end) return null;
    const addresses = parseAddresses(bytes.toString('utf8', HEADER, end));
    return { hello: { sid: asSid(bytes.readBigInt64BE(8)), addresses }, rest: bytes.subarray(end) };
  }
}

function parseAddresses(text: string): HostPort[] {
  return splitLikeJava(text, '|').map(parseAddress).filter(({ host }) => !WILDCARDS.has(host)); // nobody can dial those
}

function parseAddress(text: string): HostPort {
  const [host, portText, ...others] = partsOf(text);
  if (!host || portText === undefined || others.length > 0) throw new JuteError('ElectionHello.addr', `is badly formed: ${text}`);
  const port = parsePort(portText);
  if (port === null) throw new JuteError('ElectionHello.addr', `has a bad port number: ${text}`);
  return { host, port };
}

function partsOf(text: string): string[] {
  try {
    return splitHostAndPorts(text);
  } catch {
    throw new JuteError('ElectionHello.addr', `is badly formed: ${text}`);
  }
}
