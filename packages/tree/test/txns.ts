import { asSessionId, OPEN_ACL, OpCode, type ACL, type SessionId, type Txn, type TxnBody, type Zxid } from '@zk/protocol';
import { DataTree, type Outcome } from '../src/index.ts';

/** Of the trees that histories are played to. */
export const options = { extendedTypes: true };

export function treeAfter(txns: readonly Txn[], tree = new DataTree(options)): DataTree {
  for (const txn of txns) tree.apply(txn);
  return tree;
}

/** Applies bodies one after the other, each as a txn of its own with the next zxid and 1000 ms + zxid as time. */
export class Applier {
  readonly tree: DataTree;

  constructor(tree: DataTree) {
    this.tree = tree;
  }

  apply(body: TxnBody, session: SessionId = ALICE): Outcome {
    return this.tree.apply(this.txn(body, this.tree.lastZxid + 1n, session));
  }

  txn(body: TxnBody, zxid: bigint, session: SessionId = ALICE): Txn {
    const header = { clientId: session, cxid: 1, zxid: zxid as Zxid, time: 1000n + zxid, type: body.type };
    return { header, body, digest: null };
  }

  create(path: string, data: string | null = '', options: Partial<CreateOptions> = {}): Outcome {
    return this.apply(this.createBody(path, data, options), options.session);
  }

  createBody(path: string, data: string | null, options: Partial<CreateOptions> = {}): TxnBody {
    const parent = this.tree.node(path.slice(0, path.lastIndexOf('/')));
    const parentCVersion = options.parentCVersion ?? (parent?.cversion ?? 0) + 1;
    const { type = OpCode.create, acl = OPEN_ACL, ephemeral = false } = options;
    return { type, path, data: data === null ? null : Buffer.from(data), acl: [...acl], ephemeral, parentCVersion };
  }

  setData(path: string, data: string | null): Outcome {
    const version = (this.tree.node(path)?.version ?? 0) + 1;
    return this.apply({ type: OpCode.setData, path, data: data === null ? null : Buffer.from(data), version });
  }

  delete(path: string): Outcome {
    return this.apply({ type: OpCode.delete, path });
  }
}

export interface CreateOptions {
  type: typeof OpCode.create | typeof OpCode.create2;
  acl: readonly ACL[];
  ephemeral: boolean;
  session: SessionId;
  parentCVersion: number;
}

export const ALICE = asSessionId(0x1000000000000001n);
export const BOB = asSessionId(0x1000000000000002n);
