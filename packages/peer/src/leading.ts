import { JuteError } from '@zk/jute';
import { OpCode, PacketType, asZxid, encodeImage } from '@zk/protocol';
import type { Epoch, Millis, QuorumPacket, Sid, Zxid } from '@zk/protocol';
import { Leader } from '@zk/zab';
import type { LeaderEffect, LeaderInput, LinkId } from '@zk/zab';
import type { Authority } from './authority.ts';
import { EffectLoop } from './effect-loop.ts';
import { LearnerMeter } from './learner-meter.ts';
import { QuorumLink, snapStream } from './links.ts';
import type { LinkEvents } from './links.ts';
import { PacketEncoder } from './packet-encoder.ts';
import { unreachable } from './member.ts';
import type { LinkInput, Member, Role } from './member.ts';
import type { FollowedBy } from './status.ts';
import type { Link, SyncOp } from './world.ts';

/** A learner's backlog below this is nobody's concern. */
const WORTH_TELLING_BYTES = 1 << 20;

/** Performs what a zab leader wants done; a standalone member is a leader of nobody else. */
export class Leading implements Role, LinkEvents {
  readonly #member: Member;
  readonly #standalone: boolean;
  readonly #machine: Leader;
  readonly #loop: EffectLoop<LeaderInput, LeaderEffect>;
  readonly #links = new Map<LinkId, QuorumLink>();
  readonly #meter: LearnerMeter;
  readonly #encoder = new PacketEncoder();
  #serving = false;
  #retiring = false;

  constructor(member: Member) {
    const { config, world, history, epochs, ensemble, pendingEnsemble } = member;
    this.#member = member;
    this.#standalone = config.ensemble === null;
    this.#machine = new Leader({
      sid: config.sid,
      config: ensemble,
      lastSeen: pendingEnsemble,
      tickMs: config.tickTime,
      initLimit: config.initLimit,
      syncLimit: config.syncLimit,
      epochs,
      lastLogged: this.#standalone ? history.lastLogged : history.claimed, // what is not trusted makes no leader
      history,
      standalone: this.#standalone,
      snapshotSizeFactor: config.snapshotSizeFactor,
      reconfigEnabled: config.reconfigEnabled,
      forceSnapshotSync: config.forceSnapshotSync,
      maxConcurrentSnapSyncs: config.maxConcurrentSnapSyncs,
      maxConcurrentDiffSyncs: config.maxConcurrentDiffSyncs,
      maxTimeToWaitForEpochMs: config.leaderMaxTimeToWaitForEpoch,
    });
    this.#meter = new LearnerMeter(member.pipeline.metrics, world.clock, this.#links, () => this.#machine.learners());
    this.#loop = new EffectLoop(
      (input) => this.#machine.step(input, world.clock.now()),
      (effect) => this.#perform(effect),
    );
  }

  get name(): 'leading' | 'standalone' {
    return this.#standalone ? 'standalone' : 'leading';
  }

  get leader(): Sid {
    return this.#member.config.sid;
  }

  get isServing(): boolean {
    return this.#serving;
  }

  start(): void {
    const { history, world } = this.#member;
    const removed = history.tree.killOrphans();
    if (removed.length > 0) world.trace({ kind: 'orphansRemoved', paths: removed.map((change) => change.path) });
    if (!this.#standalone) world.learners.listen(); // before anything slow: learners give up after half a second (T30)
    this.#loop.feed({ kind: 'start' });
  }

  link(input: LinkInput): void {
    switch (input.kind) {
      case 'learnerLinked':
        return this.#linked(input.link);
      case 'linkData':
        return this.#links.get(input.link.id)?.received(input.chunk);
      case 'linkDrained':
        return this.#drained(input.link.id);
      case 'linkClosed':
        return this.#unlinked(input.link.id, input.reason);
      case 'leaderLinked':
        return input.link.close('leading meanwhile');
      case 'leaderUnreachable':
        return;
    }
  }

  /** A server's notification says that it looks for a leader. */
  looking(sid: Sid): void {
    this.#loop.feed({ kind: 'looking', sid });
  }

  tick(): void {
    for (const link of this.#links.values()) {
      const bytes = link.backlogBytes;
      if (bytes > WORTH_TELLING_BYTES) this.#loop.feed({ kind: 'backlog', link: link.id, bytes });
    }
    this.#meter.lookAtQueues();
    this.#loop.feed({ kind: 'tick' });
  }

  nextDeadline(): Millis {
    return this.#machine.nextDeadline();
  }

  retire(): void {
    this.#retiring = true;
  }

  get isIdle(): boolean {
    return this.#machine.uncommitted().length === 0;
  }

  close(reason: string): void {
    this.#loop.stop();
    if (!this.#standalone) this.#member.world.learners.unlisten();
    for (const link of this.#links.values()) link.close(reason);
    this.#links.clear();
  }

  lastCommitted(): Zxid | null {
    return this.#serving ? this.#machine.lastCommitted : null;
  }

  learners(): readonly FollowedBy[] {
    return this.#meter.report();
  }

  resetStats(): void {
    this.#meter.reset();
  }

  packet(link: QuorumLink, packet: QuorumPacket): void {
    if (packet.type === PacketType.ACK) this.#meter.acked(link, packet);
    this.#loop.feed({ kind: 'packet', link: link.id, packet });
  }

  imageBegins(): never {
    throw new JuteError('SNAP', 'comes from a learner');
  }

  image(): void {
    unreachable('no image was begun');
  }

  malformed(link: QuorumLink, reason: string): void {
    link.close(reason);
    this.#links.delete(link.id);
    this.#member.world.trace({ kind: 'linkRefused', remote: link.remote, reason });
    this.#loop.feed({ kind: 'unlinked', link: link.id });
  }

  #linked(link: Link): void {
    const { config, world } = this.#member;
    world.trace({ kind: 'linkOpened', remote: link.remote, side: 'leader' });
    const quorumLink = new QuorumLink(link, config, this);
    this.#meter.linked(quorumLink);
    this.#links.set(link.id, quorumLink);
    this.#loop.feed({ kind: 'linked', link: link.id, remote: link.remote });
  }

  #unlinked(id: LinkId, reason: string): void {
    const link = this.#links.get(id);
    if (!link) return;
    link.lost();
    this.#links.delete(id);
    this.#member.world.trace({ kind: 'linkClosed', remote: link.remote, reason });
    this.#loop.feed({ kind: 'unlinked', link: id });
  }

  #perform(effect: LeaderEffect): void {
    const { history, pipeline } = this.#member;
    switch (effect.kind) {
      case 'send':
        return this.#send(effect.link, effect.packet);
      case 'append':
        return history.append(effect.proposal, this.#persisted);
      case 'commit':
        history.leaveTail(effect.proposal);
        return this.#member.commit(effect.proposal);
      case 'request':
        return this.#request(effect);
      case 'touch':
        return pipeline.touch(effect.session, effect.timeOut);
      case 'revalidate': {
        if (this.#retiring) return; // no answer is better than a wrong one: the client asks the next leader
        const { link, session, timeOut } = effect;
        return this.#loop.feed({ kind: 'revalidated', link, session, valid: pipeline.revalidate(link, session, timeOut) });
      }
      case 'synced':
        return (effect.token as () => void)();
      case 'sendImage':
        return this.#sendImage(effect.link);
      case 'disconnect':
        return this.#disconnect(effect.link, effect.reason);
      case 'saveEpochs':
        return this.#member.saveEpochs(effect.epochs, () => this.#loop.feed({ kind: 'epochsSaved' }));
      case 'proposedConfig':
        return this.#member.seeProposed(effect.config);
      case 'config':
        return this.#member.adopt(effect.config);
      case 'serve':
        return this.#serve(effect.epoch, effect.lastZxid);
      case 'stepDown':
        return this.#member.leave(effect.reason);
    }
  }

  readonly #persisted = (upTo: Zxid): void => this.#loop.feed({ kind: 'persisted', zxid: upTo });

  #send(id: LinkId, packet: QuorumPacket): void {
    const link = this.#links.get(id);
    if (!link) return;
    if (packet.type === PacketType.PROPOSAL) this.#meter.proposed(link, asZxid(packet.zxid));
    else if (packet.type === PacketType.DIFF) this.#traceSync(id, 'DIFF', asZxid(packet.zxid));
    else if (packet.type === PacketType.TRUNC) this.#traceSync(id, 'TRUNC', asZxid(packet.zxid));
    link.sendEncoded(this.#encoder.encode(packet));
  }

  #sendImage(id: LinkId): void {
    const { tree } = this.#member.history;
    this.#links.get(id)?.sendImage(snapStream(tree.lastZxid, encodeImage(tree.image())));
    this.#traceSync(id, 'SNAP', tree.lastZxid);
  }

  #traceSync(id: LinkId, op: SyncOp, to: Zxid): void {
    const learner = this.#machine.learners().find((status) => status.link === id);
    if (learner && learner.sid !== null) this.#member.world.trace({ kind: 'syncing', side: 'leader', sid: learner.sid, op, from: null, to });
  }

  /** An image that is being taken is a sign of life, however long it takes. */
  #drained(id: LinkId): void {
    const link = this.#links.get(id);
    if (!link?.isStreaming) return;
    this.#loop.feed({ kind: 'imageTaken', link: id });
    link.drained();
  }

  #disconnect(id: LinkId, reason: string): void {
    const link = this.#links.get(id);
    if (!link) return;
    this.#links.delete(id);
    link.close(reason);
    this.#member.world.trace({ kind: 'linkClosed', remote: link.remote, reason });
  }

  #request({ link, session, cxid, op, body, authinfo }: Extract<LeaderEffect, { kind: 'request' }>): void {
    if (this.#retiring) return; // whoever asked it hears of a lost connection, as from a leader that vanished
    const answerSync = op === OpCode.sync ? () => this.#loop.feed({ kind: 'sync', token: null, link }) : undefined;
    this.#meter.requested(link);
    this.#member.pipeline.forwarded(link, session, cxid, op, body, authinfo, answerSync);
  }

  #serve(epoch: Epoch, lastZxid: Zxid): void {
    this.#member.history.tree.lastZxid = lastZxid;
    this.#serving = true;
    this.#member.serve(this.#authority(), epoch);
  }

  #authority(): Authority {
    const member = this.#member;
    return {
      role: this.#standalone ? 'standalone' : 'leader',
      get takesWrites() {
        return member.hasRoom;
      },
      nextZxid: () => this.#machine.nextZxid(),
      propose: (proposal) => this.#loop.feed({ kind: 'propose', proposal }),
      request: () => unreachable('a leader has nobody to forward to'),
      sync: (answer) => this.#loop.feed({ kind: 'sync', token: answer }),
      revalidate: () => unreachable('a leader knows its sessions'),
    };
  }
}
