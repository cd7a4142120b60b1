import { JuteError } from '@zk/jute';
import { asZxid, counterOf, EnsembleConfig, epochOf, Fifo, hex, invariant, OpCode, PacketType, packetName, parseProposal, zxidOf } from '@zk/protocol';
import type { Epoch, Millis, Proposal, QuorumPacket, Zxid } from '@zk/protocol';
import type { LearnerEffect, LearnerInput, LearnerOptions, Remains } from './learner-io.ts';
import {
  afterDesignatedLeader, designatedLeaderOf, int, introduction, packet as makePacket, requestPacket, revalidatedOf,
  revalidatePacket, touchTable,
} from './payloads.ts';
import { MismatchError, ReceivedHistory } from './received-history.ts';
import type { Commit } from './received-history.ts';

/** Apache's exit code for a COMMIT that does not match (quorum.md 9.3). */
const UNMATCHED_COMMIT = 12;

/**
 * In the order they are gone through (quorum.md 6.2, 8). The bracketed ones wait for our own disk, and packets that
 * arrive meanwhile wait too:
 *
 * `dialling`, `introduced`, [`promising`], `promised`, then `image`, [`truncating`] or neither, `syncing`, then at
 * NEWLEADER [`savingImage`], [`flushing`], [`savingEpoch`], then `ready`, and from UPTODATE on `broadcast`. `over` when lost.
 */
type Phase =
  | 'dialling' | 'introduced' | 'promising' | 'promised' | 'image' | 'truncating' | 'syncing'
  | 'savingImage' | 'flushing' | 'savingEpoch' | 'ready' | 'broadcast' | 'over';

const OWN_DISK: ReadonlySet<Phase> = new Set<Phase>(['promising', 'truncating', 'savingImage', 'flushing', 'savingEpoch']);

/**
 * A follower or an observer, for the time of one connection to its leader: promises, is brought up to date, then logs,
 * acks and commits. What it acks is on its disk, and everything before it (quorum.md 17.1 T2, T3).
 */
export class Learner {
  readonly #options: LearnerOptions;
  readonly #deferred: QuorumPacket[] = [];
  /** Appended in steady state and not on disk yet, in order: each gets its own ACK. */
  readonly #unacked = new Fifo<Zxid>();
  #history: ReceivedHistory;
  #phase: Phase = 'dialling';
  /** Where the leader had our log cut. */
  #truncateTo: Zxid = asZxid(0n);
  #isImageUnsaved = false;
  /** True from UPTODATE on: before, pending proposals are in memory alone. */
  #isPendingLogged = false;
  #epoch: Epoch = -1n;
  #newLeaderConfig: EnsembleConfig | null = null;
  #deadline: Millis = Infinity;
  #now: Millis = 0;
  #effects: LearnerEffect[] = [];

  constructor(options: LearnerOptions) {
    this.#options = options;
    this.#history = new ReceivedHistory(options.lastLogged);
  }

  /** The leader's; −1 before LEADERINFO. */
  get epoch(): Epoch {
    return this.#epoch;
  }

  get lastCommitted(): Zxid {
    return this.#history.lastCommitted;
  }

  /** What was appended to the own log and is not committed, in order. */
  uncommitted(): readonly Proposal[] {
    return this.#isPendingLogged ? [...this.#history.pending] : [];
  }

  /** When the next `tick` is due: when the leader has been silent for too long. Our own disk's time is not counted. */
  nextDeadline(): Millis {
    return OWN_DISK.has(this.#phase) || this.#isOver ? Infinity : this.#deadline;
  }

  step(input: LearnerInput, now: Millis): LearnerEffect[] {
    const effects: LearnerEffect[] = [];
    if (this.#isOver) return effects;
    this.#effects = effects;
    this.#now = now;
    try {
      this.#take(input);
    } catch (error) {
      if (!(error instanceof JuteError || error instanceof MismatchError)) throw error;
      this.#lost(error.message);
    }
    return effects;
  }

  get #isOver(): boolean {
    return this.#phase === 'over';
  }

  #take(input: LearnerInput): void {
    switch (input.kind) {
      case 'linked': return this.#introduce();
      case 'packet': return this.#received(input.packet);
      case 'heard': return this.#heard();
      case 'imageReceived': return this.#imageReceived(input.zxid);
      case 'imageSaved': return this.#imageSaved();
      case 'truncated': return this.#truncated(input.lastZxid);
      case 'persisted': return this.#persisted(input.zxid);
      case 'flushed': return this.#flushed();
      case 'epochsSaved': return this.#epochsSaved();
      case 'unlinked': return this.#lost('the connection to the leader is gone');
      case 'request': return this.#sendInBroadcast(requestPacket(input, input.authinfo));
      case 'revalidate': return this.#sendInBroadcast(revalidatePacket(input));
      case 'tick': return this.#tick();
    }
  }

  #received(packet: QuorumPacket): void {
    this.#heard();
    if (this.#isBusy) this.#deferred.push(packet);
    else this.#dispatch(packet);
  }

  /** Until the tree or the disk has caught up, nothing that came later may be looked at. */
  get #isBusy(): boolean {
    return this.#phase === 'image' || OWN_DISK.has(this.#phase);
  }

  #dispatch(packet: QuorumPacket): void {
    switch (this.#phase) {
      case 'introduced': return this.#leaderInfo(packet);
      case 'promised': return this.#firstOfSync(packet);
      case 'syncing':
      case 'ready': return this.#duringSync(packet);
      case 'broadcast': return this.#steady(packet);
      default: return this.#refuse(packet);
    }
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#heard();
    while (!this.#isBusy && !this.#isOver) {
      const packet = this.#deferred.shift();
      if (!packet) return;
      this.#dispatch(packet);
    }
  }

  // --- Discovery ---

  #introduce(): void {
    invariant(this.#phase === 'dialling', 'a learner has one connection');
    const { sid, role, config, epochs } = this.#options;
    const type = role === 'follower' ? PacketType.FOLLOWERINFO : PacketType.OBSERVERINFO;
    this.#send(makePacket(type, zxidOf(epochs.accepted, 0), introduction(sid, config.version)));
    this.#enter('introduced');
  }

  #leaderInfo(packet: QuorumPacket): void {
    if (packet.type !== PacketType.LEADERINFO) return this.#refuse(packet);
    const { accepted } = this.#options.epochs;
    this.#epoch = epochOf(asZxid(packet.zxid));
    if (this.#epoch < accepted) return this.#lost(`epoch ${this.#epoch} is older than ${accepted}, which we promised to`);
    if (this.#epoch === accepted) return this.#promise(-1n); // made before, and it counts once only (17.3 T32)
    this.#effects.push({ kind: 'saveEpochs', epochs: { accepted: this.#epoch } });
    this.#enter('promising');
  }

  #promise(currentEpoch: Epoch): void {
    this.#send(makePacket(PacketType.ACKEPOCH, this.#options.lastLogged, int(Number(currentEpoch))));
    this.#enter('promised');
  }

  #epochsSaved(): void {
    if (this.#phase === 'promising') return this.#promise(this.#options.epochs.current);
    invariant(this.#phase === 'savingEpoch', 'only epochs that were to be saved are');
    this.#ackNewLeader();
    this.#enter('ready');
  }

  // --- Synchronisation ---

  #firstOfSync(packet: QuorumPacket): void {
    switch (packet.type) {
      case PacketType.DIFF: return this.#enter('syncing'); // its zxid is for information (17.3 T38)
      case PacketType.SNAP: return this.#enter('image');
      case PacketType.TRUNC:
        this.#truncateTo = asZxid(packet.zxid);
        this.#effects.push({ kind: 'truncate', to: this.#truncateTo });
        return this.#enter('truncating');
      default: return this.#refuse(packet);
    }
  }

  /** Where an epoch starts there is no txn to end with; anywhere else the log must end exactly there (quorum.md 8.4). */
  #truncated(lastZxid: Zxid | null): void {
    invariant(this.#phase === 'truncating', 'only what was to be truncated is');
    const to = this.#truncateTo;
    const isEpochStart = counterOf(to) === 0n;
    if (lastZxid === null) return this.#lost(`TRUNC to ${hex(to)}, but the log cannot be cut there`, 'uncut');
    if (!(lastZxid === to || (isEpochStart && lastZxid < to))) {
      return this.#lost(`TRUNC to ${hex(to)}, but the log ends at ${hex(lastZxid)}`, 'distrusted');
    }
    this.#options.committed.truncate(to);
    this.#history = new ReceivedHistory(to);
    this.#enter('syncing');
  }

  #imageReceived(zxid: Zxid): void {
    invariant(this.#phase === 'image', 'an image follows SNAP');
    this.#options.committed.clear();
    this.#history = new ReceivedHistory(zxid);
    this.#isImageUnsaved = true;
    this.#enter('syncing');
  }

  #duringSync(packet: QuorumPacket): void {
    switch (packet.type) {
      case PacketType.PROPOSAL: return void this.#learnProposed(packet);
      case PacketType.INFORM:
      case PacketType.INFORMANDACTIVATE: return this.#learnInformed(packet);
      case PacketType.COMMIT:
      case PacketType.COMMITANDACTIVATE: return this.#history.commit(commitOf(packet));
      case PacketType.NEWLEADER: return this.#newLeader(packet);
      case PacketType.UPTODATE: return this.#upToDate(packet);
      default: return; // PING too gets no answer yet (17.3 T34)
    }
  }

  /** From here to the ACK: image, history, epoch, each durable before the next one is begun (quorum.md 8.3). */
  #newLeader(packet: QuorumPacket): void {
    if (this.#phase !== 'syncing' || packet.zxid !== zxidOf(this.#epoch, 0)) return this.#refuse(packet);
    this.#newLeaderConfig = configOf(packet.data);
    this.#seeProposed(this.#newLeaderConfig); // in force from UPTODATE on (T41)
    if (!this.#isImageUnsaved) return this.#logSynced();
    this.#effects.push({ kind: 'saveImage' });
    this.#enter('savingImage');
  }

  #imageSaved(): void {
    invariant(this.#phase === 'savingImage', 'only an image that was to be saved is');
    this.#isImageUnsaved = false;
    this.#logSynced();
  }

  /** What has no COMMIT yet is logged after UPTODATE, and acked one by one. */
  #logSynced(): void {
    for (let next = this.#history.nextCommitted(); next; next = this.#history.nextCommitted()) {
      this.#append(next.proposal);
      this.#commit(next.proposal, next.commit);
    }
    this.#effects.push({ kind: 'flush' });
    this.#enter('flushing');
  }

  #flushed(): void {
    invariant(this.#phase === 'flushing', 'only what was to be flushed is');
    this.#effects.push({ kind: 'saveEpochs', epochs: { current: this.#epoch } });
    this.#enter('savingEpoch');
  }

  #ackNewLeader(): void {
    this.#send(makePacket(PacketType.ACK, zxidOf(this.#epoch, 0)));
  }

  #upToDate(packet: QuorumPacket): void {
    if (this.#phase !== 'ready') return this.#refuse(packet);
    this.#ackNewLeader(); // the leader ignores it; Apache's learner sends it, so ours does
    this.#effects.push({ kind: 'serve', epoch: this.#epoch, config: this.#newLeaderConfig });
    for (const proposal of this.#history.pending) this.#log(proposal);
    this.#isPendingLogged = true;
    this.#commitReceived();
    this.#enter('broadcast');
  }

  // --- Steady state ---

  #steady(packet: QuorumPacket): void {
    const isFollower = this.#options.role === 'follower';
    switch (packet.type) {
      case PacketType.PROPOSAL: return isFollower ? this.#proposed(packet) : undefined;
      case PacketType.COMMIT:
      case PacketType.COMMITANDACTIVATE: return isFollower ? this.#committed(packet) : undefined;
      case PacketType.INFORM:
      case PacketType.INFORMANDACTIVATE: return isFollower ? undefined : this.#informed(packet);
      case PacketType.PING: return this.#answerPing(packet);
      case PacketType.SYNC: return void this.#effects.push({ kind: 'synced' });
      case PacketType.REVALIDATE: return void this.#effects.push({ kind: 'revalidated', ...revalidatedOf(packet.data) });
      default: return; // types of later versions are none of our business (quorum.md 5.2)
    }
  }

  #proposed(packet: QuorumPacket): void {
    const proposal = this.#learnProposed(packet);
    if (proposal) this.#log(proposal);
  }

  /** May come before our own ACK, or before our disk has the txn at all: a quorum has it (17.4 T44). */
  #committed(packet: QuorumPacket): void {
    if (packet.zxid <= this.#history.lastCommitted) return;
    const oldest = this.#history.pending.first;
    if (oldest && oldest.zxid !== packet.zxid) {
      const reason = `COMMIT ${hex(packet.zxid)}, but the oldest pending proposal is ${hex(oldest.zxid)}`;
      this.#effects.push({ kind: 'fatal', code: UNMATCHED_COMMIT, reason });
      this.#phase = 'over';
      return;
    }
    this.#history.commit(commitOf(packet));
    this.#commitReceived();
  }

  #informed(packet: QuorumPacket): void {
    const { pending } = this.#history;
    const before = pending.length;
    this.#learnInformed(packet);
    if (pending.length > before) this.#append(pending.last!);
    this.#commitReceived();
  }

  #persisted(zxid: Zxid): void {
    for (let next = this.#unacked.first; next !== undefined && next <= zxid; next = this.#unacked.first) {
      this.#unacked.shift();
      this.#send(makePacket(PacketType.ACK, next));
    }
  }

  #answerPing({ zxid, authinfo }: QuorumPacket): void {
    this.#send(makePacket(PacketType.PING, asZxid(zxid), touchTable(this.#options.takeTouched()), authinfo));
  }

  // --- What both have in common ---

  #learn(packet: QuorumPacket, data: Buffer | null): Proposal | null {
    if (data === null) throw new JuteError(packetName(packet.type), 'carries no txn');
    const proposal = parseProposal(data);
    if (proposal.zxid !== packet.zxid) {
      throw new MismatchError(`${packetName(packet.type)} ${hex(packet.zxid)} carries txn ${hex(proposal.zxid)}`);
    }
    return this.#history.propose(proposal, this.#epoch) ? proposal : null;
  }

  /** A proposed config counts in elections from here on, before anybody hears that we have it (quorum.md 13.3). */
  #learnProposed(packet: QuorumPacket): Proposal | null {
    const proposal = this.#learn(packet, packet.data);
    if (proposal?.txn.body.type === OpCode.reconfig) this.#seeProposed(configOf(proposal.txn.body.data));
    return proposal;
  }

  /** Version 0 is what a leader without reconfiguration has: it proposes nothing. */
  #seeProposed(config: EnsembleConfig | null): void {
    if (config && config.version !== 0n) this.#effects.push({ kind: 'proposedConfig', config });
  }

  #learnInformed(packet: QuorumPacket): void {
    const isActivation = packet.type === PacketType.INFORMANDACTIVATE;
    this.#learn(packet, isActivation ? afterDesignatedLeader(packet.data) : packet.data);
    this.#history.commit(commitOf(packet));
  }

  #commitReceived(): void {
    for (let next = this.#history.nextCommitted(); next; next = this.#history.nextCommitted()) {
      this.#commit(next.proposal, next.commit);
    }
  }

  #commit(proposal: Proposal, { designatedLeader }: Commit): void {
    this.#options.committed.add(proposal);
    this.#effects.push({ kind: 'commit', proposal });
    if (designatedLeader === null) return;
    const { body } = proposal.txn;
    const config = body.type === OpCode.reconfig ? configOf(body.data) : null;
    if (!config) throw new MismatchError(`txn ${hex(proposal.zxid)} activates a config, but holds none`);
    this.#effects.push({ kind: 'config', config, designatedLeader });
  }

  /** Logged and, by a follower, acked once it is on disk. */
  #log(proposal: Proposal): void {
    this.#append(proposal);
    if (this.#options.role === 'follower') this.#unacked.push(proposal.zxid);
  }

  #append(proposal: Proposal): void {
    if (this.#options.role === 'follower' || this.#options.syncEnabled !== false) {
      this.#effects.push({ kind: 'append', proposal });
    }
  }

  #send(packet: QuorumPacket): void {
    this.#effects.push({ kind: 'send', packet });
  }

  /** Clients are served in broadcast only, so what they want is too late when it comes at another time. */
  #sendInBroadcast(packet: QuorumPacket): void {
    if (this.#phase === 'broadcast') this.#send(packet);
  }

  // --- The end ---

  #heard(): void {
    const { tickMs, initLimit, syncLimit } = this.#options;
    const isSynced = this.#phase === 'ready' || this.#phase === 'broadcast';
    this.#deadline = this.#now + tickMs * (isSynced ? syncLimit : initLimit);
  }

  #tick(): void {
    if (this.#now >= this.nextDeadline()) this.#lost(`the leader has been silent for too long in phase ${this.#phase}`);
  }

  #refuse(packet: QuorumPacket): void {
    this.#lost(`the leader sent ${packetName(packet.type)} in phase ${this.#phase}`);
  }

  #lost(reason: string, remains: Remains = this.#remains): void {
    this.#effects.push({ kind: 'lost', reason, remains });
    this.#phase = 'over';
  }

  get #remains(): Remains {
    // Memory and disk disagree until the image, or the cut, is durable (17.1 T6).
    const isBetween = this.#phase === 'image' || this.#phase === 'truncating' || this.#isImageUnsaved;
    return isBetween ? 'reload' : 'intact';
  }
}

function commitOf({ type, zxid, data }: QuorumPacket): Commit {
  const activates = type === PacketType.COMMITANDACTIVATE || type === PacketType.INFORMANDACTIVATE;
  return { zxid: asZxid(zxid), designatedLeader: activates ? designatedLeaderOf(data) : null };
}

/** Null when it does not parse, or for the empty data of old leaders: the config we have stays in force then. */
function configOf(data: Buffer | null): EnsembleConfig | null {
  if (data === null || data.length <= 1) return null;
  try {
    return EnsembleConfig.parse(data.toString('utf8'));
  } catch {
    return null;
  }
}
