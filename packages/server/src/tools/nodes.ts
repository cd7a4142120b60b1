import type { ACL, ImageNode, ImageVisitor, SessionId, Zxid } from '@zk/protocol';
import { nodeDisk, readSnapshotFile } from '@zk/store';
import { preorder, type DataTree } from '@zk/tree';
import { loadState } from './load-state.ts';
import type { Progress } from './progress.ts';
import type { Source } from './source.ts';
import type { Moment } from './values.ts';

/** Where the znodes that were shown come from. */
export interface ShownState {
  readonly lastZxid: Zxid;
  readonly reach: Zxid;
  readonly digest: bigint | null;
  readonly notes: readonly string[];
}

/**
 * Shows a visitor sessions, ACL lists and znodes, parents before children: of a snapshot file as it lies there, holding
 * none of it; of a directory as snapshot and logs add up to, children in the order of their names.
 */
export function showNodes(source: Source, moment: Moment | null, visitor: ImageVisitor, progress: Progress): ShownState {
  if (source.kind === 'snapshot' && moment === null) {
    const { file, reach, digest } = readSnapshotFile(nodeDisk, source.file, () => ({
      onSession: (id: SessionId, timeOut: number) => visitor.onSession(id, timeOut),
      onAcl: (id: bigint, acl: ACL[]) => visitor.onAcl(id, acl),
      onNode: (node: ImageNode) => visitor.onNode(node),
      finish: () => null,
    }));
    return { lastZxid: file.zxid, reach, digest: digest?.value ?? null, notes: [] };
  }
  const state = loadState(source, moment, progress);
  const image = state.tree.image();
  for (const { id, timeOut } of image.sessions) visitor.onSession(id, timeOut);
  for (const { id, acl } of image.acls) visitor.onAcl(id, acl);
  for (const node of walk(state.tree)) visitor.onNode(node);
  return { lastZxid: state.lastZxid, reach: state.lastZxid, digest: state.tree.digest, notes: state.notes };
}

/** Every znode in preorder, children by name: a dump of the same tree is the same text. `data` is a view. */
export function walk(tree: DataTree): Generator<ImageNode> {
  return preorder((path) => {
    const node = tree.node(path);
    if (node === undefined) return undefined;
    return { value: { path, data: node.data, aclId: node.aclId, stat: node.persisted() }, names: tree.children(path).sort().reverse() };
  });
}
