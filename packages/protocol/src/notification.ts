import { JuteError } from '@zk/jute';

/** Server states, as a notification carries them (quorum.md 1.1). */
export const ServerState = { LOOKING: 0, FOLLOWING: 1, LEADING: 2, OBSERVING: 3 } as const;
export type ServerState = (typeof ServerState)[keyof typeof ServerState];

/** The version of the notification format that carries the sender's config. */
export const NOTIFICATION_VERSION = 2;

/** Sid, zxid and epoch in the vote of a server that may not elect. */
export const NO_VOTE = -(2n ** 63n);

/** One message of the election port (quorum.md 2.4). */
export interface Notification {
  state: ServerState;
  /** The sid voted for, or followed; NO_VOTE from a non-voter that knows no leader. */
  leader: bigint;
  /** What that leader had logged when the vote was cast. */
  zxid: bigint;
  /** The round of the vote: counted by each server from its start, no Zab epoch. */
  electionEpoch: bigint;
  /** The leader's currentEpoch when the vote was cast; once synchronised, the established epoch. */
  peerEpoch: bigint;
  /** Of the format: 0 (3.3), 1 (3.4.6) or 2. */
  version: number;
  /** Text of the sender's committed config; only with version 2, null when there was none. */
  config: string | null;
}

const HEADER = 36; // up to and with peerEpoch

/** Encodes a notification: 44 bytes and the config in version 2, 40 bytes before. */
export function encodeNotification(n: Notification): Buffer {
  const config = Buffer.from(n.config ?? '', 'utf8');
  const withConfig = n.version > 1;
  const bytes = Buffer.alloc(HEADER + 4 + (withConfig ? 4 + config.length : 0));
  bytes.writeInt32BE(n.state, 0);
  bytes.writeBigInt64BE(n.leader, 4);
  bytes.writeBigInt64BE(n.zxid, 12);
  bytes.writeBigInt64BE(n.electionEpoch, 20);
  bytes.writeBigInt64BE(n.peerEpoch, 28);
  bytes.writeInt32BE(n.version, HEADER);
  if (withConfig) {
    bytes.writeInt32BE(config.length, HEADER + 4);
    config.copy(bytes, HEADER + 8);
  }
  return bytes;
}

/**
 * Decodes a notification of any era. Length comes before version: 28 bytes are 3.3's, 40 bytes have no version.
 * @throws JuteError when it is cut short or names no known state; such a message is dropped, the connection stays.
 */
export function decodeNotification(bytes: Buffer): Notification {
  if (bytes.length < 28) throw new JuteError('Notification', `has ${bytes.length} bytes, the shortest has 28`);
  const state = bytes.readInt32BE(0);
  if (!isServerState(state)) throw new JuteError('Notification.state', `is ${state}, which is no server state`);
  const vote = {
    state,
    leader: bytes.readBigInt64BE(4),
    zxid: bytes.readBigInt64BE(12),
    electionEpoch: bytes.readBigInt64BE(20),
  };
  if (bytes.length === 28) return { ...vote, peerEpoch: vote.zxid >> 32n, version: 0, config: null };
  if (bytes.length < HEADER + 4) throw new JuteError('Notification', `has ${bytes.length} bytes and ends before its version`);
  const peerEpoch = bytes.readBigInt64BE(28);
  if (bytes.length === 40) return { ...vote, peerEpoch, version: 0, config: null };
  const version = bytes.readInt32BE(HEADER);
  return { ...vote, peerEpoch, version, config: version > 1 ? readConfig(bytes) : null };
}

function isServerState(state: number): state is ServerState {
  return state >= ServerState.LOOKING && state <= ServerState.OBSERVING;
}

function readConfig(bytes: Buffer): string | null {
  const start = HEADER + 8;
  if (bytes.length < start) throw new JuteError('Notification', `has ${bytes.length} bytes and ends before its config`);
  const length = bytes.readInt32BE(HEADER + 4);
  const left = bytes.length - start;
  if (length < 0 || length > left) throw new JuteError('Notification.config', `claims ${length} bytes, ${left} are left`);
  return length === 0 ? null : bytes.toString('utf8', start, start + length);
}
