import type { Image, ImageNode } from '@zk/protocol';
import { preorder } from './preorder.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znodes } from './znodes.ts';

/**
 * Enters an image; what the tree makes of it by itself is {@link completeImage}'s.
 * @throws Error when a znode comes before its parent, or there is no root
 */
export function loadImage(znodes: Znodes, image: Image): void {
  for (const { id, acl } of image.acls) znodes.acls.load(Number(id), acl);
  for (const node of image.nodes) loadNode(znodes, node);
  requireRoot(znodes);
}

/** Enters one znode, copying its data. @throws Error when it comes before its parent */
export function loadNode(znodes: Znodes, { path, data, aclId, stat }: ImageNode): void {
  const parent = path === '' ? null : znodes.get(path.slice(0, path.lastIndexOf('/')));
  if (parent === undefined) throw new Error(`image: ${path} comes before its parent`);
  znodes.load(path, parent, data, Number(aclId), stat);
}

/** @throws Error when the image had none */
export function requireRoot(znodes: Znodes): void {
  if (znodes.get('') === undefined) throw new Error('image: there is no root');
}

/** Quota statistics and ACL lists as the znodes say they are, whatever the image said. */
export function completeImage(znodes: Znodes): void {
  znodes.acls.dropUnused();
  znodes.quotas.rebuild();
}

/** A znode as records have it, its content copied. */
export function imageNode(node: ZnodeRecord, path: string): ImageNode {
  return { path, data: node.data && Buffer.from(node.data), aclId: node.aclId, stat: node.persisted() };
}

/** The same for a capture: whoever reads it one by one wants to know how many children there are. */
export function capturedNode(node: ZnodeRecord): ImageNode {
  const captured = imageNode(node, node.path);
  if (node.numChildren > 0) captured.children = node.children;
  return captured;
}

/**
 * Every znode in preorder, each read when its turn comes. Data, stat and child names of one are copied together; a
 * child that is gone when its turn comes is skipped.
 */
export function imageNodes(znodes: Znodes): Generator<ImageNode> {
  return preorder((path) => {
    const node = znodes.get(path);
    return node && { value: imageNode(node, path), names: znodes.table.childNames(node) };
  });
}
