import { buffer, int, long, nullable, record, vector } from '@zk/jute';
import type { Infer } from '@zk/jute';
import { sid } from '../zxid.ts';
import { Id } from './data.ts';

/** The data of FOLLOWERINFO and OBSERVERINFO; 20 bytes. */
export const LearnerInfo = record('LearnerInfo', { serverid: sid, protocolVersion: int, configVersion: long });
export type LearnerInfo = Infer<typeof LearnerInfo>;

/** What travels between a learner and its leader, without a length in front. `type` is one of packets.ts. */
export const QuorumPacket = record('QuorumPacket', {
  type: int,
  zxid: long, // or an epoch << 32, or −1: the type tells
  data: buffer,
  authinfo: nullable(vector(Id)),
});
export type QuorumPacket = Infer<typeof QuorumPacket>;

export const QuorumAuthPacket = record('QuorumAuthPacket', { magic: long, status: int, token: buffer });
export type QuorumAuthPacket = Infer<typeof QuorumAuthPacket>;
