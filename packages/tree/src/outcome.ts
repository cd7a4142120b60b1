import type { ACL, Stat } from '@zk/protocol';
import { decodeStat } from './znode.ts';

/** What one operation of a txn came to. */
export class OpOutcome {
  /** The txn's type; −1 for an operation of a multi that failed. */
  readonly type: number;
  /** 0 or a ZooKeeper error code. */
  readonly err: number;
  readonly path: string | null;
  /** The Stat right after this operation, as 68 bytes ready for the wire; null where the reply has none. */
  readonly statBytes: Buffer | null;

  constructor(type: number, err: number, path: string | null = null, statBytes: Buffer | null = null) {
    this.type = type;
    this.err = err;
    this.path = path;
    this.statBytes = statBytes;
  }

  get stat(): Stat | null {
    return this.statBytes && decodeStat(this.statBytes);
  }
}

/** What a whole txn came to. For a multi, `err` is the first error among its operations. */
export class Outcome extends OpOutcome {
  readonly results: OpOutcome[] | null;
  /** In the order in which watches must fire. */
  readonly changes: Change[];
  digestMismatch?: DigestMismatch;

  constructor(op: OpOutcome, results: OpOutcome[] | null, changes: Change[]) {
    super(op.type, op.err, op.path, op.statBytes);
    this.results = results;
    this.changes = changes;
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
  acl: ACL[];
  parentAcl: ACL[];
}
