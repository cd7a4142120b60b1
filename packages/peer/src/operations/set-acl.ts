import { OpCode, Perms, SetACLRequest, validatePath } from '@zk/protocol';
import { respondStat } from './respond-stat.ts';
import { requireVersion } from './version.ts';
import type { WriteOperation } from './write-operation.ts';

export const setAcl: WriteOperation<SetACLRequest> = {
  request: SetACLRequest,
  prepare({ path, acl: wanted, version }, context) {
    context.requireSession();
    validatePath(path);
    const acl = context.fixAcl(wanted);
    const node = context.pending.require(path);
    context.requirePermission(node, Perms.ADMIN);
    requireVersion(node, version, node.aversion);
    return { type: OpCode.setACL, path, acl, version: context.pending.setAcl(node, acl) };
  },
  respond: respondStat,
};
