/** Our leader proposes no reconfig, but one that leads us may: the test plays that leader, packet by packet. */
import { describe, expect, test } from 'vitest';
import {
  EnsembleConfig, OpCode, PacketType, QuorumStreamReader, ServerState, asSessionId, asSid, asZxid, collectImage, encodeNotification, encodePacket,
  proposalOf, type QuorumPacket,
} from '@zk/protocol';
import { StrangeLink, ensemble } from './made-up-world.ts';
import type { Ensemble, Node } from './made-up-world.ts';

const EPOCH = 5n << 32n;
const RECONFIG = EPOCH + 1n;

/** Server 1 of three, whose others are made up. */
function lonely(reconfigEnabled: boolean): { zk: Ensemble; node: Node; members: EnsembleConfig } {
  const zk = ensemble(3, { reconfigEnabled });
  zk.node(2).kill();
  zk.node(3).kill();
  zk.time.run(10);
  const node = zk.node(1);
  return { zk, node, members: node.peer.inspect().ensemble! };
}

function hearOfLeader(node: Node, leader: bigint): void {
  const vote = { leader, zxid: 0n, electionEpoch: 9n, peerEpoch: 5n, version: 2, config: null };
  for (const from of [2n, 3n]) {
    const state = from === leader ? ServerState.LEADING : ServerState.FOLLOWING;
    node.feed({ kind: 'notification', from: asSid(from), message: encodeNotification({ ...vote, state }) });
  }
}

/** Leads the node under epoch 5 until it serves. */
function lead(zk: Ensemble, node: Node, newLeaderConfig: Buffer): (packet: Partial<QuorumPacket> & { type: number }) => void {
  const link = new StrangeLink();
  const send = (packet: Partial<QuorumPacket> & { type: number }): void => {
    node.feed({ kind: 'linkData', link, chunk: encodePacket({ zxid: -1n, data: null, authinfo: null, ...packet }) });
    zk.time.run(5); // its disk
  };
  node.feed({ kind: 'leaderLinked', sid: asSid(2n), link });
  send({ type: PacketType.LEADERINFO, zxid: EPOCH, data: Buffer.from([0, 1, 0, 0]) });
  send({ type: PacketType.DIFF, zxid: 0n });
  send({ type: PacketType.NEWLEADER, zxid: EPOCH, data: newLeaderConfig });
  send({ type: PacketType.UPTODATE });
  const answers = new QuorumStreamReader(collectImage).push(Buffer.concat(link.sent));
  expect(answers.map((item) => item.kind === 'packet' && item.packet.type)).toEqual([
    PacketType.FOLLOWERINFO, PacketType.ACKEPOCH, PacketType.ACK, PacketType.ACK,
  ]);
  return send;
}

function propose(send: ReturnType<typeof lead>, text: string): void {
  const { bytes } = proposalOf({
    header: { clientId: asSessionId(7n), cxid: 1, zxid: asZxid(RECONFIG), time: 1n, type: OpCode.reconfig },
    body: { type: OpCode.reconfig, path: '/zookeeper/config', data: Buffer.from(text), version: -1 },
    digest: null,
  });
  send({ type: PacketType.PROPOSAL, zxid: RECONFIG, data: bytes });
}

/** Proposes and activates `text`, after which `designated` leads. */
function reconfigure(send: ReturnType<typeof lead>, text: string, designated: bigint): void {
  propose(send, text);
  const leader = Buffer.alloc(8);
  leader.writeBigInt64BE(designated);
  send({ type: PacketType.COMMITANDACTIVATE, zxid: RECONFIG, data: leader });
}

test('a reconfig that moves the leader is followed without an election (quorum.md 13.4)', () => {
  const { zk, node, members } = lonely(true);
  hearOfLeader(node, 2n);
  const send = lead(zk, node, Buffer.from(members.withVersion(EPOCH).toText()));
  expect(node.traced('config').map(({ version }) => version)).toEqual([EPOCH]);
  reconfigure(send, members.withVersion(RECONFIG).toText(), 3n);
  zk.time.run(5);
  expect(node.peer.inspect()).toMatchObject({ role: 'following', leader: 3n, serving: null, lastLogged: RECONFIG });
  expect(node.peer.inspect().ensemble?.version).toBe(RECONFIG);
  expect(node.traced('elected').at(-1)).toMatchObject({ leader: 3n, zxid: RECONFIG, electionEpoch: -1n, peerEpoch: -1n });
});

test('a reconfig that leaves leader and role alone ends nothing', () => {
  const { zk, node, members } = lonely(true);
  hearOfLeader(node, 2n);
  const send = lead(zk, node, Buffer.from(members.withVersion(EPOCH).toText()));
  reconfigure(send, members.withVersion(RECONFIG).toText(), 2n);
  expect(node.peer.inspect()).toMatchObject({ role: 'following', leader: 2n, serving: 'follower' });
  expect(node.peer.inspect().ensemble?.version).toBe(RECONFIG);
});

test('configs from elsewhere are not adopted while reconfigEnabled is off', () => {
  const { zk, node, members } = lonely(false);
  hearOfLeader(node, 2n);
  const send = lead(zk, node, Buffer.from(members.withVersion(EPOCH).toText()));
  reconfigure(send, members.withVersion(RECONFIG).toText(), 3n);
  expect(node.peer.inspect()).toMatchObject({ role: 'following', leader: 2n, serving: 'follower' });
  expect(node.peer.inspect().ensemble?.version).toBe(0n);
});

describe('a config that was proposed and not activated (13.3)', () => {
  /** Servers 1 and 4, 5, which nobody hears of: with it in force, 1 needs one of them. */
  const NEXT = [1n, 4n, 5n];
  const nextOf = (members: EnsembleConfig): EnsembleConfig => {
    const own = members.servers.get(asSid(1n))!;
    return EnsembleConfig.of(NEXT.map((id) => ({ ...own, sid: asSid(id) })), { version: RECONFIG });
  };

  function elected(zk: Ensemble, node: Node): boolean {
    zk.time.run(2_000);
    const vote = { state: ServerState.LOOKING, leader: 1n, zxid: RECONFIG, electionEpoch: node.peer.inspect().currentEpoch, peerEpoch: 5n, version: 2, config: null };
    for (let round = 1n; round <= 10n; round++) {
      for (const from of [2n, 3n]) node.feed({ kind: 'notification', from: asSid(from), message: encodeNotification({ ...vote, electionEpoch: round }) });
    }
    zk.time.run(2_000);
    return node.traced('elected').some(({ leader }) => leader === 1n);
  }

  test.each([
    ['counts in the next election', false],
    ['counts after a restart, since the log has it', true],
  ])('%s', (_, restarts) => {
    const { zk, node, members } = lonely(true);
    hearOfLeader(node, 2n);
    const send = lead(zk, node, Buffer.from(members.withVersion(EPOCH).toText()));
    propose(send, nextOf(members).toText());
    expect(node.traced('configProposed').map(({ text }) => text?.includes('version=500000001') ?? null)).toEqual([false, null, true]);
    if (restarts) {
      node.kill();
      node.electors = null;
      node.start();
      zk.time.run(5);
    } else node.feed({ kind: 'linkClosed', link: new StrangeLink(), reason: 'the leader died' });
    expect(new Set(node.electors)).toEqual(new Set([1n, 2n, 3n, 4n, 5n]));
    expect(elected(zk, node)).toBe(false);
    expect(node.peer.inspect().role).toBe('looking');
  });

  test('asks nobody else while it has the same voters', () => {
    const { zk, node, members } = lonely(true);
    hearOfLeader(node, 2n);
    const send = lead(zk, node, Buffer.from(members.withVersion(EPOCH).toText()));
    propose(send, members.withVersion(RECONFIG).toText());
    node.feed({ kind: 'linkClosed', link: new StrangeLink(), reason: 'the leader died' });
    expect(elected(zk, node)).toBe(true);
  });
});

test('a config that came with the sync and leaves the leader out is adopted, and ends the role', () => {
  const { zk, node, members } = lonely(true);
  hearOfLeader(node, 2n);
  const without2 = EnsembleConfig.of([...members.servers.values()].filter(({ sid }) => sid !== 2n), { version: EPOCH });
  lead(zk, node, Buffer.from(without2.toText()));
  expect(node.peer.inspect()).toMatchObject({ role: 'looking', serving: null });
  expect(node.peer.inspect().ensemble?.version).toBe(EPOCH);
  expect(node.traced('serving')).toEqual([]);
});
