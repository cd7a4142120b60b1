import { OpCode, Perms, SetDataRequest, validatePath } from '@zk/protocol';
import { respondStat } from './respond-stat.ts';
import { requireVersion } from './version.ts';
import type { WriteOperation } from './write-operation.ts';

export const setData: WriteOperation<SetDataRequest> = {
  request: SetDataRequest,
  prepare({ path, data, version }, context) {
    context.requireSession();
    validatePath(path);
    const node = context.pending.require(path);
    context.requirePermission(node, Perms.WRITE);
    context.requireQuota(path, (data?.length ?? 0) - node.dataLength, 0);
    requireVersion(node, version, node.version);
    const copy = data && Buffer.from(data); // a view of a frame that will be gone at commit
    return { type: OpCode.setData, path, data: copy, version: context.pending.setData(node, copy) };
  },
  respond: respondStat,
};
