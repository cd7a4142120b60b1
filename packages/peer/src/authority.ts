import type { Id, Proposal, SessionId, Zxid } from '@zk/protocol';
import type { ServingRole } from './world.ts';

/** Where the pipeline sends what it cannot decide alone; a new one for each period of service. */
export interface Authority {
  readonly role: ServingRole;
  /** False: reads are answered, and writes refused with NOTREADONLY: without a quorum, or with a full disk. */
  readonly takesWrites: boolean;
  /** Leader, standalone: reserves the next zxid. Null: the counter is exhausted, and this service is about to end. */
  nextZxid(): Zxid | null;
  /** Leader, standalone: in the order of the zxids reserved. */
  propose(proposal: Proposal): void;
  /** Learner: REQUEST to the leader, syncs included. */
  request(session: SessionId, cxid: number, op: number, body: Buffer, authinfo: Id[] | null): void;
  /** Leader, standalone: `answer` runs after everything outstanding now is committed. */
  sync(answer: () => void): void;
  /** Learner: asks the leader whether the session lives; the answer is `pipeline.revalidated`. */
  revalidate(session: SessionId, timeOut: number): void;
}
