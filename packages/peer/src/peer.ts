import { asZxid } from '@zk/protocol';
import type { EnsembleConfig, Epoch, Millis, Proposal, ServerSpec, Sid } from '@zk/protocol';
import type { Epochs, Recovered } from '@zk/store';
import type { DataTree } from '@zk/tree';
import { Checkpoints } from './checkpoints.ts';
import type { PeerConfig } from './config.ts';
import { NO_ROOM, TroubleClock } from './disk-state.ts';
import { Electorate } from './electorate.ts';
import { startingEpochs } from './epochs.ts';
import { MemberHistory, tellDamage } from './history.ts';
import type { Search } from './looking.ts';
import type { Member, Role } from './member.ts';
import { ObserverMasters } from './observer-masters.ts';
import { Pipeline } from './pipeline.ts';
import type { Authority } from './authority.ts';
import type { PeerStatus } from './status.ts';
import { Restoring, type Restorable } from './restoring.ts';
import { Roles } from './roles.ts';
import { Stopping, type Stoppable } from './stopping.ts';
import { TreeUpkeep } from './tree-upkeep.ts';
import type { Input, World } from './world.ts';

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
  readonly #upkeep: TreeUpkeep;
  readonly #checkpoints: Checkpoints;
  readonly #shortage: TroubleClock;
  readonly #electorate: Electorate;
  #epochs: Epochs;
  #serving: Authority['role'] | null = null;
  readonly #stopping: Stopping;
  readonly #restoring: Restoring;
  readonly #roles: Roles;
  #dead = false;

  /** @throws InconsistentEpochsError when the disk contradicts itself. */
  constructor(config: PeerConfig, world: World, recovered: Recovered) {
    this.config = config;
    this.world = world;
    const { image, lastZxid, epochs, trusted, notes, damage = null } = recovered;
    this.#found = { isNew: !image && lastZxid === 0n && trusted, hasEpochs: epochs !== null, trusted, notes, damage };
    this.#epochs = startingEpochs(config.ensemble ? recovered : { ...recovered, epochs: null }); // nobody to promise to
    this.#electorate = new Electorate(config, world, {
      elected: (outcome) => this.#roles.elected(outcome),
      configured: () => this.#writeConfig(this.history.tree),
    });
    this.history = new MemberHistory(config, world, recovered, (tree) => this.#writeConfig(tree));
    this.pipeline = new Pipeline(config, world, () => this.history.tree);
    this.observerMasters = config.observerMasterPort === null ? null : new ObserverMasters(config.observerMasterPort, world.random);
    this.#upkeep = new TreeUpkeep(world, () => this.history.tree);
    this.#checkpoints = new Checkpoints(world, config, image?.zxid ?? asZxid(0n));
    this.#shortage = new TroubleClock(world);
    this.#stopping = new Stopping(this.#stoppable(), this.#checkpoints);
    this.#restoring = new Restoring(this.#restorable());
    this.#roles = new Roles(this, { electorate: this.#electorate, checkpoints: this.#checkpoints, stopping: this.#stopping, restoring: this.#restoring });
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
      this.#roles.proceed();
    } catch (error) {
      this.die(1, error instanceof Error ? error.message : String(error), error instanceof Error ? error : undefined);
    }
  }

  /** When a tick is due, on the world's clock; Infinity: nothing is waited for. */
  nextDeadline(): Millis {
    if (this.#dead) return Infinity;
    return Math.min(
      this.#role.nextDeadline(),
      this.#electorate.nextDeadline(),
      this.pipeline.nextDeadline(),
      this.#upkeep.nextDeadline,
      this.#stopping.nextDeadline(),
      this.#checkpoints.nextDeadline(),
      this.#restoring.nextDeadline(),
    );
  }

  inspect(): PeerStatus {
    const { tree } = this.history;
    return {
      sid: this.config.sid,
      role: this.#role.name,
      serving: this.#serving,
      stopping: this.#stopping.isAsked,
      inRoleForMs: this.#roles.currentForMs,
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

  reconfigured(ensemble: EnsembleConfig, designatedLeader: Sid): void {
    this.#roles.reconfigured(ensemble, designatedLeader);
  }

  leave(reason: string): void {
    this.#roles.leave(reason);
  }

  askForTree(leader: Sid, reason: string): void {
    this.#roles.askForTree(leader, reason);
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

  /** The one under way. */
  get #role(): Role {
    return this.#roles.current;
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
        this.#upkeep.stop();
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
    this.#checkpoints.whenIdle(() => this.#roles.begin());
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
      isIdle: () => this.#roles.isIdle,
      retire: () => this.#roles.retire(),
      leave: (reason) => this.leave(reason),
      stopped: (reason) => {
        this.#restoring.stopped(this.config.ensemble === null);
        this.#roles.stopped(reason);
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
      isIdle: () => this.#roles.isIdle,
      retire: () => this.#roles.retire(),
      endService: (reason) => this.endService(reason),
      leave: (reason) => this.leave(reason),
    };
  }

  #tick(now: Millis): void {
    this.#electorate.tick(now);
    if (now >= this.#role.nextDeadline()) this.#role.tick(now);
    if (now >= this.pipeline.nextDeadline()) this.pipeline.tick(now);
    if (now >= this.#checkpoints.nextDeadline()) this.#checkpoints.retry(now, this.#role.isServing ? this.history.tree : null);
    if (now >= this.#upkeep.nextDeadline) this.#upkeep.tick(now);
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

  /** /zookeeper/config is not replicated: every member writes its own configuration into it (quorum.md T39). */
  #writeConfig(tree: DataTree): void {
    if (this.config.ensemble) tree.setConfig(this.ensemble.toText(), this.ensemble.version, BigInt(this.world.clock.wallTime()));
  }
}
