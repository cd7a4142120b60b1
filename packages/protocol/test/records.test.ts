import { decode, encode } from '@zk/jute';
import { arbitraryOf } from '@zk/jute/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACL, ConnectRequest, CreateRequest, records, Stat, StatPersisted } from '@zk/protocol';
import { bytesOf } from './bytes.ts';

/** The class names of zookeeper.jute in Apache's repository, module by module. */
const declaredByApache = `
  Id ACL Stat StatPersisted ClientInfo
  ConnectRequest ConnectResponse SetWatches SetWatches2 RequestHeader MultiHeader AuthPacket ReplyHeader GetDataRequest
  SetDataRequest ReconfigRequest SetDataResponse GetSASLRequest SetSASLRequest SetSASLResponse CreateRequest
  CreateTTLRequest DeleteRequest GetChildrenRequest GetAllChildrenNumberRequest GetChildren2Request CheckVersionRequest
  GetMaxChildrenRequest GetMaxChildrenResponse SetMaxChildrenRequest SyncRequest SyncResponse GetACLRequest
  SetACLRequest SetACLResponse AddWatchRequest WatcherEvent ErrorResponse CreateResponse Create2Response ExistsRequest
  ExistsResponse GetDataResponse GetChildrenResponse GetAllChildrenNumberResponse GetChildren2Response GetACLResponse
  CheckWatchesRequest RemoveWatchesRequest GetEphemeralsRequest GetEphemeralsResponse WhoAmIResponse
  LearnerInfo QuorumPacket QuorumAuthPacket
  FileHeader
  TxnDigest TxnHeader CreateTxnV0 CreateTxn CreateTTLTxn CreateContainerTxn DeleteTxn SetDataTxn CheckVersionTxn
  SetACLTxn SetMaxChildrenTxn CreateSessionTxn CloseSessionTxn ErrorTxn Txn MultiTxn`.trim().split(/\s+/);

test('every record of zookeeper.jute is there, and no other', () => {
  expect(Object.keys(records).sort()).toEqual([...declaredByApache].sort());
});

test.each(Object.values(records))('$name survives a round trip', (codec) => {
  fc.assert(fc.property(arbitraryOf(codec), (value) => {
    expect(decode(codec, encode(codec, value))).toEqual(value);
  }));
});

test('a Stat takes 68 bytes, 60 on disk', () => {
  expect(Stat.minBytes).toBe(68);
  expect(StatPersisted.minBytes).toBe(60);
});

describe('what a client may leave out', () => {
  test('the readOnly byte, by presence', () => {
    const without = bytesOf('00000000 0000000000000000 00002710 0000000000000000 00000010 00000000000000000000000000000000');
    expect(decode(ConnectRequest, without).readOnly).toBeUndefined();
    expect(decode(ConnectRequest, Buffer.concat([without, Buffer.from([0])])).readOnly).toBe(false);
    expect(decode(ConnectRequest, Buffer.concat([without, Buffer.from([7])])).readOnly).toBe(true);
  });

  test('the password of a new session', () => {
    const nullPassword = bytesOf('00000000 0000000000000000 00002710 0000000000000000 ffffffff 00');
    expect(decode(ConnectRequest, nullPassword)).toMatchObject({ passwd: null, readOnly: false, timeOut: 10_000 });
  });

  test('the ACL and a scheme: INVALIDACL is the answer, so they must decode', () => {
    expect(decode(CreateRequest, bytesOf('000000022f61 ffffffff ffffffff 00000000')).acl).toBeNull();
    expect(decode(ACL, bytesOf('0000001f ffffffff 00000000')).id.scheme).toBe('');
  });

  test('but not the path', () => {
    expect(() => decode(CreateRequest, bytesOf('ffffffff ffffffff 00000000 00000000'))).toThrow('CreateRequest.path is null at 0');
  });
});
