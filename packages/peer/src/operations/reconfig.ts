import { KeeperError, ReconfigRequest } from '@zk/protocol';
import type { WriteOperation } from './write-operation.ts';

/** Membership changes are refused: as a server with reconfigEnabled=false does, and as a standalone one otherwise. */
export const reconfig: WriteOperation<ReconfigRequest> = {
  request: ReconfigRequest,
  prepare(_request, { config }) {
    throw new KeeperError(config.reconfigEnabled ? 'UNIMPLEMENTED' : 'RECONFIGDISABLED');
  },
  respond: (replies, xid) => replies.header(xid),
};
