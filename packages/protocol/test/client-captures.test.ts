/** Frames between real clients and Java 3.9.5; the same bytes came from 3.8.0. */
import type { Codec } from '@zk/jute';
import { describe, expect, test } from 'vitest';
import {
  AddWatchRequest, asSessionId, AuthPacket, CheckVersionRequest, ConnectRequest, ConnectResponse, Create2Response, CreateRequest,
  CreateResponse, DeleteRequest, ErrorResponse, ExistsRequest, GetACLRequest, GetACLResponse, GetChildren2Request,
  GetChildren2Response, GetDataRequest, MultiHeader, ReplyHeader, RequestHeader, sessionPassword, SetACLRequest, SetACLResponse,
  SetDataRequest, SetDataResponse, SetWatches2, WatcherEvent, WhoAmIResponse,
} from '@zk/protocol';
import { readAll } from './bytes.ts';

type Capture = [what: string, dump: string, codecs: Codec<unknown>[]];

const open = '00000001 0000001f 00000005776f726c64 00000006616e796f6e65';
const password = '00000010 00000000000000000000000000000000';

const requests: Capture[] = [
  ['connect', `0000002d 00000000 0000000000000000 00002710 0000000000000000 ${password} 00`, [ConnectRequest]],
  ['connect without readOnly', `0000002c 00000000 0000000000000000 00002710 0000000000000000 ${password}`, [ConnectRequest]],
  ['connect again', `0000002d 00000000 0000000000000000 00002710 0100001c40820064 ${password} 00`, [ConnectRequest]],
  ['create2', `00000033 00000001 0000000f 000000022f61 000000026869 ${open} 00000000`, [RequestHeader, CreateRequest]],
  ['getChildren2', '0000000e 00000002 0000000c 000000012f 01', [RequestHeader, GetChildren2Request]],
  ['create2 ephemeral sequential', `00000034 00000003 0000000f 000000052f612f732d 00000000 ${open} 00000003`, [RequestHeader, CreateRequest]],
  ['create with null data', `00000031 00000004 00000001 000000022f62 ffffffff ${open} 00000000`, [RequestHeader, CreateRequest]],
  ['getData', '00000012 00000005 00000004 000000052f6e6f6e65 00', [RequestHeader, GetDataRequest]],
  ['exists', '0000000f 00000006 00000003 000000022f78 01', [RequestHeader, ExistsRequest]],
  ['setACL', `0000002d 00000002 00000007 000000022f78 ${open} ffffffff`, [RequestHeader, SetACLRequest]],
  ['multi', `00000084 00000007 0000000e
    0000000d 00 ffffffff 000000022f61 00000000
    00000001 00 ffffffff 000000022f78 00000000 ${open} 00000000
    00000002 00 ffffffff 000000052f6e6f7065 ffffffff
    00000005 00 ffffffff 000000022f61 000000017a ffffffff
    ffffffff 01 ffffffff`,
  [RequestHeader, MultiHeader, CheckVersionRequest, MultiHeader, CreateRequest, MultiHeader, DeleteRequest, MultiHeader, SetDataRequest, MultiHeader]],
  ['setWatches2', `0000004a fffffff8 00000069 0000000000000004 00000002 000000022f61 000000052f676f6e65 00000001 000000022f78
    00000001 000000012f 00000001 000000022f70 00000001 000000022f72`, [RequestHeader, SetWatches2]],
  ['addWatch', '00000014 00000009 0000006a 000000042f722f71 00000001', [RequestHeader, AddWatchRequest]],
  ['ping', '00000008 fffffffe 0000000b', [RequestHeader]],
  ['auth', '00000020 fffffffc 00000064 00000000 00000006646967657374 00000006626f623a7077', [RequestHeader, AuthPacket]],
  ['setACL auth:', '00000026 0000000a 00000007 000000022f78 00000001 0000001f 0000000461757468 00000000 ffffffff', [RequestHeader, SetACLRequest]],
  ['getACL', '0000000e 00000003 00000006 000000022f78', [RequestHeader, GetACLRequest]],
  ['whoAmI', '00000008 00000004 0000006b', [RequestHeader]],
  ['closeSession', '00000008 0000000c fffffff5', [RequestHeader]],
];

const replies: Capture[] = [
  ['connect', '00000025 00000000 00002710 0100001c40820000 00000010 4c811c59e986f2730a934558dadf94e6 00', [ConnectResponse]],
  ['connect without readOnly', '00000024 00000000 00002710 0100001c40820001 00000010 5fa2165989d2d1b8ffd5ac83ae68a9b3', [ConnectResponse]],
  ['refused', `00000025 00000000 00000000 0000000000000000 ${password} 00`, [ConnectResponse]],
  ['read-only', '00000025 00000000 00004e20 010000214c890000 00000010 9d7ed0906628d8a543a35d2b1ffef2c8 01', [ConnectResponse]],
  ['create2', `0000005a 00000001 0000000000000003 00000000 000000022f61
    0000000000000003 0000000000000003 000001a1fbf17dd8 000001a1fbf17dd8 00000000 00000000 00000000 0000000000000000 00000002 00000000 0000000000000003`,
  [ReplyHeader, Create2Response]],
  ['getChildren2', `0000006a 00000002 0000000000000003 00000000 00000002 0000000161 000000097a6f6f6b6565706572
    0000000000000000 0000000000000000 0000000000000000 0000000000000000 00000000 00000000 00000000 0000000000000000 00000000 00000002 0000000000000003`,
  [ReplyHeader, GetChildren2Response]],
  ['notification', '0000001d ffffffff 0000000000000005 00000000 00000004 00000003 000000012f', [ReplyHeader, WatcherEvent]],
  ['create', '00000016 00000004 0000000000000005 00000000 000000022f62', [ReplyHeader, CreateResponse]],
  ['NONODE', '00000010 00000005 0000000000000005 ffffff9b', [ReplyHeader]],
  ['failed multi', `0000004d 00000007 0000000000000006 00000000
    ffffffff 00 00000000 00000000   ffffffff 00 00000000 00000000   ffffffff 00 ffffff9b ffffff9b   ffffffff 00 fffffffe fffffffe   ffffffff 01 ffffffff`,
  [ReplyHeader, MultiHeader, ErrorResponse, MultiHeader, ErrorResponse, MultiHeader, ErrorResponse, MultiHeader, ErrorResponse, MultiHeader]],
  ['multi', `000000cb 00000008 0000000000000007 00000000
    0000000d 00 00000000
    0000000f 00 00000000 000000022f78
      0000000000000007 0000000000000007 000001a1fbf184d9 000001a1fbf184d9 00000000 00000000 00000000 0000000000000000 00000000 00000000 0000000000000007
    00000005 00 00000000
      0000000000000003 0000000000000007 000001a1fbf17dd8 000001a1fbf184d9 00000001 00000001 00000000 0000000000000000 00000001 00000001 0000000000000004
    00000002 00 00000000
    ffffffff 01 ffffffff`,
  [ReplyHeader, MultiHeader, MultiHeader, Create2Response, MultiHeader, SetDataResponse, MultiHeader, MultiHeader]],
  ['notification of setWatches', '00000021 ffffffff ffffffffffffffff 00000000 00000002 00000003 000000052f676f6e65', [ReplyHeader, WatcherEvent]],
  ['addWatch', '00000014 00000009 0000000000000007 00000000 00000000', [ReplyHeader, ErrorResponse]],
  ['setACL', `00000054 0000000a 0000000000000008 00000000
    0000000000000007 0000000000000007 000001a1fbf184d9 000001a1fbf184d9 00000000 00000000 00000001 0000000000000000 00000000 00000000 0000000000000007`,
  [ReplyHeader, SetACLResponse]],
  ['getACL', `00000086 00000003 000000000000000a 00000000 00000002
    0000001f 00000006646967657374 00000005626f623a78   00000001 00000005776f726c64 00000006616e796f6e65
    0000000000000007 0000000000000007 000001a1fbf184d9 000001a1fbf184d9 00000000 00000000 00000002 0000000000000000 00000000 00000000 0000000000000007`,
  [ReplyHeader, GetACLResponse]],
  ['whoAmI', '00000027 00000004 000000000000000a 00000000 00000001 000000026970 000000093132372e302e302e31', [ReplyHeader, WhoAmIResponse]],
  ['unknown opcode', '00000010 00000005 ffffffffffffffff fffffffa', [ReplyHeader]],
];

test.each(requests)('request %s', (_, dump, codecs) => {
  readAll(dump, codecs, { length: true });
});

test.each(replies)('reply %s', (_, dump, codecs) => {
  readAll(dump, codecs, { length: true });
});

function captured(list: Capture[], name: string): unknown[] {
  const [, dump, codecs] = list.find(([what]) => what === name)!;
  return readAll(dump, codecs, { length: true });
}

describe('what they say', () => {
  test('create2 of an ephemeral sequential', () => {
    expect(captured(requests, 'create2 ephemeral sequential')).toEqual([
      { xid: 3, type: 15 },
      { path: '/a/s-', data: Buffer.alloc(0), acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }], flags: 3 },
    ]);
  });

  test('the answer to getChildren2', () => {
    const stat = { ctime: 0n, mtime: 0n, cversion: 0, numChildren: 2, pzxid: 3n };
    expect(captured(replies, 'getChildren2')).toMatchObject([{ xid: 2, zxid: 3n, err: 0 }, { children: ['a', 'zookeeper'], stat }]);
  });

  test('the answer to an unknown opcode', () => {
    expect(captured(replies, 'unknown opcode')).toEqual([{ xid: 5, zxid: -1n, err: -6 }]);
  });

  test.each(['connect', 'connect without readOnly', 'read-only'])('the password of the session: %s', (name) => {
    const [response] = captured(replies, name) as [ConnectResponse];
    expect(response.passwd).toEqual(sessionPassword(response.sessionId));
  });
});

test.each([
  [0x01000016de860000n, '98f5777745536fa9363ed36a96494009'],
  [0x0100001c40820000n, '4c811c59e986f2730a934558dadf94e6'],
])('the password of session %s', (id, hex) => {
  expect(sessionPassword(asSessionId(id)).toString('hex')).toBe(hex);
});
