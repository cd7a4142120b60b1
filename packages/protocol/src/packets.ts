import { encode } from '@zk/jute';
import { QuorumPacket } from './records/quorum.ts';
import { hex } from './zxid.ts';

/** The types of packets between leader and learner (Leader.java). */
export const PacketType = {
  REQUEST: 1,
  PROPOSAL: 2,
  ACK: 3,
  COMMIT: 4,
  PING: 5,
  REVALIDATE: 6,
  SYNC: 7,
  INFORM: 8,
  COMMITANDACTIVATE: 9,
  NEWLEADER: 10,
  FOLLOWERINFO: 11,
  UPTODATE: 12,
  DIFF: 13,
  TRUNC: 14,
  SNAP: 15,
  OBSERVERINFO: 16,
  LEADERINFO: 17,
  ACKEPOCH: 18,
  INFORMANDACTIVATE: 19,
} as const;

const names = new Map<number, string>(Object.entries(PacketType).map(([name, type]) => [type, name]));

/** `PROPOSAL`, or `packet99` for a number that means nothing. */
export function packetName(type: number): string {
  return names.get(type) ?? `packet${type}`;
}

/** The bytes of a packet as they go on the stream: no length in front. */
export function encodePacket(packet: QuorumPacket): Buffer {
  return encode(QuorumPacket, packet);
}

/** One line for logs and transcripts: `PROPOSAL 0x500000003 88 bytes`. */
export function describePacket(packet: QuorumPacket): string {
  const size = packet.data === null ? '' : ` ${packet.data.length} bytes`;
  return `${packetName(packet.type)} ${packet.zxid === -1n ? '-1' : hex(packet.zxid)}${size}`;
}
