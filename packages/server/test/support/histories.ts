import fc from 'fast-check';
import { asSessionId, asZxid, hex, OpCode, proposalOf, type Proposal, type TxnBody } from '@zk/protocol';
import { DataTree } from '@zk/tree';

/** A history of txns, and what the tree is after each of them. */
export interface KnownHistory {
  readonly proposals: readonly Proposal[];
  /** `treeText` by zxid, the empty database first. */
  readonly trees: ReadonlyMap<bigint, string>;
}

type Step = readonly [kind: number, target: number, size: number];

/** Random steps: creates, ephemerals among them, writes, deletes, ACLs, multis, sessions that begin and end. */
export const steps: fc.Arbitrary<Step[]> = fc.array(fc.tuple(fc.nat(9), fc.nat(11), fc.nat(300)), { minLength: 1, maxLength: 60 });

const SESSION = asSessionId(0x1000_0000_0000_0001n);
const ACL = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const START_TIME = 1_750_000_000_000n;

/** One txn a step, a second apart, in two epochs. */
export function historyOfSteps(list: readonly Step[]): KnownHistory {
  const tree = new DataTree();
  const trees = new Map([[0n, treeText(tree)]]);
  const proposals: Proposal[] = [];
  const turn = Math.ceil(list.length / 2);
  list.forEach((step, index) => {
    const zxid = asZxid(index < turn ? BigInt(index + 1) : (1n << 32n) + BigInt(index - turn + 1));
    const body = bodyOf(step);
    const header = { clientId: SESSION, cxid: index, zxid, time: START_TIME + BigInt(index) * 1000n, type: body.type };
    const before = proposalOf({ header, body, digest: null });
    tree.apply(before.txn);
    proposals.push(proposalOf({ header, body, digest: { version: 2, treeDigest: tree.digest } }));
    trees.set(zxid, treeText(tree));
  });
  return { proposals, trees };
}

function bodyOf([kind, target, size]: Step): TxnBody {
  const path = target < 6 ? `/n${target}` : `/n${target - 6}/c${size % 3}`;
  const data = Buffer.alloc(size, target);
  switch (kind) {
    case 0:
    case 1:
    case 2:
      return { type: OpCode.create, path, data, acl: ACL, ephemeral: kind === 2, parentCVersion: -1 };
    case 3:
    case 4:
      return { type: OpCode.setData, path, data, version: size };
    case 5:
      return { type: OpCode.delete, path };
    case 6:
      return { type: OpCode.setACL, path, acl: [{ perms: 1 + (size % 31), id: { scheme: 'ip', id: '127.0.0.1' } }], version: size };
    case 7:
      return { type: OpCode.multi, txns: [{ type: OpCode.setData, path, data, version: 1 }, { type: OpCode.create, path: `${path}/m`, data: null, acl: ACL, ephemeral: false, parentCVersion: -1 }] };
    case 8:
      return { type: OpCode.createSession, timeOut: 10_000 + size };
    default:
      return { type: OpCode.closeSession, paths: null };
  }
}

/** Everything about a tree: sessions, znodes, data, ACLs, stats. */
export function treeText(tree: DataTree): string {
  const lines = [...tree.sessions].map(([id, timeOut]) => `session ${hex(id)} ${timeOut}`);
  const visit = (path: string): void => {
    const node = tree.node(path);
    if (node === undefined) throw new Error(`${path} is not there`);
    const stat = Object.values(node.persisted()).join(' ');
    lines.push(`${path} ${node.data?.toString('base64') ?? 'null'} ${JSON.stringify(node.acl)} ${stat}`);
    for (const name of tree.children(path).sort()) visit(`${path === '/' ? '' : path}/${name}`);
  };
  visit('/');
  return lines.join('\n');
}
