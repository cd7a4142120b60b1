import { CheckVersionRequest, OpCode, Perms, validatePath } from '@zk/protocol';
import { requireVersion } from './version.ts';
import type { WriteOperation } from './write-operation.ts';

/** Only inside a multi. */
export const checkVersion: WriteOperation<CheckVersionRequest> = {
  request: CheckVersionRequest,
  prepare({ path, version }, context) {
    context.requireSession();
    validatePath(path);
    const node = context.pending.require(path);
    context.requirePermission(node, Perms.READ);
    requireVersion(node, version, node.version);
    return { type: OpCode.check, path, version: (version + 1) | 0 };
  },
  respond: (replies, xid) => replies.header(xid),
};
