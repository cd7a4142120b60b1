/** Packets between Java 3.9.5 servers. */
import { decode } from '@zk/jute';
import type { Codec } from '@zk/jute';
import { describe, expect, test } from 'vitest';
import {
  CreateRequest, decodeTxn, describePacket, encodePacket, encodeTxn, hex, LearnerInfo, PacketType, QuorumAuthPacket, QuorumPacket,
} from '@zk/protocol';
import { bytesOf, readAll } from './bytes.ts';

const world = '00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65';
const ipAuth = '00000001 00000002 6970 00000009 3132372e302e302e31';

describe('packets', () => {
  test.each([
    ['FOLLOWERINFO 0x0 20 bytes', '0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff'],
    ['LEADERINFO 0x100000000 4 bytes', '00000011 0000000100000000 00000004 00010000 ffffffff'],
    ['ACKEPOCH 0x100000002 4 bytes', '00000012 0000000100000002 00000004 ffffffff ffffffff'],
    ['DIFF 0x100000006', '0000000d 0000000100000006 ffffffff ffffffff'],
    ['TRUNC 0x100000008', '0000000e 0000000100000008 ffffffff ffffffff'],
    ['SNAP 0x100000000', '0000000f 0000000100000000 ffffffff ffffffff'],
    ['ACK 0x100000000', '00000003 0000000100000000 ffffffff ffffffff'],
    ['UPTODATE -1', '0000000c ffffffffffffffff ffffffff ffffffff'],
    ['COMMIT 0x100000003', '00000004 0000000100000003 ffffffff ffffffff'],
    ['SYNC 0x0', '00000007 0000000000000000 ffffffff ffffffff'],
    ['PING 0x100000000', '00000005 0000000100000000 ffffffff ffffffff'],
    ['PING 0x100000000 0 bytes', '00000005 0000000100000000 00000000 ffffffff'],
    ['PING 0x100000007 12 bytes', '00000005 0000000100000007 0000000c 01000016813f0000 00001770 ffffffff'],
    ['REVALIDATE -1 9 bytes', '00000006 ffffffffffffffff 00000009 01000016813f0000 01 ffffffff'],
    ['REQUEST -1 20 bytes', '00000001 ffffffffffffffff 00000014 01000016813f0000 00000000 fffffff6 00001770 ffffffff'],
    ['REQUEST -1 22 bytes', `00000001 ffffffffffffffff 00000016 01000016813f0000 00000003 00000009 00000002 2f61 ${ipAuth}`],
    ['OBSERVERINFO 0x0 20 bytes', '00000010 0000000000000000 00000014 0000000000000004 00010000 0000000000000000 ffffffff'],
    ['COMMITANDACTIVATE 0x100000003 8 bytes', '00000009 0000000100000003 00000008 0000000000000003 ffffffff'],
  ])('%s', (line, dump) => {
    const [packet] = readAll(dump, [QuorumPacket]) as [QuorumPacket];
    expect(describePacket(packet)).toBe(line);
    expect(encodePacket(packet)).toEqual(bytesOf(dump));
  });

  test('a type that means nothing still has a line', () => {
    expect(describePacket({ type: 99, zxid: 1n, data: null, authinfo: null })).toBe('packet99 0x1');
  });

  test('the types are those of Leader.java', () => {
    expect(Object.values(PacketType)).toEqual(Array.from({ length: 19 }, (_, index) => index + 1));
  });
});

describe('what packets carry', () => {
  test('LearnerInfo', () => {
    expect(readAll('0000000000000001 00010000 0000000100000004', [LearnerInfo] as Codec<unknown>[]))
      .toEqual([{ serverid: 1n, protocolVersion: 0x10000, configVersion: 0x100000004n }]);
  });

  test('the identities of the client, first its address', () => {
    const packet = decode(QuorumPacket, bytesOf(`00000001 ffffffffffffffff 0000003e 01000016813f0000 00000001 00000001
      00000002 2f61 00000005 68656c6c6f ${world} 00000000 ${ipAuth}`));
    expect(packet.authinfo).toEqual([{ scheme: 'ip', id: '127.0.0.1' }]);
    expect(decode(CreateRequest, packet.data!.subarray(16))).toMatchObject({ path: '/a', data: Buffer.from('hello'), flags: 0 });
  });

  test('SASL tokens', () => {
    expect(readAll('5f2435013501edcc 00000001 00000000', [QuorumAuthPacket] as Codec<unknown>[]))
      .toEqual([{ magic: 0x5f2435013501edccn, status: 1, token: Buffer.alloc(0) }]);
  });
});

describe('proposals', () => {
  test.each([
    ['createSession', '01000016813f0000 00000000 0000000100000001 000001a1fbebbb29 fffffff6 00001770 00000002 0000000051c6d660'],
    ['create', `01000016813f0000 00000001 0000000100000002 000001a1fbebbb3b 00000001
      00000002 2f61 00000005 68656c6c6f ${world} 00 00000001 00000002 00000001a540520e`],
    ['error', '01000016813f0000 00000005 0000000100000005 000001a1fbebbb59 ffffffff ffffff92'],
    ['closeSession of nothing', '0100001842600000 00000005 0000000100000006 000001a1fbed6ce4 fffffff5 00000000 00000002 00000002b1870f51'],
    ['closeSession', '01000016813f0000 00000008 0000000100000008 000001a1fbebc7f8 fffffff5 00000001 00000002 2f65 00000002 0000000257d8fef4'],
  ])('%s', (_, dump) => {
    expect(encodeTxn(decodeTxn(bytesOf(dump))).toString('hex')).toBe(bytesOf(dump).toString('hex'));
  });

  test('a digest is the last 12 bytes', () => {
    const txn = decodeTxn(bytesOf('01000016813f0000 00000000 0000000100000001 000001a1fbebbb29 fffffff6 00001770 00000002 0000000051c6d660'));
    expect(txn).toEqual({
      header: { clientId: 0x01000016813f0000n, cxid: 0, zxid: 0x100000001n, time: 0x1a1fbebbb29n, type: -10 },
      body: { type: -10, timeOut: 6000 },
      digest: { version: 2, treeDigest: 0x51c6d660n },
    });
    expect(hex(txn.header.zxid)).toBe('0x100000001');
  });
});
