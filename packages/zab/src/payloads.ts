import { JuteError } from '@zk/jute';
import { asSessionId, asSid, asZxid, PacketType } from '@zk/protocol';
import type { EnsembleConfig, Id, LoggedTxn, QuorumPacket, SessionId, Sid, Zxid } from '@zk/protocol';
import type { Touch } from './learner-io.ts';

/** The only version of the learner handshake that is spoken (quorum.md 6.2). */
export const PROTOCOL_VERSION = 0x10000;

const NO_ZXID = asZxid(-1n);
const EMPTY = Buffer.alloc(0);

export function packet(type: number, zxid: Zxid, data: Buffer | null = null, authinfo: Id[] | null = null): QuorumPacket {
  return { type, zxid, data, authinfo };
}

export const UPTODATE: QuorumPacket = packet(PacketType.UPTODATE, NO_ZXID);
export const SYNC: QuorumPacket = packet(PacketType.SYNC, asZxid(0n));

export function proposalPacket({ zxid, bytes }: LoggedTxn): QuorumPacket {
  return packet(PacketType.PROPOSAL, zxid, bytes);
}

export function informPacket({ zxid, bytes }: LoggedTxn): QuorumPacket {
  return packet(PacketType.INFORM, zxid, bytes);
}

export function leaderInfoPacket(epochStart: Zxid): QuorumPacket {
  return packet(PacketType.LEADERINFO, epochStart, int(PROTOCOL_VERSION));
}

export function newLeaderPacket(epochStart: Zxid, config: EnsembleConfig): QuorumPacket {
  return packet(PacketType.NEWLEADER, epochStart, Buffer.from(config.toText(), 'utf8'));
}

/** What FOLLOWERINFO and OBSERVERINFO say of their sender. */
export interface LearnerIntroduction {
  readonly sid: Sid;
  readonly protocolVersion: number;
  readonly configVersion: bigint;
}

export function introductionOf(data: Buffer | null): LearnerIntroduction {
  const bytes = atLeast(data, 8, 'LearnerInfo'); // older learners send prefixes of the record (quorum.md 5.2)
  return {
    sid: asSid(bytes.readBigInt64BE(0)),
    protocolVersion: bytes.length >= 12 ? bytes.readInt32BE(8) : 1,
    configVersion: bytes.length >= 20 ? bytes.readBigInt64BE(12) : 0n,
  };
}

export function introduction(sid: Sid, configVersion: bigint): Buffer {
  const data = Buffer.alloc(20);
  data.writeBigInt64BE(sid, 0);
  data.writeInt32BE(PROTOCOL_VERSION, 8);
  data.writeBigInt64BE(configVersion, 12);
  return data;
}

/** The 4 bytes of ACKEPOCH and LEADERINFO. */
export function int(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeInt32BE(value);
  return data;
}

export function intOf(data: Buffer | null, what: string): number {
  return atLeast(data, 4, what).readInt32BE(0);
}

/** A client's request as a learner forwards it; `body` is the record behind the client's RequestHeader. */
export interface ForwardedRequest {
  readonly session: SessionId;
  readonly cxid: number;
  readonly op: number;
  readonly body: Buffer;
}

export function requestPacket({ session, cxid, op, body }: ForwardedRequest, authinfo: Id[] | null): QuorumPacket {
  const data = Buffer.allocUnsafe(16 + body.length);
  data.writeBigInt64BE(session, 0);
  data.writeInt32BE(cxid, 8);
  data.writeInt32BE(op, 12);
  body.copy(data, 16);
  return packet(PacketType.REQUEST, NO_ZXID, data, authinfo);
}

export function requestOf(data: Buffer | null): ForwardedRequest {
  const bytes = atLeast(data, 16, 'REQUEST');
  return {
    session: asSessionId(bytes.readBigInt64BE(0)),
    cxid: bytes.readInt32BE(8),
    op: bytes.readInt32BE(12),
    body: bytes.subarray(16),
  };
}

/** The answer to a PING; the touch table is never null, which Apache's leader would not survive (quorum.md 9.6). */
export function touchTable(touches: readonly Touch[]): Buffer {
  if (touches.length === 0) return EMPTY;
  const data = Buffer.allocUnsafe(touches.length * 12);
  touches.forEach(({ session, timeOut }, i) => {
    data.writeBigInt64BE(session, i * 12);
    data.writeInt32BE(timeOut, i * 12 + 8);
  });
  return data;
}

export function touchesOf(data: Buffer | null): Touch[] {
  const bytes = data ?? EMPTY;
  if (bytes.length % 12 !== 0) throw new JuteError('PING', `has ${bytes.length} bytes, not a multiple of 12`);
  return Array.from({ length: bytes.length / 12 }, (_, i) => touchAt(bytes, i * 12));
}

export function revalidatePacket({ session, timeOut }: Touch): QuorumPacket {
  return packet(PacketType.REVALIDATE, NO_ZXID, touchTable([{ session, timeOut }]));
}

export function revalidateOf(data: Buffer | null): Touch {
  return touchAt(atLeast(data, 12, 'REVALIDATE'), 0);
}

export function revalidatedPacket(session: SessionId, valid: boolean): QuorumPacket {
  const data = Buffer.alloc(9);
  data.writeBigInt64BE(session, 0);
  data.writeInt8(valid ? 1 : 0, 8);
  return packet(PacketType.REVALIDATE, NO_ZXID, data);
}

export function revalidatedOf(data: Buffer | null): { session: SessionId; valid: boolean } {
  const bytes = atLeast(data, 9, 'REVALIDATE');
  return { session: asSessionId(bytes.readBigInt64BE(0)), valid: bytes[8] !== 0 };
}

/** The designated leader before COMMITANDACTIVATE's end and before INFORMANDACTIVATE's proposal. */
export function designatedLeaderOf(data: Buffer | null): Sid {
  return asSid(atLeast(data, 8, 'COMMITANDACTIVATE').readBigInt64BE(0));
}

export function afterDesignatedLeader(data: Buffer | null): Buffer {
  return atLeast(data, 8, 'INFORMANDACTIVATE').subarray(8);
}

function touchAt(bytes: Buffer, offset: number): Touch {
  return { session: asSessionId(bytes.readBigInt64BE(offset)), timeOut: bytes.readInt32BE(offset + 8) };
}

function atLeast(data: Buffer | null, length: number, what: string): Buffer {
  if (data === null || data.length < length) {
    throw new JuteError(what, `needs ${length} bytes, ${data?.length ?? 'none'} are there`);
  }
  return data;
}
