import { asSid, asZxid, invariant } from '@zk/protocol';
import type { EnsembleConfig, Epoch, Millis, Proposal, ServerSpec, Sid } from '@zk/protocol';
import type { ElectionInput } from '@zk/election';
import type { Epochs, Recovered } from '@zk/store';
import type { DataTree } from '@zk/tree';
import { Checkpoints } from './checkpoints.ts';
import type { PeerConfig } from './config.ts';
import { TroubleClock } from './disk-state.ts';
import { Draining } from './draining.ts';
import { Electorate } from './electorate.ts';
import type { Elected } from './electorate.ts';
import { roleIn } from './ensemble-configs.ts';
import { startingEpochs } from './epochs.ts';
import { MemberHistory, tellDamage } from './history.ts';
import { Leading } from './leading.ts';
import { Learning } from './learning.ts';
import { Looking } from './looking.ts';
import type { Search } from './looking.ts';
import type { Member, Role } from './member.ts';
import { ObserverMasters } from './observer-masters.ts';
import { Pipeline } from './pipeline.ts';
import type { Authority } from './authority.ts';
import type { PeerStatus } from './status.ts';
import { Restoring, type Restorable } from './restoring.ts';
import { Stopped } from './stopped.ts';
import { Stopping, type Stoppable } from './stopping.ts';
import { TreeReading } from './tree-reading.ts';
import type { Input, World } from './world.ts';

const NO_ROOM = 'the disk is full';

/**
 * One member of an ensemble, or a standalone server: looking for a leader, then leading, following or observing, and
 * back. Deterministic: what it does depends on its inputs, and on what its world answers, alone.
 */
export class Peer implements Member, Search {
  readonly config: PeerConfig;
  readonly world: World;
  readonly history: MemberHistory;
  readonly pipeline: Pipeline;
  readonly observerMasters: ObserverMasters | null;
  /** What was found on disk, without the data: told and completed at the start. */
  readonly #found: { readonly isNew: boolean; readonly hasEpochs: boolean; readonly trusted: boolean; readonly notes: readonly string[]; readonly damage: Error | null };
  readonly #reading: TreeReading;
  readonly #checkpoints: Checkpoints;
  readonly #shortage: TroubleClock;
  readonly #electorate: Electorate;
  #epochs: Epochs;
  #role: Role;
  #roleSince: Millis;
  #serving: Authority['role'] | null = null;
  /** Why the role is to end, once the step under way is done. */
  #leaving: string | null = null;
  /** Set by a reconfig: what to be next, without an election. */
  #appointment: Extract<ElectionInput, { kind: 'appointed' }> | null = null;
  /** Who is to be asked for its tree, without an election. */
  #askAgain: Sid | null = null;
  readonly #stopping: Stopping;
  readonly #restoring: Restoring;
  #dead = false;

  /** @throws InconsistentEpochsError when the disk contradicts itself. */
  constructor(config: PeerConfig, world: World, recovered: Recovered) {
    this.config = config;
    this.world = world;
    const { image, lastZxid, epochs, trusted, notes, damage = null } = recovered;
    this.#found = { isNew: !image && lastZxid === 0n && trusted, hasEpochs: epochs !== null, trusted, notes, damage };
    this.#epochs = startingEpochs(config.ensemble ? recovered : { ...recovered, epochs: null }); // nobody to promise to
    this.#electorate = new Electorate(config, world, {
      elected: (outcome) => this.#elected(outcome),
      configured: () => this.#writeConfig(this.history.tree),
    });
    this.history = new MemberHistory(config, world, recovered, (tree) => this.#writeConfig(tree));
    this.pipeline = new Pipeline(config, world, () => this.history.tree);
    this.observerMasters = config.observerMasterPort === null ? null : new ObserverMasters(config.observerMasterPort, world.random);
    this.#reading = new TreeReading(world, () => this.history.tree);
    this.#checkpoints = new Checkpoints(world, config, image?.zxid ?? asZxid(0n));
    this.#shortage = new TroubleClock(world);
    this.#role = new Stopped();
    this.#stopping = new Stopping(this.#stoppable(), this.#checkpoints);
    this.#restoring = new Restoring(this.#restorable());
    this.#roleSince = world.clock.now();
    world.store.onShortage = (shortage) => (shortage ? this.#roomEnded(shortage) : this.#roomFound());
    world.store.onFatal = (error) => this.die(1, `the disk failed: ${error.message}`, error);
  }

  /** Takes one input; never called from within itself. A broken invariant ends the member, not the caller. */
  step(input: Input): void {
    if (this.#dead) return;
    try {
      this.#take(input);
      this.#stopping.proceed();
      this.#restoring.proceed();
      this.#endRole();
    } catch (error) {
      this.die(1, error instanceof Error ? error.message : String(error), error instanceof Error ? error : undefined);
    }
  }

  /** When a tick is due, on the world's clock; Infinity: nothing is waited for. */
  nextDeadline(): Millis {
    if (this.#dead) return Infinity;
    return Math.min(this.#role.nextDeadline(), this.#electorate.nextDeadline(), this.pipeline.nextDeadline(), this.#reading.nextDeadline, this.#stopping.nextDeadline(), this.#checkpoints.nextDeadline(), this.#restoring.nextDeadline());
  }

  inspect(): PeerStatus {
    const { tree } = this.history;
    return {
      sid: this.config.sid,
      role: this.#role.name,
      serving: this.#serving,
      stopping: this.#stopping.isAsked,
      inRoleForMs: this.world.clock.now() - this.#roleSince,
      leader: this.#role.leader,
      missing: this.#electorate.missing,
      distrusted: this.distrusted(),
      ensemble: this.config.ensemble ? this.ensemble : null,
      acceptedEpoch: this.#epochs.accepted,
      currentEpoch: this.#epochs.current,
      lastLogged: this.history.lastLogged,
      lastCommitted: this.#role.lastCommitted(),
      pendingTxns: this.history.tailLength,
      learners: this.#role.learners(),
      disk: { shortage: this.#shortage.status(), checkpoint: this.#checkpoints.trouble },
      tree: {
        nodes: tree.nodeCount,
        ephemerals: tree.ephemeralCount,
        approximateDataSize: tree.approximateDataSize,
        lastZxid: tree.lastZxid,
        digest: tree.digest,
        globalSessions: tree.sessions.size,
      },
      pipeline: this.pipeline.status(),
    };
  }

  /** `orst`. */
  resetLearnerStats(): void {
    this.#role.resetStats?.();
  }

  /** Why this member would refuse the input `restore` whatever the tree; null: it would not. */
  whyNoRestore(): string | null {
    return this.#restoring.whyNot();
  }

  // Member: what roles may ask

  get epochs(): Epochs {
    return this.#epochs;
  }

  get ensemble(): EnsembleConfig {
    return this.#electorate.committed;
  }

  get pendingEnsemble(): EnsembleConfig | null {
    return this.#electorate.pending;
  }

  findServer(sid: Sid): ServerSpec | undefined {
    return this.#electorate.find(sid);
  }

  get hasRoom(): boolean {
    return !this.#shortage.isNow;
  }

  saveEpochs(epochs: Partial<Epochs>, done: () => void): void {
    this.world.store.saveEpochs(epochs, () => {
      this.#epochs = { ...this.#epochs, ...epochs };
      this.world.trace({ kind: 'epoch', acceptedEpoch: this.#epochs.accepted, currentEpoch: this.#epochs.current });
      done();
    });
  }

  commit(proposal: Proposal): void {
    if (!this.#role.isServing) return this.history.apply(proposal); // being synced: nobody is served yet
    this.pipeline.committed(proposal);
    this.world.traceCommit?.(proposal.zxid, proposal.bytes);
    const keepsLog = this.config.observerSyncEnabled || this.#role.name !== 'observing';
    if (keepsLog) this.#checkpoints.applied(this.history.tree, proposal.bytes.length);
  }

  serve(authority: Authority, epoch: Epoch): void {
    this.#serving = authority.role;
    if (authority.role !== 'readOnly') {
      this.#checkpoints.isTreeCommitted = true;
      this.#electorate.step({ kind: 'established', epoch });
    }
    this.world.trace({ kind: 'serving', role: authority.role, epoch, zxid: this.history.tree.lastZxid });
    this.pipeline.serve(authority);
    if (authority.role !== 'readOnly') this.#restoring.served(authority.role === 'leader' || authority.role === 'standalone');
  }

  endService(reason: string): void {
    if (this.#serving === null) return;
    this.#serving = null;
    this.pipeline.stop(reason);
  }

  adopt(ensemble: EnsembleConfig): void {
    this.#electorate.adopt(ensemble);
  }

  seeProposed(ensemble: EnsembleConfig): void {
    this.#electorate.seeProposed(ensemble);
  }

  /** A reconfig may move the leader, or this member's role: then the next role begins without an election (13.4). */
  reconfigured(ensemble: EnsembleConfig, designatedLeader: Sid): void {
    if (!this.config.reconfigEnabled) return;
    const roleBefore = roleIn(this.ensemble, this.config.sid);
    this.adopt(ensemble);
    const role = roleIn(ensemble, this.config.sid);
    if (role === roleBefore && designatedLeader === this.#role.leader) return;
    const state = designatedLeader === this.config.sid ? 'LEADING' : role === 'observer' ? 'OBSERVING' : 'FOLLOWING';
    const vote = { leader: designatedLeader, zxid: ensemble.version, electionEpoch: -1n, peerEpoch: -1n };
    this.#appointment = { kind: 'appointed', vote, state };
    this.leave(`reconfigured: ${designatedLeader} leads`);
  }

  /** Takes effect at the end of the step, because whoever asks may be in the middle of something. */
  leave(reason: string): void {
    this.#leaving ??= reason;
  }

  askForTree(leader: Sid, reason: string): void {
    this.#askAgain = leader;
    this.leave(reason);
  }

  die(code: number, reason: string, error?: Error): void {
    if (this.#dead) return;
    this.#dead = true;
    this.world.trace({ kind: 'fatal', code, reason, error });
    this.world.fatal(code, reason);
  }

  // Search: what the looking role needs

  look(): void {
    this.#electorate.step({ kind: 'look', lastLogged: this.history.claimed, currentEpoch: this.#epochs.current });
  }

  missing(): readonly Sid[] {
    return this.#electorate.missing;
  }

  distrusted(): readonly Sid[] {
    const { withoutHistory } = this.#electorate;
    return this.history.isTrusted ? withoutHistory : [this.config.sid, ...withoutHistory];
  }

  #take(input: Input): void {
    switch (input.kind) {
      case 'frame':
        return this.pipeline.frame(input.link, input.frame);
      case 'stored':
        return input.run();
      case 'tick':
        return this.#tick(this.world.clock.now());
      case 'expireSession':
        return this.pipeline.expireSession(input.session);
      case 'checkpoint':
        if (this.#role.isServing && !this.#stopping.isAsked) this.#checkpoints.takeIfNew(this.history.tree);
        return;
      case 'restore':
        return this.#stopping.isAsked ? input.request.answer({ refused: 'this server is stopping' }) : this.#restoring.begin(input.request, this.config.shutdownTimeout);
      case 'logRequests':
        return this.pipeline.logRequests(input.filter);
      case 'clientOpened':
        return this.pipeline.opened(input.link);
      case 'clientClosed':
        return this.pipeline.closed(input.link);
      case 'notification':
        if (this.#electorate.notified(input.from, input.message)) this.#role.looking?.(input.from);
        return;
      case 'electorConnected':
        return this.#electorate.connected(input.sid);
      case 'electorLost':
        return this.#electorate.lost(input.sid);
      case 'start':
        return this.#start();
      case 'stop':
        this.#reading.stop();
        this.#electorate.close();
        return this.#stopping.begin();
      default:
        return this.#role.link(input);
    }
  }

  #start(): void {
    const { isNew, hasEpochs, trusted, notes, damage } = this.#found;
    const { accepted: acceptedEpoch, current: currentEpoch } = this.#epochs;
    this.world.trace({ kind: 'recovered', lastZxid: this.history.lastLogged, acceptedEpoch, currentEpoch, notes, trusted });
    if (damage) tellDamage(this.world, damage);
    this.#electorate.recover(this.history.lastReconfig);
    if (this.config.ensemble && !hasEpochs) this.world.store.saveEpochs(this.#epochs, () => {});
    // A new database: the empty image tells later starts (and Apache) that the log is complete (storage.md 4.2).
    if (isNew) this.#checkpoints.take(this.history.tree);
    this.#checkpoints.whenIdle(() => this.#begin());
  }

  #begin(): void {
    if (this.#role.name !== 'stopped' || this.#stopping.isAsked) return; // asked to stop before it had begun
    if (this.config.ensemble) this.#become(new Looking(this, this, 0), 'started');
    else this.#become(new Leading(this), 'standalone');
  }

  /** Nothing is under way: what was asked is answered, and what was proposed is committed. */
  get #isIdle(): boolean {
    return this.pipeline.isIdle && this.#role.isIdle !== false;
  }

  /** Takes nothing new in; what was asked is still answered. */
  #retire(): void {
    this.pipeline.retire();
    this.#role.retire?.();
  }

  #stoppable(): Stoppable {
    const peer = this;
    return {
      config: this.config,
      world: this.world,
      history: this.history,
      get isServing() {
        return peer.#role.isServing;
      },
      get hasRoom() {
        return peer.hasRoom;
      },
      isIdle: () => this.#isIdle,
      retire: () => this.#retire(),
      leave: (reason) => this.leave(reason),
      stopped: (reason) => {
        this.#restoring.stopped(this.config.ensemble === null);
        this.#become(new Stopped(), reason);
      },
    };
  }

  #restorable(): Restorable {
    const peer = this;
    return {
      world: this.world,
      history: this.history,
      get role() {
        return peer.#role.name;
      },
      get isServing() {
        return peer.#serving !== null && peer.#role.isServing;
      },
      get currentEpoch() {
        return peer.#epochs.current;
      },
      get hasRoom() {
        return peer.hasRoom;
      },
      isIdle: () => this.#isIdle,
      retire: () => this.#retire(),
      endService: (reason) => this.endService(reason),
      leave: (reason) => this.leave(reason),
    };
  }

  #tick(now: Millis): void {
    this.#electorate.tick(now);
    if (now >= this.#role.nextDeadline()) this.#role.tick(now);
    if (now >= this.pipeline.nextDeadline()) this.pipeline.tick(now);
    if (now >= this.#checkpoints.nextDeadline()) this.#checkpoints.retry(now, this.#role.isServing ? this.history.tree : null);
    if (now >= this.#reading.nextDeadline) this.#reading.tick(now);
  }

  #become(role: Role, reason: string): void {
    // Until it serves, a learner's log may be cut to what its leader has, and that is not all committed yet.
    if (role.name === 'following' || role.name === 'observing') this.#checkpoints.isTreeCommitted = false;
    this.#role = role;
    this.#roleSince = this.world.clock.now();
    this.world.trace({ kind: 'role', role: role.name, reason });
    role.start();
  }

  #endRole(): void {
    if (this.#leaving === null) return;
    const reason = this.#leaving;
    this.#leaving = null;
    this.#stopping.roleEnds();
    this.#restoring.roleEnds();
    this.#closeRole(reason);
    if (this.#stopping.isAsked && !this.hasRoom) return this.#stopping.close(reason);
    this.#become(this.#draining(reason), reason);
  }

  #draining(reason: string): Draining {
    const isAlone = this.config.ensemble === null; // what is durable is committed then
    const appliesTail = isAlone || !this.#stopping.isAsked;
    if (this.#askAgain === null && this.#appointment === null) this.#electorate.step({ kind: 'left' }); // otherwise the leader is known
    const whenIdle = (action: () => void): void => this.#checkpoints.whenIdle(action);
    return new Draining(this, { whenIdle, appliesTail, mayServeReads: !this.#stopping.isAsked, drained: (applied) => this.#drained(reason, applied) });
  }

  /** Stops accepting, then serving, and only then lets the log become quiet (quorum.md 8.5, T56). */
  #closeRole(reason: string): void {
    this.#role.close(reason);
    this.endService(reason);
  }

  #drained(reason: string, applied: number): void {
    if (applied > 0 && this.config.ensemble) this.#checkpoints.isTreeCommitted = false;
    if (this.#stopping.isAsked) return this.#stopping.finish(reason);
    if (!this.config.ensemble) return this.#become(new Leading(this), reason); // alone, there is nobody else to look for
    const leader = this.#askAgain;
    this.#askAgain = null;
    if (leader !== null) return this.#become(new Learning(this, leader, this.#isObserver ? 'observing' : 'following', true), `asking ${leader} for its tree`);
    const appointment = this.#appointment;
    this.#appointment = null;
    if (appointment) return this.#electorate.step(appointment);
    const delayMs = this.#isObserver ? Math.floor(this.world.random.next() * this.config.election.observerElectionDelayMs) : 0;
    this.#become(new Looking(this, this, delayMs), reason);
  }

  /**
   * Alone, a server goes on with what takes no room. A member of an ensemble leaves the others to decide without it: it
   * could neither ack nor, as a leader, do its part. Draining lasts until there is room.
   */
  #roomEnded({ message }: Error): void {
    this.#shortage.begin(message);
    this.world.trace({ kind: 'diskFull', reason: message });
    const { name } = this.#role;
    if (name === 'standalone') return this.pipeline.endWaiting('the disk is full: what becomes of this write is not known yet');
    if (this.#stopping.isAsked || name === 'leading' || name === 'following' || name === 'observing') this.leave(NO_ROOM);
  }

  #roomFound(): void {
    this.world.trace({ kind: 'diskRoom', forMs: this.#shortage.end() });
  }

  #elected({ vote, state }: Elected): void {
    const { name } = this.#role;
    invariant(name === 'looking' || name === 'draining', 'a leader is found between roles');
    const { zxid, electionEpoch, peerEpoch } = vote;
    const leader = asSid(vote.leader);
    this.world.trace({ kind: 'elected', leader, zxid: asZxid(zxid), electionEpoch, peerEpoch });
    this.#closeRole('a leader was elected');
    if (state === 'LEADING') this.#become(new Leading(this), 'elected');
    else this.#become(new Learning(this, leader, state === 'OBSERVING' ? 'observing' : 'following'), `elected ${leader}`);
    if (!this.hasRoom) this.leave(NO_ROOM);
  }

  get #isObserver(): boolean {
    return this.#electorate.ownRole === 'observer';
  }

  /** /zookeeper/config is not replicated: every member writes its own configuration into it (quorum.md T39). */
  #writeConfig(tree: DataTree): void {
    if (this.config.ensemble) tree.setConfig(this.ensemble.toText(), this.ensemble.version, BigInt(this.world.clock.wallTime()));
  }
}
