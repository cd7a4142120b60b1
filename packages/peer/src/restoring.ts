import { asZxid, epochOf, type Millis, type Zxid } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import { NO_ROOM } from './disk-state.ts';
import type { MemberHistory } from './history.ts';
import type { RoleName, World } from './world.ts';

/** What becomes of a restore: the zxid that the new database has, or why the old one is still there. */
export type RestoreAnswer = { readonly zxid: Zxid } | { readonly refused: string };

/** A tree that is to take the place of this member's. */
export interface RestoreRequest {
  readonly tree: DataTree;
  readonly answer: (answer: RestoreAnswer) => void;
}

/** What a restore asks about the member, and of it. */
export interface Restorable {
  readonly history: MemberHistory;
  readonly world: World;
  readonly role: RoleName;
  /** Whoever serves writes. */
  readonly isServing: boolean;
  readonly currentEpoch: bigint;
  readonly hasRoom: boolean;
  /** Takes nothing new in; what was asked is still answered. */
  retire(): void;
  /** Everything that was asked has been answered, and nothing is proposed that is not committed. */
  isIdle(): boolean;
  endService(reason: string): void;
  /** The role ends, and another begins. */
  leave(reason: string): void;
}

const REASON = 'the database has been restored';

/**
 * The exchange of a whole database for one from outside (the AdminServer's restore), as if it were one more txn: by the
 * server that hands out zxids, under the next one of them, so that no client has seen a later one and no zxid means two
 * things. It waits until nothing is under way, is saved as an image from a leader would be, and only then ends the role.
 *
 * In an ensemble the leader's history is then the longest: it is elected again, and sends its tree to every member. Until
 * a quorum has it, a crash of the leader can undo it, like any write that has not been answered.
 */
export class Restoring {
  readonly #member: Restorable;
  #request: RestoreRequest | null = null;
  #phase: 'none' | 'waiting' | 'saving' | 'saved' = 'none';
  #until: Millis = Infinity;
  #zxid = asZxid(0n);

  constructor(member: Restorable) {
    this.#member = member;
  }

  /** When {@link proceed} has to be called even if nothing happens. */
  nextDeadline(): Millis {
    return this.#phase === 'waiting' ? this.#until : Infinity;
  }

  /** @param patienceMs how long it waits for what is under way */
  begin(request: RestoreRequest, patienceMs: number): void {
    const refused = this.whyNot() ?? this.#whyNotThis(request.tree);
    if (refused !== null) return request.answer({ refused });
    this.#request = request;
    this.#phase = 'waiting';
    this.#until = this.#member.world.clock.now() + patienceMs;
    this.#member.retire();
  }

  /** After every step. */
  proceed(): void {
    if (this.#phase !== 'waiting' || this.#request === null) return;
    if (this.#member.isIdle()) return this.#save(this.#request.tree);
    if (this.#member.world.clock.now() < this.#until) return;
    this.#end({ refused: 'what was under way did not come to an end' });
    this.#member.leave('a restore was given up'); // the next role takes requests again
  }

  /** A role ends, whatever for. */
  roleEnds(): void {
    if (this.#phase === 'waiting') this.#end({ refused: 'this server stopped serving' });
  }

  /** @param leads false: another member was elected, and this one takes its tree */
  served(leads: boolean): void {
    if (this.#phase !== 'saved') return;
    this.#end(leads ? { zxid: this.#zxid } : { refused: 'another member was elected meanwhile: its tree counts' });
  }

  /** The member is about to stop. Alone, what is saved is what its next start serves. */
  stopped(isAlone: boolean): void {
    if (this.#phase === 'none') return;
    this.#end(isAlone && this.#phase === 'saved' ? { zxid: this.#zxid } : { refused: 'this server has been stopped: which tree counts is not known yet' });
  }

  /** Whatever the tree. */
  whyNot(): string | null {
    const { role, isServing, hasRoom } = this.#member;
    if (this.#phase !== 'none') return 'another restore is under way';
    if (!isServing || (role !== 'standalone' && role !== 'leading')) return `this server is ${role}: restore the leader, the others get the tree from it`;
    return hasRoom ? null : NO_ROOM;
  }

  #whyNotThis(tree: DataTree): string | null {
    const { role, currentEpoch } = this.#member;
    if (role === 'leading' && epochOf(tree.lastZxid) > currentEpoch) return `the snapshot is of epoch ${epochOf(tree.lastZxid)}, this ensemble is in epoch ${currentEpoch}: stop all members and use zk-server restore`;
    return null;
  }

  #save(tree: DataTree): void {
    const { history } = this.#member;
    this.#phase = 'saving';
    this.#member.endService(REASON);
    this.#zxid = history.restore(tree, () => {
      this.#phase = 'saved';
      this.#member.leave(REASON);
    });
  }

  #end(answer: RestoreAnswer): void {
    const request = this.#request;
    this.#request = null;
    this.#phase = 'none';
    request?.answer(answer);
  }
}
