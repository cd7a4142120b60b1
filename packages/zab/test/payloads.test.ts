import { describe, expect, test } from 'vitest';
import { asSessionId, OpCode, PacketType, proposalOf } from '@zk/protocol';
import type { Proposal } from '@zk/protocol';
import { describeAll } from '../src/index.ts';
import { configOf, LeaderScene, LearnerScene, z } from './support.ts';

/** The reconfig txn that makes server 3 an observer. */
function reconfigAt(text: string): Proposal {
  const header = { clientId: asSessionId(1n), cxid: 1, zxid: z(text), time: 0n, type: OpCode.reconfig };
  const data = Buffer.from(configOf([1, 2], [3], z(text)).toText());
  return proposalOf({ header, body: { type: OpCode.reconfig, path: '/zookeeper/config', data, version: -1 }, digest: null });
}

const LEADER_2 = Buffer.from('0000000000000002', 'hex');

describe('a config activated by the leader (13.4)', () => {
  test('a follower learns it from COMMITANDACTIVATE, after its txn', () => {
    const scene = upToDate('follower');
    const reconfig = reconfigAt('5.1');
    const effects = [
      ...feed(scene, PacketType.PROPOSAL, reconfig.zxid, reconfig.bytes),
      ...feed(scene, PacketType.COMMITANDACTIVATE, reconfig.zxid, LEADER_2),
    ];
    expect(describeAll(effects)).toBe('proposed config version 0x500000001 | append 5.1 | commit 5.1 | config version 0x500000001');
    expect(effects.at(-1)).toMatchObject({ kind: 'config', designatedLeader: 2n });
  });

  test('an observer learns it from INFORMANDACTIVATE', () => {
    const reconfig = reconfigAt('5.1');
    const data = Buffer.concat([LEADER_2, reconfig.bytes]);
    const effects = feed(upToDate('observer'), PacketType.INFORMANDACTIVATE, reconfig.zxid, data);
    expect(describeAll(effects)).toBe('append 5.1 | commit 5.1 | config version 0x500000001');
  });
});

describe('what does not decode', () => {
  test.each([
    ['an empty proposal', PacketType.PROPOSAL, null, 'PROPOSAL carries no txn'],
    ['another zxid inside', PacketType.PROPOSAL, reconfigAt('5.2').bytes, 'PROPOSAL 0x500000001 carries txn 0x500000002'],
    ['half an answer', PacketType.REVALIDATE, Buffer.alloc(4), 'REVALIDATE needs 9 bytes, 4 are there'],
  ])('%s ends the learner’s connection', (_, type, data, reason) => {
    expect(describeAll(feed(upToDate('follower'), type, z('5.1'), data))).toBe(`lost: ${reason} (intact)`);
  });

  test.each([
    ['a touch table cut short', PacketType.PING, Buffer.alloc(13), 'PING has 13 bytes, not a multiple of 12'],
    ['a request without its header', PacketType.REQUEST, Buffer.alloc(15), 'REQUEST needs 16 bytes, 15 are there'],
    ['a question without a session', PacketType.REVALIDATE, null, 'REVALIDATE needs 12 bytes, none are there'],
  ])('%s ends the connection, not the leader', (_, type, data, reason) => {
    const packet = { type, zxid: -1n, data, authinfo: null };
    expect(describeAll(serving().leader.step({ kind: 'packet', link: 2, packet }, 0))).toBe(`disconnect 2: ${reason}`);
  });
});

test('a leader passes on every session a PING names, and none when the table is null', () => {
  const { leader } = serving();
  const touches = Buffer.from('000000000000100000001770' + '000000000000200000000bb8', 'hex');
  const ping = (data: Buffer | null) => describeAll(leader.step({ kind: 'packet', link: 2, packet: { type: PacketType.PING, zxid: 0n, data, authinfo: null } }, 0));
  expect(ping(touches)).toBe('touch 0x1000 6000 ms | touch 0x2000 3000 ms');
  expect(ping(null)).toBe('');
});

test('a check of its own is still passed on: the pipeline answers it with an error txn (T59)', () => {
  const data = Buffer.alloc(16);
  data.writeInt32BE(OpCode.check, 12);
  const packet = { type: PacketType.REQUEST, zxid: -1n, data, authinfo: [] };
  expect(describeAll(serving().leader.step({ kind: 'packet', link: 2, packet }, 0))).toBe('request check of 0x0 cxid 0 from 2');
});

function upToDate(role: 'follower' | 'observer'): LearnerScene {
  const scene = new LearnerScene({ role });
  for (const command of ['linked', 'LEADERINFO 5', 'saved', 'DIFF 4.2', 'NEWLEADER 5', 'flushed', 'saved', 'UPTODATE']) scene.do(command);
  return scene;
}

function feed(scene: LearnerScene, type: number, zxid: bigint, data: Buffer | null): ReturnType<LearnerScene['do']> {
  return scene.learner.step({ kind: 'packet', packet: { type, zxid, data, authinfo: null } }, 0);
}

function serving(): LeaderScene {
  const scene = new LeaderScene();
  for (const command of ['start', '2 links', '2 FOLLOWERINFO 4', 'saved', '2 ACKEPOCH 0 epoch 4', 'saved', '2 ACK 5.0']) scene.do(command);
  return scene;
}
