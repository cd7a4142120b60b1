import { KeeperError } from '@zk/protocol';
import type { PendingNode } from '../outstanding.ts';

/** −1 asks for no check. @throws KeeperError BADVERSION */
export function requireVersion(node: PendingNode, expected: number, actual: number): void {
  if (expected !== -1 && expected !== actual) throw new KeeperError('BADVERSION', node.path);
}
