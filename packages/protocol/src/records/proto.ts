import { bool, buffer, int, long, nullable, record, trailing, ustring, vector } from '@zk/jute';
import type { Infer } from '@zk/jute';
import { sessionId } from '../zxid.ts';
import { ACL, ClientInfo, Stat, scheme } from './data.ts';

/** The handshake has no header. Clients before 3.4 do not send `readOnly`, and must not get it back. */
export const ConnectRequest = record('ConnectRequest', {
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int, // ms
  sessionId, // 0: a new session
  passwd: buffer,
  readOnly: trailing(bool),
});
export type ConnectRequest = Infer<typeof ConnectRequest>;

/** `timeOut` 0: the session is refused. `readOnly` is present exactly if the request had it. */
export const ConnectResponse = record('ConnectResponse', {
  protocolVersion: int,
  timeOut: int, // ms
  sessionId,
  passwd: buffer,
  readOnly: trailing(bool),
});
export type ConnectResponse = Infer<typeof ConnectResponse>;

export const RequestHeader = record('RequestHeader', { xid: int, type: int });
export type RequestHeader = Infer<typeof RequestHeader>;

/** `zxid` is −1 where no txn stands behind the reply. */
export const ReplyHeader = record('ReplyHeader', { xid: int, zxid: long, err: int });
export type ReplyHeader = Infer<typeof ReplyHeader>;

/** In front of each operation of a multi and of each result; {−1, true, −1} ends the list. */
export const MultiHeader = record('MultiHeader', { type: int, done: bool, err: int });
export type MultiHeader = Infer<typeof MultiHeader>;

export const SetWatches = record('SetWatches', {
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
});
export type SetWatches = Infer<typeof SetWatches>;

export const SetWatches2 = record('SetWatches2', {
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
  persistentWatches: vector(ustring),
  persistentRecursiveWatches: vector(ustring),
});
export type SetWatches2 = Infer<typeof SetWatches2>;

/** `type` is ignored. */
export const AuthPacket = record('AuthPacket', { type: int, scheme, auth: buffer });
export type AuthPacket = Infer<typeof AuthPacket>;

export const GetDataRequest = record('GetDataRequest', { path: ustring, watch: bool });
export type GetDataRequest = Infer<typeof GetDataRequest>;

/** `version` −1: whatever it is now. */
export const SetDataRequest = record('SetDataRequest', { path: ustring, data: buffer, version: int });
export type SetDataRequest = Infer<typeof SetDataRequest>;

/** Either joining and leaving (incremental) or newMembers; `curConfigId` −1: whatever it is now. */
export const ReconfigRequest = record('ReconfigRequest', {
  joiningServers: nullable(ustring),
  leavingServers: nullable(ustring),
  newMembers: nullable(ustring),
  curConfigId: long,
});
export type ReconfigRequest = Infer<typeof ReconfigRequest>;

export const SetDataResponse = record('SetDataResponse', { stat: Stat });
export type SetDataResponse = Infer<typeof SetDataResponse>;

export const GetSASLRequest = record('GetSASLRequest', { token: buffer });
export type GetSASLRequest = Infer<typeof GetSASLRequest>;

export const SetSASLRequest = record('SetSASLRequest', { token: buffer });
export type SetSASLRequest = Infer<typeof SetSASLRequest>;

export const SetSASLResponse = record('SetSASLResponse', { token: buffer });
export type SetSASLResponse = Infer<typeof SetSASLResponse>;

/** Also the body of create2 and createContainer. A null `acl` is an answer (INVALIDACL), not a decoding error. */
export const CreateRequest = record('CreateRequest', {
  path: ustring,
  data: buffer,
  acl: nullable(vector(ACL)),
  flags: int, // create-mode.ts
});
export type CreateRequest = Infer<typeof CreateRequest>;

export const CreateTTLRequest = record('CreateTTLRequest', {
  path: ustring,
  data: buffer,
  acl: nullable(vector(ACL)),
  flags: int,
  ttl: long, // ms
});
export type CreateTTLRequest = Infer<typeof CreateTTLRequest>;

export const DeleteRequest = record('DeleteRequest', { path: ustring, version: int });
export type DeleteRequest = Infer<typeof DeleteRequest>;

export const GetChildrenRequest = record('GetChildrenRequest', { path: ustring, watch: bool });
export type GetChildrenRequest = Infer<typeof GetChildrenRequest>;

export const GetAllChildrenNumberRequest = record('GetAllChildrenNumberRequest', { path: ustring });
export type GetAllChildrenNumberRequest = Infer<typeof GetAllChildrenNumberRequest>;

export const GetChildren2Request = record('GetChildren2Request', { path: ustring, watch: bool });
export type GetChildren2Request = Infer<typeof GetChildren2Request>;

export const CheckVersionRequest = record('CheckVersionRequest', { path: ustring, version: int });
export type CheckVersionRequest = Infer<typeof CheckVersionRequest>;

export const GetMaxChildrenRequest = record('GetMaxChildrenRequest', { path: ustring });
export type GetMaxChildrenRequest = Infer<typeof GetMaxChildrenRequest>;

export const GetMaxChildrenResponse = record('GetMaxChildrenResponse', { max: int });
export type GetMaxChildrenResponse = Infer<typeof GetMaxChildrenResponse>;

export const SetMaxChildrenRequest = record('SetMaxChildrenRequest', { path: ustring, max: int });
export type SetMaxChildrenRequest = Infer<typeof SetMaxChildrenRequest>;

export const SyncRequest = record('SyncRequest', { path: ustring });
export type SyncRequest = Infer<typeof SyncRequest>;

export const SyncResponse = record('SyncResponse', { path: ustring });
export type SyncResponse = Infer<typeof SyncResponse>;

export const GetACLRequest = record('GetACLRequest', { path: ustring });
export type GetACLRequest = Infer<typeof GetACLRequest>;

export const SetACLRequest = record('SetACLRequest', { path: ustring, acl: nullable(vector(ACL)), version: int });
export type SetACLRequest = Infer<typeof SetACLRequest>;

export const SetACLResponse = record('SetACLResponse', { stat: Stat });
export type SetACLResponse = Infer<typeof SetACLResponse>;

/** `mode` 0 persistent, 1 persistent and recursive. */
export const AddWatchRequest = record('AddWatchRequest', { path: ustring, mode: int });
export type AddWatchRequest = Infer<typeof AddWatchRequest>;

/** Follows a ReplyHeader with xid −1. */
export const WatcherEvent = record('WatcherEvent', { type: int, state: int, path: ustring });
export type WatcherEvent = Infer<typeof WatcherEvent>;

export const ErrorResponse = record('ErrorResponse', { err: int });
export type ErrorResponse = Infer<typeof ErrorResponse>;

export const CreateResponse = record('CreateResponse', { path: ustring });
export type CreateResponse = Infer<typeof CreateResponse>;

export const Create2Response = record('Create2Response', { path: ustring, stat: Stat });
export type Create2Response = Infer<typeof Create2Response>;

export const ExistsRequest = record('ExistsRequest', { path: ustring, watch: bool });
export type ExistsRequest = Infer<typeof ExistsRequest>;

export const ExistsResponse = record('ExistsResponse', { stat: Stat });
export type ExistsResponse = Infer<typeof ExistsResponse>;

export const GetDataResponse = record('GetDataResponse', { data: buffer, stat: Stat });
export type GetDataResponse = Infer<typeof GetDataResponse>;

export const GetChildrenResponse = record('GetChildrenResponse', { children: vector(ustring) });
export type GetChildrenResponse = Infer<typeof GetChildrenResponse>;

export const GetAllChildrenNumberResponse = record('GetAllChildrenNumberResponse', { totalNumber: int });
export type GetAllChildrenNumberResponse = Infer<typeof GetAllChildrenNumberResponse>;

export const GetChildren2Response = record('GetChildren2Response', { children: vector(ustring), stat: Stat });
export type GetChildren2Response = Infer<typeof GetChildren2Response>;

export const GetACLResponse = record('GetACLResponse', { acl: vector(ACL), stat: Stat });
export type GetACLResponse = Infer<typeof GetACLResponse>;

export const CheckWatchesRequest = record('CheckWatchesRequest', { path: ustring, type: int });
export type CheckWatchesRequest = Infer<typeof CheckWatchesRequest>;

export const RemoveWatchesRequest = record('RemoveWatchesRequest', { path: ustring, type: int });
export type RemoveWatchesRequest = Infer<typeof RemoveWatchesRequest>;

/** A null prefix is every path. */
export const GetEphemeralsRequest = record('GetEphemeralsRequest', { prefixPath: nullable(ustring) });
export type GetEphemeralsRequest = Infer<typeof GetEphemeralsRequest>;

export const GetEphemeralsResponse = record('GetEphemeralsResponse', { ephemerals: vector(ustring) });
export type GetEphemeralsResponse = Infer<typeof GetEphemeralsResponse>;

export const WhoAmIResponse = record('WhoAmIResponse', { clientInfo: vector(ClientInfo) });
export type WhoAmIResponse = Infer<typeof WhoAmIResponse>;
