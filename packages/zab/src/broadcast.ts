import { PacketType, violated, zxidOf } from '@zk/protocol';
import type { Epoch, JointQuorum, Millis, Proposal, QuorumPacket, Sid, Zxid } from '@zk/protocol';
import type { LeaderOptions, LinkId } from './leader-io.ts';
import type { Learners } from './learners.ts';
import type { Outbox } from './outbox.ts';
import { informPacket, packet as makePacket, proposalPacket, SYNC } from './payloads.ts';
import { OutstandingProposals } from './proposals.ts';

/** A sync waits for everything proposed before it. */
interface WaitingSync {
  readonly after: Zxid;
  readonly token: unknown;
  readonly link: LinkId | undefined;
}

/** Proposals out, acks in, commits out: what an established leader does all day (quorum.md 9.1). */
export class Broadcast {
  readonly #options: LeaderOptions;
  readonly #learners: Learners;
  readonly #outbox: Outbox;
  readonly #syncs: WaitingSync[] = [];
  /** Reused: quorums are tested once or more per ack. */
  readonly #loggedBy = new Set<Sid>();
  #proposals: OutstandingProposals;
  /** Null standalone: our own disk decides. */
  #quorum: JointQuorum | null = null;
  #ownLogged: Zxid;
  #lastCommitted: Zxid;

  constructor(options: LeaderOptions, learners: Learners, outbox: Outbox) {
    this.#options = options;
    this.#learners = learners;
    this.#outbox = outbox;
    this.#proposals = new OutstandingProposals(options.lastLogged);
    this.#ownLogged = options.lastLogged;
    this.#lastCommitted = options.lastLogged;
  }

  get proposals(): OutstandingProposals {
    return this.#proposals;
  }

  get lastCommitted(): Zxid {
    return this.#lastCommitted;
  }

  /** A quorum follows, and agrees on all history before this epoch. */
  begin(epoch: Epoch, quorum: JointQuorum): void {
    this.#quorum = quorum;
    this.#lastCommitted = zxidOf(epoch, 0);
    this.#proposals = new OutstandingProposals(this.#lastCommitted);
  }

  /** Null when the epoch has no zxid left; standalone nobody has to agree to the next one. */
  reserve(): Zxid | null {
    const zxid = this.#proposals.reserve();
    if (zxid !== null || !this.#options.standalone) return zxid;
    this.#proposals.enterNextEpoch();
    return this.#proposals.reserve();
  }

  propose(proposal: Proposal, now: Millis): void {
    this.#proposals.push(proposal);
    let packet: QuorumPacket | null = null;
    for (const handler of this.#learners) {
      if (!handler.isForwarding) continue;
      this.#outbox.send(handler.link, (packet ??= proposalPacket(proposal)));
      handler.proposed(proposal.zxid, now);
    }
    // Sent first: the learners' disks work while ours does.
    this.#outbox.push({ kind: 'append', proposal });
  }

  /** The own log is on disk up to here. */
  persisted(zxid: Zxid): void {
    if (zxid > this.#ownLogged) this.#ownLogged = zxid;
    this.acked(zxid);
  }

  /** Somebody's log is on disk up to here. What lies above it has no more acks than before; nor is there any news of what was committed. */
  acked(zxid: Zxid): void {
    const { head } = this.#proposals;
    if (head !== undefined && head.zxid <= zxid) this.commitWhatHasQuorum();
  }

  /** Only the head is examined: Zab commits in zxid order or not at all (17.1 T13). */
  commitWhatHasQuorum(): void {
    for (let head = this.#proposals.head; head && this.#isLoggedByQuorum(head.zxid); head = this.#proposals.head) {
      this.#proposals.shift();
      this.#commit(head);
    }
  }

  /** Answered after the COMMIT it waits for, on the same link: that order is the whole point of a sync (9.5). */
  sync(token: unknown, link: LinkId | undefined): void {
    this.#syncs.push({ after: this.#proposals.lastProposed, token, link });
    this.#answerSyncs();
  }

  #isLoggedByQuorum(zxid: Zxid): boolean {
    const isLoggedHere = this.#ownLogged >= zxid; // our disk is one vote among the others
    if (this.#quorum === null) return isLoggedHere;
    this.#loggedBy.clear();
    if (isLoggedHere) this.#loggedBy.add(this.#options.sid);
    for (const handler of this.#learners) {
      if (handler.sid !== null && handler.hasLogged(zxid)) this.#loggedBy.add(handler.sid);
    }
    return this.#quorum.isQuorum(this.#loggedBy); // voters only, and each of them once (17.1 T14)
  }

  #commit(proposal: Proposal): void {
    const { zxid } = proposal;
    if (zxid <= this.#lastCommitted) violated('commits only move forward', { zxid, lastCommitted: this.#lastCommitted });
    this.#lastCommitted = zxid;
    this.#options.history.committed.add(proposal);
    this.#outbox.push({ kind: 'commit', proposal });
    let commit: QuorumPacket | null = null;
    let inform: QuorumPacket | null = null;
    for (const handler of this.#learners) {
      if (handler.isForwarding) {
        commit ??= makePacket(PacketType.COMMIT, zxid);
        if (!handler.holdsCommit(commit)) this.#outbox.send(handler.link, commit);
      } else if (handler.isObserving) {
        this.#outbox.send(handler.link, (inform ??= informPacket(proposal))); // it never saw the PROPOSAL
      }
    }
    this.#answerSyncs();
  }

  #answerSyncs(): void {
    const isIdle = this.#proposals.head === undefined;
    for (let next = this.#syncs[0]; next && (isIdle || next.after <= this.#lastCommitted); next = this.#syncs[0]) {
      this.#syncs.shift();
      if (next.link === undefined) this.#outbox.push({ kind: 'synced', token: next.token });
      else if (this.#learners.has(next.link)) this.#outbox.send(next.link, SYNC);
    }
  }
}
