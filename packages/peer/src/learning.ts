import { PacketType, asZxid, hex } from '@zk/protocol';
import type { EnsembleConfig, Epoch, ImageBuilder, Millis, QuorumPacket, Sid, Zxid } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import { Learner } from '@zk/zab';
import type { LearnerEffect, LearnerInput, Remains } from '@zk/zab';
import type { Authority } from './authority.ts';
import { EffectLoop } from './effect-loop.ts';
import { endsRoles } from './ensemble-configs.ts';
import { NO_HISTORY } from './history.ts';
import { LeaderDial } from './leader-dial.ts';
import { QuorumLink } from './links.ts';
import type { LinkEvents } from './links.ts';
import { PacketEncoder } from './packet-encoder.ts';
import { unreachable } from './member.ts';
import type { LinkInput, Member, Role } from './member.ts';
import type { Link, SyncOp } from './world.ts';

const SYNC_OPS = new Map<number, SyncOp>([
  [PacketType.DIFF, 'DIFF'],
  [PacketType.TRUNC, 'TRUNC'],
  [PacketType.SNAP, 'SNAP'],
]);

/** Reaches the elected leader and performs what a zab learner wants done, as follower or observer. */
export class Learning implements Role, LinkEvents {
  readonly #member: Member;
  readonly leader: Sid;
  readonly name: 'following' | 'observing';
  readonly #asksForTree: boolean;
  #dial: LeaderDial | null = null;
  #link: QuorumLink | null = null;
  readonly #encoder = new PacketEncoder();
  #machine: Learner | null = null;
  #loop: EffectLoop<LearnerInput, LearnerEffect> | null = null;
  #serving = false;
  #lastCommitted: Zxid | null = null;

  /** @param asksForTree whatever we have, the leader is to send its tree */
  constructor(member: Member, leader: Sid, name: 'following' | 'observing', asksForTree = false) {
    this.#member = member;
    this.leader = leader;
    this.name = name;
    this.#asksForTree = asksForTree;
  }

  get isServing(): boolean {
    return this.#serving;
  }

  start(): void {
    const { config, world } = this.#member;
    const spec = this.#member.findServer(this.leader);
    if (!spec) return this.#member.leave(`the elected leader ${this.leader} is not in the configuration`);
    const masters = this.name === 'observing' ? this.#member.observerMasters : null;
    const next = masters ? () => masters.next(this.#member.ensemble, spec) : () => spec;
    const isDelayed = this.name === 'observing' && (masters?.isRoundOver ?? true);
    const delayMs = isDelayed ? Math.floor(world.random.next() * config.election.observerReconnectDelayMs) : 0;
    this.#dial = new LeaderDial(config, world, next, delayMs);
    this.#dial.tick(world.clock.now());
  }

  link(input: LinkInput): void {
    switch (input.kind) {
      case 'linkData':
        return this.#received(input.link, input.chunk);
      case 'linkDrained':
        return; // a learner streams nothing
      case 'linkClosed':
        return this.#lost(input.link, input.reason);
      case 'leaderLinked':
        if (input.sid === this.#dial?.target) return this.#linked(input.link);
        return input.link.close('dialed for an earlier leader');
      case 'leaderUnreachable':
        if (input.sid === this.#dial?.target && !this.#dial.failed()) this.#member.leave(`leader ${this.leader} unreachable: ${input.reason}`);
        return;
      case 'learnerLinked':
        return input.link.close('not leading');
    }
  }

  tick(now: Millis): void {
    this.#dial?.tick(now);
    this.#loop?.feed({ kind: 'tick' });
  }

  nextDeadline(): Millis {
    return Math.min(this.#dial?.nextDeadline() ?? Infinity, this.#machine?.nextDeadline() ?? Infinity);
  }

  close(reason: string): void {
    this.#loop?.stop();
    this.#link?.close(reason);
    this.#dial = null;
    this.#member.history.dropReceived();
  }

  lastCommitted(): Zxid | null {
    return this.#lastCommitted;
  }

  learners(): readonly [] {
    return [];
  }

  packet(_link: QuorumLink, packet: QuorumPacket): void {
    const op = SYNC_OPS.get(packet.type);
    const { world, history, config } = this.#member;
    if (op) world.trace({ kind: 'syncing', side: 'learner', sid: config.sid, op, from: history.lastLogged, to: asZxid(packet.zxid) });
    this.#loop?.feed({ kind: 'packet', packet });
  }

  imageBegins(zxid: Zxid): ImageBuilder<DataTree> {
    return this.#member.history.imageBuilder(zxid);
  }

  image(_link: QuorumLink, tree: DataTree): void {
    this.#member.history.receive(tree);
    this.#loop?.feed({ kind: 'imageReceived', zxid: tree.lastZxid });
  }

  malformed(link: QuorumLink, reason: string): void {
    this.#member.world.trace({ kind: 'linkRefused', remote: link.remote, reason });
    this.#loop?.feed({ kind: 'unlinked' });
  }

  #ours(link: Link): QuorumLink | null {
    return this.#link?.id === link.id ? this.#link : null;
  }

  #linked(link: Link): void {
    const { config, world, pipeline, history, epochs, ensemble } = this.#member;
    this.#dial = null;
    if (this.name === 'observing') this.#member.observerMasters?.linked();
    world.trace({ kind: 'linkOpened', remote: link.remote, side: 'learner' });
    this.#link = new QuorumLink(link, config, this);
    const machine = new Learner({
      sid: config.sid,
      role: this.name === 'observing' ? 'observer' : 'follower',
      config: ensemble,
      tickMs: config.tickTime,
      initLimit: config.initLimit,
      syncLimit: config.syncLimit,
      epochs,
      lastLogged: this.#asksForTree ? NO_HISTORY : history.claimed,
      committed: history.committed,
      takeTouched: () => pipeline.takeTouched(),
      syncEnabled: config.observerSyncEnabled,
    });
    this.#machine = machine;
    this.#loop = new EffectLoop(
      (input) => machine.step(input, world.clock.now()),
      (effect) => this.#perform(effect),
    );
    this.#loop.feed({ kind: 'linked' });
  }

  #received(link: Link, chunk: Buffer): void {
    const ours = this.#ours(link);
    if (!ours) return;
    ours.received(chunk);
    if (!this.#serving) this.#loop?.feed({ kind: 'heard' }); // part of a large image is a sign of life too
  }

  #lost(link: Link, reason: string): void {
    const ours = this.#ours(link);
    if (!ours) return;
    ours.lost();
    this.#member.world.trace({ kind: 'linkClosed', remote: link.remote, reason });
    this.#loop?.feed({ kind: 'unlinked' });
  }

  #perform(effect: LearnerEffect): void {
    const { history, pipeline, world } = this.#member;
    switch (effect.kind) {
      case 'send':
        return this.#link?.sendEncoded(this.#encoder.encode(effect.packet));
      case 'append':
        return history.append(effect.proposal, this.#persisted);
      case 'commit':
        history.leaveTail(effect.proposal);
        this.#lastCommitted = effect.proposal.zxid;
        return this.#member.commit(effect.proposal);
      case 'synced':
        return pipeline.synced();
      case 'revalidated':
        return pipeline.revalidated(effect.session, effect.valid);
      case 'flush':
        return world.store.flush(() => this.#loop?.feed({ kind: 'flushed' }));
      case 'truncate':
        return history.truncate(effect.to, (lastZxid) => this.#loop?.feed({ kind: 'truncated', lastZxid }));
      case 'saveImage':
        return history.adoptReceived(() => this.#loop?.feed({ kind: 'imageSaved' }));
      case 'saveEpochs':
        return this.#member.saveEpochs(effect.epochs, () => this.#loop?.feed({ kind: 'epochsSaved' }));
      case 'proposedConfig':
        return this.#member.seeProposed(effect.config);
      case 'config':
        return this.#member.reconfigured(effect.config, effect.designatedLeader);
      case 'serve':
        return this.#serve(effect.epoch, effect.config);
      case 'lost':
        return this.#leave(effect.reason, effect.remains);
      case 'fatal':
        return this.#member.die(effect.code, effect.reason);
    }
  }

  readonly #persisted = (upTo: Zxid): void => this.#loop?.feed({ kind: 'persisted', zxid: upTo });

  #serve(epoch: Epoch, config: EnsembleConfig | null): void {
    const before = this.#member.ensemble;
    if (config) this.#member.adopt(config);
    if (endsRoles(before, this.#member.ensemble, this.#member.config.sid, this.leader)) {
      return this.#member.leave(`the configuration ${hex(this.#member.ensemble.version)} that came with the sync ends this role`);
    }
    this.#serving = true;
    this.#lastCommitted = this.#member.history.tree.lastZxid;
    this.#member.serve(this.#authority(), epoch);
  }

  #leave(reason: string, remains: Remains): void {
    if (remains === 'distrusted') this.#member.history.distrust();
    if (remains === 'distrusted' || remains === 'uncut') this.#member.askForTree(this.leader, reason);
    else this.#member.leave(reason);
  }

  #authority(): Authority {
    return {
      role: this.name === 'observing' ? 'observer' : 'follower',
      takesWrites: true,
      nextZxid: () => unreachable('a learner gives no zxids'),
      propose: () => unreachable('a learner proposes nothing'),
      request: (session, cxid, op, body, authinfo) => this.#loop?.feed({ kind: 'request', session, cxid, op, body, authinfo }),
      sync: () => unreachable('a learner forwards its syncs'),
      revalidate: (session, timeOut) => this.#loop?.feed({ kind: 'revalidate', session, timeOut }),
    };
  }
}
