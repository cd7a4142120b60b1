import { encode } from '@zk/jute';
import { asSessionId, ConnectRequest } from '@zk/protocol';
import { encodeRequest, type AclEntry, type Place, type Request } from './differential/requests.ts';

const PLACE: Place = { root: '/f', base: 1n };
const OPEN: AclEntry[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const BY_DIGEST: AclEntry[] = [{ perms: 3, scheme: 'digest', id: 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=' }, { perms: 31, scheme: 'ip', id: '127.0.0.0/8' }];
const CREATE: Request = { op: 'create', path: '~/a', data: 'some data', acl: OPEN, flags: 0 };
const SET: Request = { op: 'setData', path: '~/a', data: 'other data', version: -1 };

const REQUESTS: readonly Request[] = [
  CREATE,
  { op: 'create2', path: '~/a/s-', data: null, acl: BY_DIGEST, flags: 3 },
  { op: 'createContainer', path: '~/c', data: '', acl: OPEN, flags: 4 },
  { op: 'createTTL', path: '~/t', data: 'x', acl: OPEN, flags: 5, ttl: 1_000n },
  { op: 'delete', path: '~/a', version: 0 },
  { op: 'exists', path: '~/a', watch: true },
  { op: 'getData', path: '~/a', watch: true },
  SET,
  { op: 'getACL', path: '~/a' },
  { op: 'setACL', path: '~/a', acl: BY_DIGEST, version: -1 },
  { op: 'getChildren', path: '~', watch: true },
  { op: 'getChildren2', path: '~', watch: false },
  { op: 'sync', path: '~' },
  { op: 'multi', requests: [CREATE, SET, { op: 'check', path: '~', version: -1 }, { op: 'delete', path: '~/a', version: -1 }] },
  { op: 'multiRead', requests: [{ op: 'getData', path: '~', watch: false }, { op: 'getChildren', path: '~/a', watch: false }] },
  { op: 'reconfig', joining: 'server.2=127.0.0.1:1:2;3', leaving: '1', newMembers: null, configId: -1n },
  { op: 'checkWatches', path: '~/a', type: 3 },
  { op: 'removeWatches', path: '~/a', type: 3 },
  { op: 'addWatch', path: '~', mode: 1 },
  { op: 'setWatches', since: 0, lists: [['~/a'], ['~/b', '~/c'], ['~']] },
  { op: 'setWatches2', since: 0, lists: [['~/a'], [], ['~'], ['~/p'], ['~/r']] },
  { op: 'getEphemerals', path: '~' },
  { op: 'getAllChildrenNumber', path: '/' },
  { op: 'whoAmI' },
  { op: 'ping' },
];
/** After these nothing more is read from a connection, or may not be. */
const LAST_REQUESTS: readonly Request[] = [
  { op: 'auth', scheme: 'digest', auth: 'bob:pw' },
  { op: 'sasl', token: '' },
  { op: 'check', path: '~', version: 0 },
  { op: 'deleteContainer', path: '~/c' },
  { op: 'createSession' },
  { op: 'closeSession' },
  { op: 'opcode', code: 99, body: '' },
];

const framesOf = (requests: readonly Request[]): readonly Buffer[] => requests.map((request, i) => framed(encodeRequest(request, i + 1, PLACE)));
/** Well-formed frames with their length, of every kind of request that leaves the connection open. */
export const REQUEST_FRAMES = framesOf(REQUESTS);
/** And of those that end it. */
export const LAST_FRAMES = framesOf(LAST_REQUESTS);

/** A well-formed handshake, with its length. */
export const HANDSHAKE = framed(
  encode(ConnectRequest, { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 4_000, sessionId: asSessionId(0n), passwd: Buffer.alloc(16), readOnly: false }),
);

/** Goodbye: the server answers, and closes the connection. */
export const GOODBYE = framed(encodeRequest({ op: 'closeSession' }, 1, PLACE));

const LENGTH_END = 4;
const HEADER_END = 12;
const TELLING = [0, 1, 0x7f, 0x80, 0xff];
const TELLING_INTS = [0, -1, -2, 1, 0x7fffffff, -0x80000000, 0xfffff, 0x100000, 0x10000];

/** The frame with some damage behind its length, which fits again: what is read next is a frame. */
export function mutate(frame: Buffer, random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  let bytes = Buffer.from(frame);
  // Another opcode mostly ends the connection, and with it the chances of the frames behind.
  const from = below(100) === 0 ? LENGTH_END : HEADER_END;
  for (let left = 1 + below(3); left > 0; left--) {
    const at = Math.min(bytes.length, from + below(Math.max(1, bytes.length - from)));
    switch (below(7)) {
      case 0: // one bit
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << below(8));
        break;
      case 1: // one byte
        if (at < bytes.length) bytes[at] = pick(TELLING);
        break;
      case 2: // a length, a version, flags, an opcode
        if (at + 4 <= bytes.length) bytes.writeInt32BE(pick(TELLING_INTS), at);
        break;
      case 3: // cut
        bytes = bytes.subarray(0, at);
        break;
      case 4: // more at the end
        bytes = Buffer.concat([bytes, Buffer.alloc(below(64), pick(TELLING))]);
        break;
      case 5: // a piece of another request in the middle
        bytes = Buffer.concat([bytes.subarray(0, at), pick(REQUEST_FRAMES).subarray(4), bytes.subarray(at)]);
        break;
      default: // a piece twice
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, at), bytes.subarray(at)]);
    }
  }
  bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
}

/** The frame with a length that makes nonsense of it and of all that follows on the connection. */
export function mislead(frame: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(frame);
  const wrong = [...TELLING_INTS, bytes.length - 5, bytes.length - 3];
  bytes.writeInt32BE(wrong[Math.floor(random() * wrong.length)] as number, 0);
  return bytes;
}

function framed(payload: Buffer): Buffer {
  const frame = Buffer.concat([Buffer.alloc(4), payload]);
  frame.writeInt32BE(payload.length, 0);
  return frame;
}
