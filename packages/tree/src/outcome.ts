import type { ACL, Stat } from '@zk/protocol';
import { decodeStat } from './znode.ts';

/** What one operation of a txn came to. */
export interface OpOutcome {
  /** The txn's type; −1 for an operation of a multi that failed. */
  readonly type: number;
  /** 0 or a ZooKeeper error code. */
  readonly err: number;
  readonly path: string | null;
  /**
   * The Stat right after this operation, as 68 bytes ready for the wire; null where the reply has none. Valid until the next
   * `apply`.
   */
  readonly statBytes: Buffer | null;
  readonly stat: Stat | null;
}

const NO_CHANGES: readonly Change[] = [];

/** What a whole txn came to. For a multi, `err` is the first error among its operations. */
export class Outcome implements OpOutcome {
  readonly type: number;
  readonly err: number;
  readonly path: string | null;
  readonly statBytes: Buffer | null;
  readonly results: readonly OpOutcome[] | null;
  /** In the order in which watches must fire. */
  changes: readonly Change[] = NO_CHANGES;
  digestMismatch: DigestMismatch | undefined = undefined;

  constructor(type: number, err: number, path: string | null = null, statBytes: Buffer | null = null, results: readonly OpOutcome[] | null = null) {
    this.type = type;
    this.err = err;
    this.path = path;
    this.statBytes = statBytes;
    this.results = results;
  }

  get stat(): Stat | null {
    return this.statBytes && decodeStat(this.statBytes);
  }
}

/** The tree differs from what the proposer's (`expected`) said it would be. Reported, never fatal (quorum.md 14). */
export interface DigestMismatch {
  expected: bigint;
  actual: bigint;
}

/** One change of a znode, with the ACLs that decide who may hear of it (client.md 4.4). */
export interface Change {
  event: 'created' | 'deleted' | 'dataChanged';
  path: string;
  /** '/' for first-level znodes; null for dataChanged, which does not concern the parent. */
  parent: string | null;
  acl: readonly ACL[];
  parentAcl: readonly ACL[];
}
