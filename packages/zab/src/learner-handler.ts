import type { Millis, QuorumPacket, Sid, Zxid } from '@zk/protocol';
import type { LearnerStatus, LinkId } from './leader-io.ts';

/**
 * How far a learner has come, from the leader's side (quorum.md 6.2 to 7.6):
 *
 * - `introducing`: its FOLLOWERINFO or OBSERVERINFO is awaited
 * - `epoch`: LEADERINFO leaves once the new epoch is agreed and saved
 * - `promising`: its ACKEPOCH is awaited
 * - `promised`: the sync starts once a quorum has promised
 * - `syncing`: DIFF, TRUNC or SNAP and NEWLEADER are on their way; its ACK of NEWLEADER is awaited
 * - `ready`: UPTODATE leaves once a quorum has acked NEWLEADER
 * - `synced`: it serves clients
 */
export type HandlerPhase = 'introducing' | 'epoch' | 'promising' | 'promised' | 'syncing' | 'ready' | 'synced';

/** Lengths of time in ms. */
export interface Limits {
  readonly initMs: Millis;
  readonly syncMs: Millis;
}

/** What the leader knows of one learner connection. */
export class LearnerHandler {
  readonly link: LinkId;
  readonly remote: string;
  sid: Sid | null = null;
  isParticipant = false;
  phase: HandlerPhase = 'introducing';
  /** How it is being brought up to date, from the sync on. */
  syncedBy: 'image' | 'history' | null = null;
  /** Where its history ended when it promised. */
  lastLogged: Zxid | null = null;
  readonly #limits: Limits;
  readonly #stopwatch = new AckStopwatch();
  #acked: Zxid | null = null;
  /** Heard from until here, or else the connection is closed. */
  #deadline: Millis;
  /** Counts as following until here: generous at first, for syncing takes its time (quorum.md 10). */
  #aliveUntil: Millis;
  #backlogBytes = 0;
  #heldCommits: QuorumPacket[] = [];

  constructor(link: LinkId, remote: string, limits: Limits, now: Millis) {
    this.link = link;
    this.remote = remote;
    this.#limits = limits;
    this.#deadline = now + limits.initMs;
    this.#aliveUntil = now + limits.initMs + limits.syncMs;
  }

  /** Everything proposed goes to it: its history is fixed, what follows must reach it without a hole (17.1 T9). */
  get isForwarding(): boolean {
    return this.isParticipant && this.#isSyncedOrSyncing;
  }

  /** Everything committed goes to it. */
  get isObserving(): boolean {
    return !this.isParticipant && this.#isSyncedOrSyncing;
  }

  /** It holds the leader's history of all earlier epochs on disk. */
  get hasAckedNewLeader(): boolean {
    return this.phase === 'ready' || this.phase === 'synced';
  }

  /** PINGs go where the sync's packets went. */
  get isPinged(): boolean {
    return this.#isSyncedOrSyncing;
  }

  /** Its log is on disk up to and including `zxid`. Participants only; whether it is a voter is the config's business. */
  hasLogged(zxid: Zxid): boolean {
    return this.isParticipant && this.hasAckedNewLeader && this.#acked !== null && this.#acked >= zxid;
  }

  get #isSyncedOrSyncing(): boolean {
    return this.phase === 'syncing' || this.hasAckedNewLeader;
  }

  enter(phase: HandlerPhase, now: Millis): void {
    this.phase = phase;
    this.heard(now);
  }

  heard(now: Millis): void {
    const isSynced = this.phase === 'synced';
    this.#deadline = now + (isSynced ? this.#limits.syncMs : this.#limits.initMs);
    if (isSynced) this.#aliveUntil = this.#deadline;
  }

  /** Only what was proposed after the ACK of NEWLEADER is timed: before, the learner is busy with its history. */
  proposed(zxid: Zxid, now: Millis): void {
    if (this.hasAckedNewLeader) this.#stopwatch.proposed(zxid, now);
  }

  /** Channels are FIFO and logs have no holes, so an ack covers everything before it. */
  acked(zxid: Zxid): void {
    this.#stopwatch.acked(zxid);
    if (this.#acked === null || zxid > this.#acked) this.#acked = zxid;
  }

  /**
   * A COMMIT between NEWLEADER and UPTODATE may be late by that much, and must be: Apache before 3.8.1 ends with a null
   * dereference when one comes for a proposal it has just handed to its log (ZOOKEEPER-4394).
   * @returns whether it was kept for `takeHeldCommits`
   */
  holdsCommit(commit: QuorumPacket): boolean {
    if (this.phase === 'synced') return false;
    this.#heldCommits.push(commit);
    return true;
  }

  /** What was held back, in order, now that UPTODATE is on its way. */
  takeHeldCommits(): QuorumPacket[] {
    return this.#heldCommits.splice(0);
  }

  isAlive(now: Millis): boolean {
    return now <= this.#aliveUntil;
  }

  /** Why the connection must be closed now, or null. */
  expiry(now: Millis): string | null {
    if (now > this.#deadline) return `nothing heard for ${this.#limit} ms in phase ${this.phase}`;
    const waiting = this.#stopwatch.waitingSince;
    if (waiting !== null && now - waiting > this.#limits.syncMs) {
      return `has not acked a proposal for ${this.#limits.syncMs} ms`;
    }
    return null;
  }

  /** True when too much is waiting to be sent. During the sync there is no such thing: images are large. */
  backlog(bytes: number, max: number, now: Millis): boolean {
    if (this.phase === 'synced') return bytes > max;
    if (bytes < this.#backlogBytes) this.progressed(now);
    this.#backlogBytes = bytes;
    return false;
  }

  /** It takes what is sent to it: a sign of life, when there is much to take. */
  progressed(now: Millis): void {
    this.heard(now);
    this.#aliveUntil = Math.max(this.#aliveUntil, now + this.#limits.initMs);
  }

  status(now: Millis): LearnerStatus {
    const { link, remote, sid } = this;
    return {
      link,
      remote,
      sid,
      role: this.isParticipant ? 'participant' : 'observer',
      phase: this.phase === 'synced' ? 'synced' : this.#isSyncedOrSyncing ? 'syncing' : 'discovery',
      acked: this.#acked,
      alive: this.isAlive(now),
    };
  }

  get #limit(): Millis {
    return this.phase === 'synced' ? this.#limits.syncMs : this.#limits.initMs;
  }
}

/**
 * Times one unacked proposal and remembers the newest one for afterwards: enough to notice a learner that stopped
 * acking (quorum.md 10.3). Plain fields, since every proposal passes here once per learner.
 */
class AckStopwatch {
  #current: Zxid | null = null;
  #currentAt: Millis = 0;
  #next: Zxid | null = null;
  #nextAt: Millis = 0;

  get waitingSince(): Millis | null {
    return this.#current === null ? null : this.#currentAt;
  }

  proposed(zxid: Zxid, now: Millis): void {
    if (this.#current === null) {
      this.#current = zxid;
      this.#currentAt = now;
    } else {
      this.#next = zxid;
      this.#nextAt = now;
    }
  }

  acked(zxid: Zxid): void {
    if (this.#current === null || zxid < this.#current) return;
    this.#current = this.#next !== null && this.#next > zxid ? this.#next : null;
    this.#currentAt = this.#nextAt;
    this.#next = null;
  }
}
