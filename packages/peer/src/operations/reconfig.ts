import { GetDataResponse, KeeperError, OpCode, ReconfigRequest } from '@zk/protocol';
import type { WriteOperation } from './write-operation.ts';

/**
 * Membership changes are refused by a leader of ours: as a server with reconfigEnabled=false does, and as a standalone one
 * otherwise. Another leader may make them; then the answer is the new configuration.
 */
export const reconfig: WriteOperation<ReconfigRequest> = {
  request: ReconfigRequest,
  prepare(_request, { config }) {
    throw new KeeperError(config.reconfigEnabled ? 'UNIMPLEMENTED' : 'RECONFIGDISABLED');
  },
  respond(replies, xid, { stat }, txn) {
    if (txn.type !== OpCode.reconfig || stat === null) return replies.header(xid);
    return replies.record(xid, GetDataResponse, { data: txn.data, stat });
  },
};
