import { asSid, asZxid, invariant } from '@zk/protocol';
import type { EnsembleConfig, Millis, Sid } from '@zk/protocol';
import type { ElectionInput } from '@zk/election';
import type { Checkpoints } from './checkpoints.ts';
import { NO_ROOM } from './disk-state.ts';
import { Draining } from './draining.ts';
import type { Elected, Electorate } from './electorate.ts';
import { roleIn } from './ensemble-configs.ts';
import { Leading } from './leading.ts';
import { Learning } from './learning.ts';
import { Looking } from './looking.ts';
import type { Search } from './looking.ts';
import type { Member, Role } from './member.ts';
import type { Restoring } from './restoring.ts';
import { Stopped } from './stopped.ts';
import type { Stopping } from './stopping.ts';

/** What a change of roles involves besides the member. */
export interface RoleParts {
  readonly electorate: Electorate;
  readonly checkpoints: Checkpoints;
  readonly stopping: Stopping;
  readonly restoring: Restoring;
}

/**
 * A member's roles, one after the other: looking, then leading, following or observing, then draining, and looking again,
 * unless it is known who leads. Alone there is nobody to look for: leading, draining, and leading again.
 */
export class Roles {
  readonly #member: Member & Search;
  readonly #parts: RoleParts;
  #current: Role = new Stopped();
  #since: Millis;
  /** Why the role is to end, once the step under way is done. */
  #leaving: string | null = null;
  /** Set by a reconfig: what to be next, without an election. */
  #appointment: Extract<ElectionInput, { kind: 'appointed' }> | null = null;
  /** Who is to be asked for its tree, without an election. */
  #askAgain: Sid | null = null;

  constructor(member: Member & Search, parts: RoleParts) {
    this.#member = member;
    this.#parts = parts;
    this.#since = member.world.clock.now();
  }

  get current(): Role {
    return this.#current;
  }

  /** How long the member has been in its role, ms. */
  get currentForMs(): Millis {
    return this.#member.world.clock.now() - this.#since;
  }

  /** Nothing is under way: what was asked is answered, and what was proposed is committed. */
  get isIdle(): boolean {
    return this.#member.pipeline.isIdle && this.#current.isIdle !== false;
  }

  /** The first role, unless the member has been asked to stop meanwhile. */
  begin(): void {
    if (this.#current.name !== 'stopped' || this.#parts.stopping.isAsked) return;
    if (this.#isAlone) this.#become(new Leading(this.#member), 'standalone');
    else this.#become(new Looking(this.#member, this.#member, 0), 'started');
  }

  /** Takes nothing new in; what was asked is still answered. */
  retire(): void {
    this.#member.pipeline.retire();
    this.#current.retire?.();
  }

  /** Takes effect with {@link proceed}, because whoever asks may be in the middle of something. The first reason counts. */
  leave(reason: string): void {
    this.#leaving ??= reason;
  }

  /** A reconfig may move the leader, or this member's role: then the next role begins without an election (13.4). */
  reconfigured(ensemble: EnsembleConfig, designatedLeader: Sid): void {
    const { config: { sid, reconfigEnabled }, ensemble: before } = this.#member;
    if (!reconfigEnabled) return;
    this.#member.adopt(ensemble);
    const role = roleIn(ensemble, sid);
    if (role === roleIn(before, sid) && designatedLeader === this.#current.leader) return;
    const state = designatedLeader === sid ? 'LEADING' : role === 'observer' ? 'OBSERVING' : 'FOLLOWING';
    const vote = { leader: designatedLeader, zxid: ensemble.version, electionEpoch: -1n, peerEpoch: -1n };
    this.#appointment = { kind: 'appointed', vote, state };
    this.leave(`reconfigured: ${designatedLeader} leads`);
  }

  /** {@link leave}, and back to that leader for its whole tree. */
  askForTree(leader: Sid, reason: string): void {
    this.#askAgain = leader;
    this.leave(reason);
  }

  /** After every step. */
  proceed(): void {
    if (this.#leaving === null) return;
    const reason = this.#leaving;
    const { stopping, restoring } = this.#parts;
    this.#leaving = null;
    stopping.roleEnds();
    restoring.roleEnds();
    this.#close(reason);
    if (stopping.isAsked && !this.#member.hasRoom) return stopping.close(reason);
    this.#become(this.#draining(reason), reason);
  }

  elected({ vote, state }: Elected): void {
    const { name } = this.#current;
    invariant(name === 'looking' || name === 'draining', 'a leader is found between roles');
    const { zxid, electionEpoch, peerEpoch } = vote;
    const leader = asSid(vote.leader);
    this.#member.world.trace({ kind: 'elected', leader, zxid: asZxid(zxid), electionEpoch, peerEpoch });
    this.#close('a leader was elected');
    if (state === 'LEADING') this.#become(new Leading(this.#member), 'elected');
    else this.#become(new Learning(this.#member, leader, state === 'OBSERVING' ? 'observing' : 'following'), `elected ${leader}`);
    if (!this.#member.hasRoom) this.leave(NO_ROOM);
  }

  /** The last one. */
  stopped(reason: string): void {
    this.#become(new Stopped(), reason);
  }

  #become(role: Role, reason: string): void {
    // Until it serves, a learner's log may be cut to what its leader has, and that is not all committed yet.
    if (role.name === 'following' || role.name === 'observing') this.#parts.checkpoints.isTreeCommitted = false;
    const { world } = this.#member;
    this.#current = role;
    this.#since = world.clock.now();
    world.trace({ kind: 'role', role: role.name, reason });
    role.start();
  }

  /** Stops accepting, then serving, and only then lets the log become quiet (quorum.md 8.5, T56). */
  #close(reason: string): void {
    this.#current.close(reason);
    this.#member.endService(reason);
  }

  #draining(reason: string): Draining {
    const { checkpoints, electorate, stopping } = this.#parts;
    const appliesTail = this.#isAlone || !stopping.isAsked; // alone, what is durable is committed
    if (this.#askAgain === null && this.#appointment === null) electorate.step({ kind: 'left' }); // otherwise the leader is known
    const whenIdle = (action: () => void): void => checkpoints.whenIdle(action);
    return new Draining(this.#member, { whenIdle, appliesTail, mayServeReads: !stopping.isAsked, drained: (applied) => this.#drained(reason, applied) });
  }

  #drained(reason: string, applied: number): void {
    const { checkpoints, stopping } = this.#parts;
    if (applied > 0 && !this.#isAlone) checkpoints.isTreeCommitted = false;
    if (stopping.isAsked) return stopping.finish(reason);
    if (this.#isAlone) return this.#become(new Leading(this.#member), reason);
    this.#rejoin(reason);
  }

  /** Back to the others: to whom this member was told to go, or to whomever they elect. */
  #rejoin(reason: string): void {
    const { electorate } = this.#parts;
    const isObserver = electorate.ownRole === 'observer';
    const leader = this.#askAgain;
    this.#askAgain = null;
    if (leader !== null) return this.#become(new Learning(this.#member, leader, isObserver ? 'observing' : 'following', true), `asking ${leader} for its tree`);
    const appointment = this.#appointment;
    this.#appointment = null;
    if (appointment) return electorate.step(appointment);
    const { config, world } = this.#member;
    const delayMs = isObserver ? Math.floor(world.random.next() * config.election.observerElectionDelayMs) : 0;
    this.#become(new Looking(this.#member, this.#member, delayMs), reason);
  }

  /** A standalone server: an ensemble of one. */
  get #isAlone(): boolean {
    return this.#member.config.ensemble === null;
  }
}
