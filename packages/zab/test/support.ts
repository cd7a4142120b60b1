import { expect } from 'vitest';
import { asSessionId, asSid, asZxid, EnsembleConfig, OpCode, PacketType, proposalOf, zxidOf } from '@zk/protocol';
import type { Proposal, QuorumPacket, ServerSpec, Sid, Zxid } from '@zk/protocol';
import { CommittedLog, describeAll, Leader, Learner } from '../src/index.ts';
import type { LeaderEffect, LeaderInput, LeaderOptions, LearnerEffect, LearnerInput, LearnerOptions, SyncHistory } from '../src/index.ts';
import { int, introduction } from '../src/payloads.ts';

const TICK_MS = 1000;
const INIT_LIMIT = 10;
const SYNC_LIMIT = 5;
const LIMITS = { tickMs: TICK_MS, initLimit: INIT_LIMIT, syncLimit: SYNC_LIMIT };

export const sid = (n: number): Sid => asSid(BigInt(n));

/** `z('5.1')` is 0x500000001. */
export function z(text: string): Zxid {
  if (!text.includes('.')) return asZxid(BigInt(text));
  const [epoch, counter] = text.split('.');
  return zxidOf(BigInt(epoch!), BigInt(counter!));
}

/** A txn that is told from others by its zxid and its value. */
export function txnAt(zxid: Zxid, value = 0): Proposal {
  const header = { clientId: asSessionId(0x100n), cxid: 1, zxid, time: 0n, type: OpCode.setData };
  const body = { type: OpCode.setData, path: '/a', data: Buffer.from([value]), version: 1 } as const;
  return proposalOf({ header, body, digest: null });
}

export function configOf(voters: number[], observers: number[] = [], version = 0n, firstPort = 2000): EnsembleConfig {
  const spec = (n: number, role: ServerSpec['role']): ServerSpec => ({
    sid: sid(n),
    addresses: [{ host: '127.0.0.1', quorumPort: firstPort + n, electionPort: 3000 + n }],
    role,
    client: null,
    clientInText: false,
  });
  const specs = [...voters.map((n) => spec(n, 'participant')), ...observers.map((n) => spec(n, 'observer'))];
  return EnsembleConfig.of(specs, { version });
}

export interface FakeHistory extends SyncHistory {
  last: Zxid;
}

/** Committed history in memory, and on disk where given. Zxids as text. */
export function historyOf(last: string, committed: string[] = [], disk: string[] | null = null): FakeHistory {
  const log = new CommittedLog();
  for (const text of committed) log.add(txnAt(z(text)));
  return {
    last: z(last),
    lastZxid() {
      return this.last;
    },
    committed: log,
    readLog: () => disk?.map((text) => txnAt(z(text))) ?? null,
    logSizeFrom: () => 0,
    newestImageSize: () => 0,
  };
}

/** Runs a machine by commands in words, and writes down what it wanted done. */
abstract class Scene<Input, Effect extends LeaderEffect | LearnerEffect> {
  now = 0;
  readonly effects: Effect[] = [];

  protected abstract step(input: Input): readonly Effect[];
  protected abstract parse(command: string): Input;

  do(command: string): readonly Effect[] {
    const later = /^after (\d+) ms$/.exec(command);
    if (later) this.now += Number(later[1]);
    const effects = this.step(later ? ({ kind: 'tick' } as Input) : this.parse(command));
    this.effects.push(...effects);
    return effects;
  }

  /** Each line is a command, an arrow, and what the machine says to it. Blanks before the arrow are for the eye. */
  plays(transcript: string): void {
    const expected = transcript.trim().split('\n').map((line) => line.trim().replace(/ +⇒/, ' ⇒'));
    const played = expected.map((line) => {
      const command = line.slice(0, line.indexOf(' ⇒'));
      return `${command} ⇒ ${describeAll(this.do(command))}`.trimEnd();
    });
    expect(played).toEqual(expected);
  }
}

const packet = (type: number, zxid: bigint, data: Buffer | null = null): QuorumPacket => ({ type, zxid, data, authinfo: null });

/** `2 ACK 5.1` or `ACK 5.1`: the packet, its zxid, and what is special about it. */
function parsePacket(words: string[], from: number): QuorumPacket {
  const [name, at, ...rest] = words;
  const option = (key: string): string | undefined => rest[rest.indexOf(key) + 1 || rest.length];
  const type = PacketType[name as keyof typeof PacketType];
  switch (name) {
    case 'FOLLOWERINFO':
    case 'OBSERVERINFO':
      return packet(type, zxidOf(BigInt(at!), 0), introduction(sid(Number(option('sid') ?? from)), BigInt(option('config') ?? 0)));
    case 'LEADERINFO': return packet(type, zxidOf(BigInt(at!), 0), int(0x10000));
    case 'ACKEPOCH': return packet(type, z(at!), int(Number(option('epoch'))));
    case 'NEWLEADER': return packet(type, zxidOf(BigInt(at!), 0), Buffer.from(configOf([1, 2, 3]).toText()));
    case 'PROPOSAL':
    case 'INFORM': return packet(type, z(at!), txnAt(z(at!)).bytes);
    case 'UPTODATE': return packet(type, -1n);
    default: return packet(type, at === undefined ? 0n : z(at));
  }
}

/** Whatever differs from leader 1 of the voters 1, 2 and 3, coming from epoch 4. */
export type SceneOptions = Partial<Omit<LeaderOptions, 'history'>> & { history?: FakeHistory };

export class LeaderScene extends Scene<LeaderInput, LeaderEffect> {
  readonly history: FakeHistory;
  readonly leader: Leader;

  constructor(options: SceneOptions = {}) {
    super();
    this.history = options.history ?? historyOf('0');
    this.leader = new Leader({
      sid: sid(1),
      config: configOf([1, 2, 3]),
      ...LIMITS,
      epochs: { accepted: 4n, current: 4n },
      lastLogged: this.history.last,
      standalone: false,
      ...options,
      history: this.history,
    });
  }

  protected step(input: LeaderInput): readonly LeaderEffect[] {
    const effects = this.leader.step(input, this.now);
    for (const effect of effects) {
      if (effect.kind === 'serve') this.history.last = effect.lastZxid;
      if (effect.kind === 'commit') this.history.last = effect.proposal.zxid;
    }
    return effects;
  }

  protected parse(command: string): LeaderInput {
    const words = command.split(' ');
    const [first, second] = words;
    if (/^\d+$/.test(first!)) {
      const link = Number(first);
      if (second === 'links') return { kind: 'linked', link, remote: `10.0.0.${link}:4000` };
      if (second === 'unlinks') return { kind: 'unlinked', link };
      return { kind: 'packet', link, packet: parsePacket(words.slice(1), link) };
    }
    switch (first) {
      case 'start': return { kind: 'start' };
      case 'saved': return { kind: 'epochsSaved' };
      case 'propose': return { kind: 'propose', proposal: txnAt(this.leader.nextZxid()!) };
      case 'persisted': return { kind: 'persisted', zxid: z(second!) };
      case 'sync': return { kind: 'sync', token: 'token', link: second === undefined ? undefined : Number(second) };
      case 'taken': return { kind: 'imageTaken', link: Number(second) };
      case 'looking': return { kind: 'looking', sid: sid(Number(second)) };
      case 'backlog': return { kind: 'backlog', link: Number(second), bytes: Number(words[2]) };
      default: throw new Error(`no such command: ${command}`);
    }
  }
}

export class LearnerScene extends Scene<LearnerInput, LearnerEffect> {
  readonly committed = new CommittedLog();
  readonly learner: Learner;
  touched: { session: ReturnType<typeof asSessionId>; timeOut: number }[] = [];

  constructor(options: Partial<LearnerOptions> = {}) {
    super();
    this.learner = new Learner({
      sid: sid(2),
      role: 'follower',
      config: configOf([1, 2, 3]),
      ...LIMITS,
      epochs: { accepted: 4n, current: 4n },
      lastLogged: z('4.2'),
      committed: this.committed,
      takeTouched: () => this.touched.splice(0),
      ...options,
    });
  }

  protected step(input: LearnerInput): readonly LearnerEffect[] {
    return this.learner.step(input, this.now);
  }

  protected parse(command: string): LearnerInput {
    const [first, second] = command.split(' ');
    switch (first) {
      case 'linked': return { kind: 'linked' };
      case 'unlinked': return { kind: 'unlinked' };
      case 'heard': return { kind: 'heard' };
      case 'saved': return { kind: 'epochsSaved' };
      case 'flushed': return { kind: 'flushed' };
      case 'persisted': return { kind: 'persisted', zxid: z(second!) };
      case 'truncated': return { kind: 'truncated', lastZxid: second === 'null' ? null : z(second!) };
      case 'received': return { kind: 'imageReceived', zxid: z(second!) };
      case 'imageSaved': return { kind: 'imageSaved' };
      default: return { kind: 'packet', packet: parsePacket(command.split(' '), 1) };
    }
  }
}
