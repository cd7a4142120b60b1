import { expect, test } from 'vitest';
import { decode } from '@zk/jute';
import { asSessionId, encodePacket, OpCode, PacketType, parseProposal, QuorumPacket } from '@zk/protocol';
import type { Proposal } from '@zk/protocol';
import { CommittedLog, Leader, Learner } from '../src/index.ts';
import type { LeaderEffect, LeaderInput, LearnerEffect, LearnerInput, LearnerOptions } from '../src/index.ts';
import { int, introduction } from '../src/payloads.ts';
import { configOf, historyOf, sid, txnAt, z } from './support.ts';
import type { FakeHistory } from './support.ts';

/**
 * Traffic between Apache 3.9.5 servers (quorum.md 16.2 to 16.8), as hex. `L` lines are the learner's, `M` the leader's; `*`
 * stands for the config text of NEWLEADER, which differs from ensemble to ensemble. Each of our machines plays either part.
 */
const HANDSHAKE = `
  L 0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff
  M 00000011 0000000100000000 00000004 00010000 ffffffff
  L 00000012 0000000000000000 00000004 00000000 ffffffff
  M 0000000d 0000000000000000 ffffffff ffffffff
  M 0000000a 0000000100000000 * ffffffff
  L 00000003 0000000100000000 ffffffff ffffffff
  M 0000000c ffffffffffffffff ffffffff ffffffff
  L 00000003 0000000100000000 ffffffff ffffffff`;

const CREATE_D0 = `0100001842600000 00000002 0000000100000003 000001a1fbed6cd5 00000001
  00000003 2f6430 00000001 78 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00 00000002
  00000002 00000001dbcaca11`;
const CLOSE_SESSION = '0100001842600000 00000005 0000000100000006 000001a1fbed6ce4 fffffff5 00000000 00000002 00000002b1870f51';

const DIFF = `
  L 0000000b 0000000100000000 00000014 0000000000000002 00010000 0000000000000000 ffffffff
  M 00000011 0000000100000000 00000004 00010000 ffffffff
  L 00000012 0000000100000002 00000004 ffffffff ffffffff
  M 0000000d 0000000100000006 ffffffff ffffffff
  M 00000002 0000000100000003 00000058 ${oneLine(CREATE_D0)} ffffffff
  M 00000004 0000000100000003 ffffffff ffffffff
  M 00000002 0000000100000004 ${withLength(txnAt(z('1.4')).bytes)} ffffffff
  M 00000004 0000000100000004 ffffffff ffffffff
  M 00000002 0000000100000005 ${withLength(txnAt(z('1.5')).bytes)} ffffffff
  M 00000004 0000000100000005 ffffffff ffffffff
  M 00000002 0000000100000006 00000030 ${CLOSE_SESSION} ffffffff
  M 00000004 0000000100000006 ffffffff ffffffff
  M 0000000a 0000000100000000 * ffffffff
  L 00000003 0000000100000000 ffffffff ffffffff
  M 0000000c ffffffffffffffff ffffffff ffffffff
  L 00000003 0000000100000000 ffffffff ffffffff`;

const TRUNC = `
  L 0000000b 0000000100000000 00000014 0000000000000003 00010000 0000000000000000 ffffffff
  M 00000011 0000000200000000 00000004 00010000 ffffffff
  L 00000012 0000000100000009 00000004 00000001 ffffffff
  M 0000000e 0000000100000008 ffffffff ffffffff
  M 0000000a 0000000200000000 * ffffffff
  L 00000003 0000000200000000 ffffffff ffffffff
  M 0000000c ffffffffffffffff ffffffff ffffffff
  L 00000003 0000000200000000 ffffffff ffffffff`;

const CREATE_SESSION = '01000016813f0000 00000000 0000000100000001 000001a1fbebbb29 fffffff6 00001770 00000002 0000000051c6d660';
const REQUESTS = `
  L 00000001 ffffffffffffffff 00000014 01000016813f0000 00000000 fffffff6 00001770 ffffffff
  M 00000002 0000000100000001 00000030 ${CREATE_SESSION} ffffffff
  L 00000003 0000000100000001 ffffffff ffffffff
  M 00000004 0000000100000001 ffffffff ffffffff
  L 00000001 ffffffffffffffff 00000016 01000016813f0000 00000003 00000009 00000002 2f61 00000001 00000002 6970 00000009 3132372e302e302e31
  M 00000007 0000000000000000 ffffffff ffffffff
  L 00000006 ffffffffffffffff 0000000c 01000016813f0000 00001770 ffffffff
  M 00000006 ffffffffffffffff 00000009 01000016813f0000 01 ffffffff
  L 00000006 ffffffffffffffff 0000000c 0300000000008888 00001770 ffffffff
  M 00000006 ffffffffffffffff 00000009 0300000000008888 00 ffffffff
  M 00000005 0000000100000001 ffffffff ffffffff
  L 00000005 0000000100000001 0000000c 01000016813f0000 00001770 ffffffff
  M 00000005 0000000100000001 ffffffff ffffffff
  L 00000005 0000000100000001 00000000 ffffffff`;

const SESSION = asSessionId(0x01000016813f0000n);

interface Step {
  readonly from: 'L' | 'M';
  readonly hex: string;
}

test('our learner in Apache’s ensemble: discovery and first activation (16.2)', () => {
  playLearner(HANDSHAKE, { sid: sid(1), lastLogged: z('0'), epochs: { accepted: 0n, current: 0n } });
});

test('our learner in Apache’s ensemble: DIFF (16.3)', () => {
  playLearner(DIFF, { sid: sid(2), lastLogged: z('1.2'), epochs: { accepted: 1n, current: 1n } });
});

test('our learner in Apache’s ensemble: TRUNC (16.4)', () => {
  playLearner(TRUNC, { sid: sid(3), lastLogged: z('1.9'), epochs: { accepted: 1n, current: 1n } });
});

test('our learner in Apache’s ensemble: requests, syncs, sessions and pings (16.6 to 16.8)', () => {
  const ip = [{ scheme: 'ip', id: '127.0.0.1' }];
  playLearner(HANDSHAKE + REQUESTS, { sid: sid(1), lastLogged: z('0'), epochs: { accepted: 0n, current: 0n } }, [
    { kind: 'request', session: SESSION, cxid: 0, op: OpCode.createSession, body: Buffer.from('00001770', 'hex'), authinfo: null },
    { kind: 'request', session: SESSION, cxid: 3, op: OpCode.sync, body: Buffer.from('000000022f61', 'hex'), authinfo: ip },
    { kind: 'revalidate', session: SESSION, timeOut: 6000 },
    { kind: 'revalidate', session: asSessionId(0x0300000000008888n), timeOut: 6000 },
  ]);
});

test('our leader of Apache’s learners: discovery and first activation (16.2)', () => {
  playLeader(HANDSHAKE, historyOf('0'), { accepted: 0n, current: 0n });
});

test('our leader of Apache’s learners: DIFF (16.3)', () => {
  const history = historyOf('1.6', ['1.1', '1.2']);
  const proposals = [hexProposal(CREATE_D0), txnAt(z('1.4')), txnAt(z('1.5')), hexProposal(CLOSE_SESSION)];
  for (const proposal of proposals) history.committed.add(proposal);
  playLeader(DIFF, history, { accepted: 0n, current: 0n }, { hasHelper: true });
});

test('our leader of Apache’s learners: TRUNC (16.4)', () => {
  playLeader(TRUNC, historyOf('1.8', ['1.7', '1.8']), { accepted: 1n, current: 1n }, { hasHelper: true });
});

test('our leader of Apache’s learners: requests, syncs, sessions and pings (16.6 to 16.8)', () => {
  playLeader(HANDSHAKE + REQUESTS, historyOf('0'), { accepted: 0n, current: 0n }, { proposal: hexProposal(CREATE_SESSION) });
});

/** Feeds what the leader said, and what clients want in between; what comes out must be what Apache's learner said. */
function playLearner(conversation: string, options: Partial<LearnerOptions>, wanted: LearnerInput[] = []): void {
  let touched = [{ session: SESSION, timeOut: 6000 }];
  const takeTouched = (): typeof touched => {
    const taken = touched;
    touched = [];
    return taken;
  };
  const learner = new Learner({
    sid: sid(1), role: 'follower', config: configOf([1, 2, 3]), tickMs: 1000, initLimit: 10, syncLimit: 5,
    epochs: { accepted: 0n, current: 0n }, lastLogged: z('0'), committed: new CommittedLog(), takeTouched, ...options,
  });
  const said: string[] = [];
  const feed = (input: LearnerInput): void => {
    for (const effect of learner.step(input, 0)) {
      if (effect.kind === 'send') said.push(encodePacket(effect.packet).toString('hex'));
      const answer = diskAnswer(effect);
      if (answer) feed(answer);
    }
  };
  feed({ kind: 'linked' });
  for (const { from, hex } of steps(conversation)) {
    if (from === 'M') feed({ kind: 'packet', packet: parse(hex) });
    else {
      if (said.length === 0) feed(wanted.shift()!);
      expect(said.shift()).toBe(hex);
    }
  }
  expect(said).toEqual([]);
}

function diskAnswer(effect: LearnerEffect): LearnerInput | null {
  switch (effect.kind) {
    case 'saveEpochs': return { kind: 'epochsSaved' };
    case 'flush': return { kind: 'flushed' };
    case 'truncate': return { kind: 'truncated', lastZxid: effect.to };
    case 'append': return { kind: 'persisted', zxid: effect.proposal.zxid };
    default: return null;
  }
}

const LEARNER_LINK = 1;
const HELPER_LINK = 2;
const LEADER = 8;
const HELPER = 9;

/** The other way round. Apache's leader had its quorum before the DIFF and the TRUNC: there a helper comes first. */
function playLeader(
  conversation: string,
  history: FakeHistory,
  epochs: { accepted: bigint; current: bigint },
  { hasHelper = false, proposal }: { hasHelper?: boolean; proposal?: Proposal } = {},
): void {
  const leader = new Leader({
    sid: sid(LEADER), config: configOf([1, 2, 3, LEADER, HELPER].filter((n) => n === learnerOf(conversation) || n >= LEADER)),
    tickMs: 1000, initLimit: 10, syncLimit: 5, epochs, lastLogged: history.last, history, standalone: false,
  });
  const said: string[] = [];
  let now = 0;
  const feed = (input: LeaderInput): void => {
    for (const effect of leader.step(input, now)) {
      if (effect.kind === 'sendImage' || effect.kind === 'disconnect' || effect.kind === 'stepDown') throw new Error(effect.kind);
      if (effect.kind === 'send' && effect.link === LEARNER_LINK) said.push(shown(effect.packet));
      if (effect.kind === 'serve' && effect.lastZxid > history.last) history.last = effect.lastZxid;
      if (effect.kind === 'request' && effect.op !== OpCode.sync) expect(leader.nextZxid()).toBe(proposal?.zxid);
      const answer = ensembleAnswer(effect, proposal);
      if (answer) feed(answer);
    }
  };
  feed({ kind: 'start' });
  if (hasHelper) for (const input of helperInputs(history, epochs)) feed(input);
  feed({ kind: 'linked', link: LEARNER_LINK, remote: 'apache' });
  for (const { from, hex } of steps(conversation)) {
    if (from === 'L') feed({ kind: 'packet', link: LEARNER_LINK, packet: parse(hex) });
    else {
      if (said.length === 0) feed({ kind: 'tick' });
      now += 500;
      expect(said.shift()).toBe(hex);
    }
  }
  expect(said).toEqual([]);
}

function ensembleAnswer(effect: LeaderEffect, proposal?: Proposal): LeaderInput | null {
  switch (effect.kind) {
    case 'saveEpochs': return { kind: 'epochsSaved' };
    case 'append': return { kind: 'persisted', zxid: effect.proposal.zxid };
    case 'revalidate': return { kind: 'revalidated', link: effect.link, session: effect.session, valid: effect.session === SESSION };
    case 'request': {
      if (effect.op === OpCode.sync) return { kind: 'sync', token: null, link: effect.link };
      return proposal ? { kind: 'propose', proposal } : null;
    }
    default: return null;
  }
}

function helperInputs(history: FakeHistory, epochs: { accepted: bigint; current: bigint }): LeaderInput[] {
  const epochStart = (epochs.accepted + 1n) << 32n;
  const packet = (type: number, zxid: bigint, data: Buffer | null): LeaderInput => ({
    kind: 'packet', link: HELPER_LINK, packet: { type, zxid, data, authinfo: null },
  });
  return [
    { kind: 'linked', link: HELPER_LINK, remote: 'helper' },
    packet(PacketType.FOLLOWERINFO, epochs.accepted << 32n, introduction(sid(HELPER), 0n)),
    packet(PacketType.ACKEPOCH, history.last, int(Number(epochs.current))),
    packet(PacketType.ACK, epochStart, null),
  ];
}

function steps(conversation: string): Step[] {
  return conversation.trim().split('\n').map((line) => {
    const [from, ...hex] = line.trim().split(' ');
    return { from: from as 'L' | 'M', hex: hex.join('') };
  });
}

/** From the first packet, FOLLOWERINFO. */
function learnerOf(conversation: string): number {
  return Number(parse(steps(conversation)[0]!.hex).data!.readBigInt64BE(0));
}

function parse(hex: string): QuorumPacket {
  return decode(QuorumPacket, Buffer.from(hex.replace('*', withLength(Buffer.from(configOf([1, 2, 3]).toText()))), 'hex'));
}

function shown(packet: QuorumPacket): string {
  const hex = encodePacket(packet).toString('hex');
  return packet.type === PacketType.NEWLEADER ? `${hex.slice(0, 24)}*ffffffff` : hex;
}

function withLength(bytes: Buffer): string {
  return bytes.length.toString(16).padStart(8, '0') + bytes.toString('hex');
}

function oneLine(hex: string): string {
  return hex.replace(/\s+/g, ' ');
}

function hexProposal(hex: string): Proposal {
  return parseProposal(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
}
