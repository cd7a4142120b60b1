import { JuteError } from '@zk/jute';
import { asZxid, counterOf, epochOf, hex, invariant, JointQuorum, PacketType, packetName, violated, zxidOf } from '@zk/protocol';
import type { EnsembleConfig, Epoch, Millis, Proposal, QuorumPacket, Sid, Zxid } from '@zk/protocol';
import { Broadcast } from './broadcast.ts';
import { EpochAckQuorum, EpochQuorum } from './discovery.ts';
import type { LeaderEffect, LeaderInput, LeaderOptions, LearnerStatus, LinkId } from './leader-io.ts';
import { LearnerHandler } from './learner-handler.ts';
import type { Limits } from './learner-handler.ts';
import { Learners } from './learners.ts';
import { Outbox } from './outbox.ts';
import {
  intOf, introductionOf, leaderInfoPacket, newLeaderPacket, packet as makePacket, proposalPacket, PROTOCOL_VERSION, requestOf,
  revalidatedPacket, revalidateOf, touchesOf, UPTODATE,
} from './payloads.ts';
import { planSync } from './sync-plan.ts';

const DEFAULT_MAX_BACKLOG_BYTES = 64 * 1024 * 1024;

/**
 * - `idle`: not started
 * - `epochs`: gathering who agreed to which epoch, then saving the new one
 * - `promises`: gathering ACKEPOCHs, then saving the epoch as the current one
 * - `syncing`: bringing learners up to date, gathering ACKs of NEWLEADER
 * - `broadcast`: proposing and committing
 * - `over`: stepped down
 */
type Phase = 'idle' | 'epochs' | 'promises' | 'syncing' | 'broadcast' | 'over';

/**
 * The leader of one term: agrees on an epoch with a quorum, brings learners up to date, then broadcasts
 * (quorum.md 6, 7, 9, 10). Once it stepped down it stays down; the next term gets a new one.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #limits: Limits;
  readonly #outbox = new Outbox();
  readonly #learners = new Learners();
  readonly #epochs: EpochQuorum;
  readonly #promises: EpochAckQuorum;
  readonly #broadcast: Broadcast;
  #config: EnsembleConfig;
  #lastSeen: EnsembleConfig | null;
  #quorum: JointQuorum;
  #newLeader: QuorumPacket | null = null;
  #phase: Phase = 'idle';
  /** An epoch is on its way to the disk: nothing that relies on it may leave before. */
  #isSaving = false;
  #phaseDeadline: Millis = Infinity;
  #nextHalfTick: Millis = Infinity;
  #isFullTick = false;
  #isExhausted = false;
  #now: Millis = 0;

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { sid, config, lastSeen, reconfigEnabled, tickMs, epochs, lastLogged } = options;
    this.#limits = { initMs: options.initLimit * tickMs, syncMs: options.syncLimit * tickMs };
    this.#config = config;
    this.#lastSeen = (reconfigEnabled && lastSeen) || null;
    this.#quorum = new JointQuorum(config, this.#lastSeen);
    this.#epochs = new EpochQuorum(sid, config);
    this.#promises = new EpochAckQuorum(sid, config, { currentEpoch: epochs.current, lastLogged });
    this.#broadcast = new Broadcast(options, this.#learners, this.#outbox);
  }

  /** The epoch being agreed on or led; standalone the last zxid's. */
  get epoch(): Epoch {
    return this.#options.standalone ? epochOf(this.lastProposed) : this.#epochs.epoch;
  }

  get lastCommitted(): Zxid {
    return this.#broadcast.lastCommitted;
  }

  get lastProposed(): Zxid {
    return this.#broadcast.proposals.lastProposed;
  }

  /** What was appended to the own log and is not committed, in order. */
  uncommitted(): readonly Proposal[] {
    return this.#broadcast.proposals.all;
  }

  learners(): LearnerStatus[] {
    return [...this.#learners].map((handler) => handler.status(this.#now));
  }

  /**
   * Reserves the next zxid: it must be proposed, and in this order. Null when the epoch has none left; leadership ends
   * with the next step then.
   */
  nextZxid(): Zxid | null {
    const zxid = this.#broadcast.reserve();
    this.#isExhausted = zxid === null;
    return zxid;
  }

  /** When the next `tick` is due; Infinity when time changes nothing. */
  nextDeadline(): Millis {
    if (this.#isOver) return Infinity;
    return this.#isExhausted ? this.#now : this.#nextHalfTick;
  }

  step(input: LeaderInput, now: Millis): readonly LeaderEffect[] {
    if (this.#isOver) return [];
    this.#now = now;
    this.#take(input);
    if (this.#isExhausted && !this.#isOver) this.#stepDown('the zxid counter of this epoch is used up');
    return this.#outbox.take();
  }

  get #isOver(): boolean {
    return this.#phase === 'over';
  }

  #take(input: LeaderInput): void {
    switch (input.kind) {
      case 'start': return this.#start();
      case 'linked': return this.#linked(input.link, input.remote);
      case 'packet': return this.#received(input.link, input.packet);
      case 'unlinked': return void this.#learners.delete(input.link);
      case 'looking': return this.#heardLooking(input.sid);
      case 'imageTaken': return this.#imageTaken(input.link);
      case 'backlog': return this.#backlog(input.link, input.bytes);
      case 'propose': return this.#propose(input.proposal);
      case 'persisted': return this.#broadcast.persisted(input.zxid);
      case 'epochsSaved': return this.#epochsSaved();
      case 'sync': return this.#broadcast.sync(input.token, input.link);
      case 'revalidated': return this.#sendIfLinked(input.link, revalidatedPacket(input.session, input.valid));
      case 'tick': return this.#tick();
    }
  }

  // --- The own steps from epoch to epoch ---

  #start(): void {
    invariant(this.#phase === 'idle', 'a leader starts once');
    if (this.#options.standalone) return this.#serveAlone();
    this.#enter('epochs');
    this.#nextHalfTick = this.#now + this.#options.tickMs / 2;
    this.#hearEpoch(this.#options.sid, this.#options.epochs.accepted, true);
  }

  #serveAlone(): void {
    this.#phase = 'broadcast';
    this.#outbox.push({ kind: 'serve', epoch: this.epoch, lastZxid: this.lastCommitted });
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseDeadline = this.#now + this.#limits.initMs;
  }

  /** Whoever voted for us may have given us up by now: better a new election than the rest of initLimit. */
  #heardLooking(sid: Sid): void {
    const maxMs = this.#options.maxTimeToWaitForEpochMs ?? -1;
    if (this.#phase !== 'epochs' || maxMs < 0 || !this.#config.voters.has(sid)) return;
    const waitedMs = this.#now - (this.#phaseDeadline - this.#limits.initMs);
    if (waitedMs > maxMs) this.#stepDown(`no epoch after ${waitedMs} ms, and server ${sid} looks for a leader again`);
  }

  #hearEpoch(sid: Sid, accepted: Epoch, isParticipant: boolean): void {
    if (this.#epochs.frozen) return;
    this.#epochs.hear(sid, accepted, isParticipant);
    if (!this.#epochs.frozen) return;
    this.#isSaving = true;
    this.#outbox.push({ kind: 'saveEpochs', epochs: { accepted: this.epoch } });
  }

  #hearPromise(sid: Sid, currentEpoch: Epoch, lastLogged: Zxid): void {
    if (this.#promises.complete) return;
    this.#promises.ack(sid, { currentEpoch, lastLogged });
    if (!this.#promises.complete) return;
    this.#isSaving = true;
    this.#outbox.push({ kind: 'saveEpochs', epochs: { current: this.epoch } });
  }

  #epochsSaved(): void {
    invariant(this.#isSaving, 'only epochs that were to be saved are');
    this.#isSaving = false;
    if (this.#phase === 'epochs') this.#beginPromises();
    else this.#beginSyncing();
  }

  #beginPromises(): void {
    this.#enter('promises');
    const { sid, epochs, lastLogged } = this.#options;
    const epochStart = zxidOf(this.epoch, 0);
    this.#establishVersion(epochStart);
    this.#newLeader = newLeaderPacket(epochStart, this.#lastSeen ?? this.#config);
    for (const handler of this.#learners.inPhase('epoch')) this.#sendLeaderInfo(handler);
    this.#hearPromise(sid, epochs.current, lastLogged);
  }

  /** A config that came from a file gets its first version from the first leader that finds it so (quorum.md 6.2). */
  #establishVersion(epochStart: Zxid): void {
    const isFromFile = this.#config.version === 0n && (this.#lastSeen?.version ?? 0n) === 0n;
    if (!this.#options.reconfigEnabled || !isFromFile) return;
    this.#lastSeen = this.#config.withVersion(epochStart);
    this.#quorum = new JointQuorum(this.#config, this.#lastSeen);
    this.#outbox.push({ kind: 'proposedConfig', config: this.#lastSeen });
  }

  #beginSyncing(): void {
    this.#enter('syncing');
    for (const handler of this.#learners.inPhase('promised')) this.#bringUpToDate(handler);
    this.#serveWithQuorum();
  }

  /** Everything in the own log is committed history from here on (quorum.md 7.7). */
  #serveWithQuorum(): void {
    if (this.#phase !== 'syncing') return;
    if (!this.#quorum.isQuorum(this.#ackersOfNewLeader())) return;
    this.#phase = 'broadcast';
    this.#phaseDeadline = Infinity;
    const before = this.#config;
    this.#activateLastSeen();
    const isStillLeader = sameQuorumAddress(before, this.#config, this.#options.sid);
    if (isStillLeader) {
      this.#broadcast.begin(this.epoch, this.#quorum);
      this.#outbox.push({ kind: 'serve', epoch: this.epoch, lastZxid: this.lastCommitted });
    }
    for (const handler of this.#learners.inPhase('ready')) this.#releaseToServe(handler);
    if (!isStillLeader) this.#stepDown(`the config ${hex(this.#config.version)}, now in force, has another leader`);
  }

  #ackersOfNewLeader(): Set<Sid> {
    return this.#learners.participants((handler) => handler.hasAckedNewLeader).add(this.#options.sid);
  }

  #activateLastSeen(): void {
    const { next } = this.#quorum;
    if (next === null || this.#lastSeen === null) return;
    this.#config = this.#lastSeen;
    this.#quorum = new JointQuorum(this.#config);
    this.#outbox.push({ kind: 'config', config: this.#config });
  }

  #stepDown(reason: string): void {
    this.#phase = 'over';
    this.#outbox.push({ kind: 'stepDown', reason });
  }

  // --- Learners, from their introduction to UPTODATE ---

  #linked(link: LinkId, remote: string): void {
    this.#learners.add(new LearnerHandler(link, remote, this.#limits, this.#now));
  }

  #received(link: LinkId, packet: QuorumPacket): void {
    const handler = this.#learners.get(link);
    if (!handler) return; // it was on its way when we closed the link
    try {
      this.#dispatch(handler, packet);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.#disconnect(handler, error.message);
    }
    handler.heard(this.#now);
  }

  #dispatch(handler: LearnerHandler, packet: QuorumPacket): void {
    switch (handler.phase) {
      case 'introducing': return this.#introduced(handler, packet);
      case 'promising': return this.#promised(handler, packet);
      case 'syncing': return this.#duringSync(handler, packet);
      case 'ready':
      case 'synced': return this.#steady(handler, packet);
      case 'epoch':
      case 'promised': return this.#refuse(handler, packet);
    }
  }

  #introduced(handler: LearnerHandler, packet: QuorumPacket): void {
    const isParticipant = packet.type === PacketType.FOLLOWERINFO;
    if (!isParticipant && packet.type !== PacketType.OBSERVERINFO) return this.#refuse(handler, packet);
    const { sid, protocolVersion, configVersion } = introductionOf(packet.data);
    if (protocolVersion < PROTOCOL_VERSION) return this.#disconnect(handler, `speaks protocol ${hex(BigInt(protocolVersion))}`);
    if (configVersion > this.#config.version) {
      return this.#disconnect(handler, `knows of the later config ${hex(configVersion)}, ours is ${hex(this.#config.version)}`);
    }
    if (sid === this.#options.sid) return this.#disconnect(handler, `has our own sid ${sid}`);
    const accepted = epochOf(asZxid(packet.zxid));
    if (this.#epochs.isOutrunBy(sid, accepted)) {
      return this.#stepDown(`server ${sid} has promised epoch ${accepted} and cannot follow in ${this.epoch}: it takes a new one`);
    }
    this.#replaceOlder(sid);
    handler.sid = sid;
    // The packet decides, not the config: one that is in no config follows without a vote (quorum.md 13.6).
    handler.isParticipant = isParticipant;
    handler.enter('epoch', this.#now);
    const isSettled = this.#phase !== 'idle' && this.#phase !== 'epochs';
    if (isSettled) this.#sendLeaderInfo(handler);
    else this.#hearEpoch(sid, accepted, isParticipant);
  }

  /** Two live connections with one sid are one voter (17.1 T14), and the newer one is the one that works. */
  #replaceOlder(sid: Sid): void {
    for (const handler of this.#learners) {
      if (handler.sid === sid) this.#disconnect(handler, `sid ${sid} connected again`);
    }
  }

  #sendLeaderInfo(handler: LearnerHandler): void {
    this.#outbox.send(handler.link, leaderInfoPacket(zxidOf(this.epoch, 0)));
    handler.enter('promising', this.#now);
  }

  #promised(handler: LearnerHandler, packet: QuorumPacket): void {
    if (packet.type !== PacketType.ACKEPOCH) return this.#refuse(handler, packet);
    const currentEpoch = BigInt(intOf(packet.data, 'ACKEPOCH'));
    const lastLogged = asZxid(packet.zxid);
    if (this.#promises.isOutdatedBy({ currentEpoch, lastLogged })) {
      return this.#disconnect(handler, `is more recent than we are: epoch ${currentEpoch}, last logged ${hex(lastLogged)}`);
    }
    handler.lastLogged = lastLogged;
    handler.enter('promised', this.#now);
    if (this.#phase === 'promises') {
      if (handler.isParticipant) this.#hearPromise(handler.sid!, currentEpoch, lastLogged);
    } else this.#bringUpToDate(handler);
  }

  /**
   * One step, so that history and live traffic join without a hole or a repetition (17.1 T9): what is committed, then
   * what is outstanding, then NEWLEADER; everything proposed or committed later follows on the same link.
   */
  #bringUpToDate(handler: LearnerHandler): void {
    const { history, snapshotSizeFactor, forceSnapshotSync } = this.#options;
    invariant(handler.lastLogged !== null && this.#newLeader !== null, 'a learner is synced after its promise');
    invariant(history.lastZxid() >= this.lastCommitted, 'commits are applied before the next input', {
      tree: history.lastZxid(),
      lastCommitted: this.lastCommitted,
    });
    const plan = planSync(handler.lastLogged, history, { snapshotSizeFactor, forceSnapshot: forceSnapshotSync });
    handler.syncedBy = plan.op === 'SNAP' ? 'image' : 'history';
    if (!this.#mayBeSynced(handler)) return this.#disconnect(handler, `too many learners are being synced by ${handler.syncedBy}`);
    if (plan.op === 'SNAP') this.#outbox.push({ kind: 'sendImage', link: handler.link });
    else this.#outbox.send(handler.link, makePacket(PacketType[plan.op], plan.zxid));
    for (const proposal of plan.proposals) {
      this.#outbox.send(handler.link, proposalPacket(proposal));
      this.#outbox.send(handler.link, makePacket(PacketType.COMMIT, proposal.zxid));
    }
    if (handler.isParticipant) {
      for (const proposal of this.uncommitted()) {
        if (proposal.zxid > plan.upTo) this.#outbox.send(handler.link, proposalPacket(proposal));
      }
    }
    this.#outbox.send(handler.link, this.#newLeader);
    handler.enter('syncing', this.#now);
  }

  /** Voters are needed, observers can wait: they come again (LearnerSyncThrottler). */
  #mayBeSynced({ isParticipant, syncedBy }: LearnerHandler): boolean {
    const { maxConcurrentSnapSyncs = 10, maxConcurrentDiffSyncs = 100 } = this.#options;
    const underWay = this.#learners.inPhase('syncing').filter((other) => other.syncedBy === syncedBy).length;
    return isParticipant || underWay < (syncedBy === 'image' ? maxConcurrentSnapSyncs : maxConcurrentDiffSyncs);
  }

  #duringSync(handler: LearnerHandler, packet: QuorumPacket): void {
    if (packet.type !== PacketType.ACK) return this.#refuse(handler, packet);
    // A 3.8 learner may ack what the sync brought before it acks NEWLEADER (17.3 T33).
    if (packet.zxid !== zxidOf(this.epoch, 0)) return this.#acked(handler, asZxid(packet.zxid));
    handler.enter('ready', this.#now);
    if (this.#phase === 'broadcast') {
      this.#releaseToServe(handler);
      this.#broadcast.commitWhatHasQuorum();
    } else this.#serveWithQuorum();
  }

  #releaseToServe(handler: LearnerHandler): void {
    this.#outbox.send(handler.link, UPTODATE);
    for (const commit of handler.takeHeldCommits()) this.#outbox.send(handler.link, commit);
    handler.enter('synced', this.#now);
  }

  // --- Steady state ---

  #steady(handler: LearnerHandler, packet: QuorumPacket): void {
    switch (packet.type) {
      case PacketType.ACK: return this.#acked(handler, asZxid(packet.zxid));
      case PacketType.PING: return this.#touched(handler, packet.data);
      case PacketType.REQUEST: return this.#requested(handler, packet);
      case PacketType.REVALIDATE: {
        const { session, timeOut } = revalidateOf(packet.data);
        return void this.#outbox.push({ kind: 'revalidate', link: handler.link, session, timeOut });
      }
      default: return; // types of later versions are none of our business (quorum.md 5.2)
    }
  }

  #touched({ link }: LearnerHandler, data: Buffer | null): void {
    for (const { session, timeOut } of touchesOf(data)) this.#outbox.push({ kind: 'touch', link, session, timeOut });
  }

  #requested(handler: LearnerHandler, packet: QuorumPacket): void {
    if (handler.phase !== 'synced') return this.#refuse(handler, packet);
    const { link } = handler;
    this.#outbox.push({ kind: 'request', link, ...requestOf(packet.data), authinfo: packet.authinfo });
  }

  #propose(proposal: Proposal): void {
    if (this.#phase !== 'broadcast') violated('only an established leader proposes', { zxid: proposal.zxid });
    this.#broadcast.propose(proposal, this.#now);
  }

  #acked(handler: LearnerHandler, zxid: Zxid): void {
    // Counter 0 is the second ACK of NEWLEADER; an older epoch's zxid came with the sync.
    if (epochOf(zxid) !== this.epoch || counterOf(zxid) === 0n) return;
    if (zxid > this.lastProposed) return this.#disconnect(handler, `acked ${hex(zxid)}, which was never proposed`);
    handler.acked(zxid);
    this.#broadcast.acked(zxid);
  }

  // --- Time ---

  #tick(): void {
    if (this.#now < this.#nextHalfTick) return;
    this.#nextHalfTick = this.#now + this.#options.tickMs / 2;
    this.#isFullTick = !this.#isFullTick;
    for (const handler of this.#learners) {
      const reason = handler.expiry(this.#now);
      if (reason !== null) this.#disconnect(handler, reason);
    }
    if (this.#now > this.#phaseDeadline) return this.#stepDown(this.#quorumMissing());
    if (this.#phase === 'broadcast' && this.#isFullTick && !this.#isFollowedByQuorum()) {
      return this.#stepDown('no quorum of followers was heard from');
    }
    this.#ping();
  }

  /** Learners that are still syncing count: their first deadline is generous (quorum.md 10.1). */
  #isFollowedByQuorum(): boolean {
    const alive = this.#learners.participants((handler) => handler.isAlive(this.#now)).add(this.#options.sid);
    return this.#quorum.isQuorum(alive);
  }

  /** Also while the quorum of a new leader is still gathering: those who are ready give up after syncLimit of silence. */
  #ping(): void {
    const ping = makePacket(PacketType.PING, this.#phase === 'broadcast' ? this.lastProposed : zxidOf(this.epoch, 0));
    for (const handler of this.#learners) if (handler.isPinged) this.#outbox.send(handler.link, ping);
  }

  #quorumMissing(): string {
    const waited = `waited ${this.#limits.initMs} ms for a quorum of`;
    if (this.#phase === 'epochs') return `${waited} followers, have ${[...this.#epochs.heard]}`;
    if (this.#phase === 'promises') return `${waited} ACKEPOCHs, have ${[...this.#promises.acked]}`;
    return `${waited} ACKs of NEWLEADER, have ${[...this.#ackersOfNewLeader()]}`;
  }

  #backlog(link: LinkId, bytes: number): void {
    const handler = this.#learners.get(link);
    const max = this.#options.maxBacklogBytes ?? DEFAULT_MAX_BACKLOG_BYTES;
    if (handler?.backlog(bytes, max, this.#now)) this.#disconnect(handler, `${bytes} bytes behind, ${max} are allowed`);
  }

  /** A quorum that needs an image cannot be there before it has it. */
  #imageTaken(link: LinkId): void {
    const handler = this.#learners.get(link);
    if (handler?.phase !== 'syncing') return;
    handler.progressed(this.#now);
    if (this.#phase === 'syncing' && handler.isParticipant) this.#phaseDeadline = this.#now + this.#limits.initMs;
  }

  // --- Links ---

  #sendIfLinked(link: LinkId, packet: QuorumPacket): void {
    if (this.#learners.has(link)) this.#outbox.send(link, packet);
  }

  #refuse(handler: LearnerHandler, packet: QuorumPacket): void {
    this.#disconnect(handler, `sent ${packetName(packet.type)} in phase ${handler.phase}`);
  }

  #disconnect({ link }: LearnerHandler, reason: string): void {
    if (this.#learners.delete(link)) this.#outbox.push({ kind: 'disconnect', link, reason });
  }
}

/** Whether a leader under one config remains it under the next: a voter there, at the address it is known by (13.4). */
function sameQuorumAddress(before: EnsembleConfig, after: EnsembleConfig, sid: Sid): boolean {
  if (before === after) return true;
  const addressesIn = (config: EnsembleConfig): string => String(config.servers.get(sid)?.addresses.map(({ host, quorumPort }) => `${host}:${quorumPort}`));
  return after.voters.has(sid) && addressesIn(before) === addressesIn(after);
}
