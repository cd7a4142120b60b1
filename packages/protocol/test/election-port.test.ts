import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asSid, decodeNotification, encodeHello, encodeNotification, HelloReader, NO_VOTE, ServerState } from '@zk/protocol';
import type { ElectionHello, Notification } from '@zk/protocol';

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('notifications (quorum.md 2.4)', () => {
  const vote: Notification = {
    state: ServerState.LOOKING,
    leader: 2n,
    zxid: 0n,
    electionEpoch: 1n,
    peerEpoch: 0n,
    version: 2,
    config: 'version=0',
  };

  test('the bytes of the capture (16.1), with a shorter config', () => {
    const hex =
      '00000000' + '0000000000000002' + '0000000000000000' + '0000000000000001' + '0000000000000000' +
      '00000002' + '00000009' + '76657273696f6e3d30';
    expect(encodeNotification(vote).toString('hex')).toBe(hex);
    expect(decodeNotification(Buffer.from(hex, 'hex'))).toEqual(vote);
  });

  test('an observer’s vote is for nobody (ZOOKEEPER-1789)', () => {
    const bytes = encodeNotification({ ...vote, leader: NO_VOTE, zxid: NO_VOTE, peerEpoch: NO_VOTE });
    expect(bytes.toString('hex', 4, 12)).toBe('8000000000000000');
  });

  test('any notification survives a round trip', () => {
    const config = fc.option(fc.string({ minLength: 1, unit: 'grapheme' }));
    const any = fc.record<Notification>({
      state: fc.constantFrom(...Object.values(ServerState)),
      leader: long, zxid: long, electionEpoch: long, peerEpoch: long,
      version: fc.constant(2), config,
    });
    fc.assert(
      fc.property(any, (n) => {
        expect(decodeNotification(encodeNotification(n))).toEqual(n);
      }),
    );
  });

  test('28 bytes are 3.3’s: the epoch is in the zxid', () => {
    const old = encodeNotification({ ...vote, zxid: 0x500000003n }).subarray(0, 28);
    expect(decodeNotification(old)).toMatchObject({ zxid: 0x500000003n, peerEpoch: 5n, version: 0, config: null });
  });

  test('40 bytes have no version, whatever is in its place', () => {
    const bytes = encodeNotification(vote).subarray(0, 40);
    expect(decodeNotification(bytes)).toMatchObject({ version: 0, config: null });
  });

  test('version 1 has no config', () => {
    const bytes = Buffer.concat([encodeNotification({ ...vote, version: 1 }), Buffer.alloc(3)]);
    expect(decodeNotification(bytes)).toMatchObject({ version: 1, config: null });
  });

  test.each([27, 29, 36, 39, 41, 43, 44, 52])('cut to %i bytes it is refused', (length) => {
    expect(() => decodeNotification(encodeNotification(vote).subarray(0, length))).toThrow(/^Notification/);
  });

  test('an unknown state and a negative config length are refused', () => {
    const bytes = encodeNotification(vote);
    bytes.writeInt32BE(4, 0);
    expect(() => decodeNotification(bytes)).toThrow('Notification.state is 4, which is no server state');
    bytes.writeInt32BE(0, 0);
    bytes.writeInt32BE(-1, 40);
    expect(() => decodeNotification(bytes)).toThrow('Notification.config claims -1 bytes, 9 are left');
  });
});

describe('hello (quorum.md 2.2)', () => {
  const v1 = 'ffffffffffff0000' + '0000000000000002' + '0000000f' + '3132372e302e302e313a3232323232';
  const read = (bytes: Buffer): ElectionHello | undefined => new HelloReader().push(bytes)?.hello;
  const withAddress = (text: string): Buffer => {
    const bytes = Buffer.concat([Buffer.from(v1, 'hex').subarray(0, 20), Buffer.from(text)]);
    bytes.writeInt32BE(text.length, 16);
    return bytes;
  };

  test('the captured bytes (16.1): V1 unless there are several addresses to tell, which older servers read (ZOOKEEPER-3720)', () => {
    const hello = { sid: asSid(2n), addresses: [{ host: '127.0.0.1', port: 22222 }] };
    expect(encodeHello(hello).toString('hex')).toBe(v1);
    expect(read(Buffer.from(v1, 'hex'))).toEqual(hello);
  });

  test('V2 carries every address (ZOOKEEPER-3188)', () => {
    const hello = { sid: asSid(2n), addresses: [{ host: '127.0.0.2', port: 22222 }, { host: '::1', port: 22222 }] };
    const bytes = encodeHello(hello, true);
    expect(bytes.toString('hex', 0, 20)).toBe('ffffffffffff0001' + '0000000000000002' + '0000001b');
    expect(bytes.toString('utf8', 20)).toBe('127.0.0.2:22222|[::1]:22222');
    expect(read(bytes)).toEqual(hello);
  });

  test('arrives in any pieces, and what follows it is handed back', () => {
    const bytes = Buffer.from(`${v1}000000b6`, 'hex');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (cut) => {
        const reader = new HelloReader();
        expect(reader.push(bytes.subarray(0, cut))).toBeNull();
        const result = reader.push(bytes.subarray(cut));
        expect(result?.hello.sid).toBe(2n);
        expect(result?.rest.toString('hex')).toBe('000000b6');
      }),
    );
  });

  test('before 3.5 it was the sid alone', () => {
    expect(read(Buffer.from('0000000000000007', 'hex'))).toEqual({ sid: 7n, addresses: [] });
  });

  test('addresses are UTF-8, and their length is in bytes, whatever the platform’s charset (ZOOKEEPER-4787)', () => {
    const hello = { sid: asSid(2n), addresses: [{ host: 'zürich-動物園', port: 3888 }] };
    const bytes = encodeHello(hello);
    expect(bytes.readInt32BE(16)).toBe(Buffer.byteLength('zürich-動物園:3888'));
    expect(read(bytes)).toEqual(hello);
  });

  test('wildcard addresses are dropped: nobody can dial them', () => {
    expect(read(withAddress('0.0.0.0:3888|[::]:3888|a:3888'))?.addresses).toEqual([{ host: 'a', port: 3888 }]);
  });

  test('what is no hello is refused', () => {
    const wrong = Buffer.from(v1, 'hex');
    wrong.writeBigInt64BE(-3n, 0);
    expect(() => read(wrong)).toThrow('ElectionHello.protocolVersion is -3');
    const long = Buffer.from(v1, 'hex');
    long.writeInt32BE(2049, 16);
    expect(() => read(long)).toThrow('ElectionHello.addr claims 2049 bytes');
    expect(() => read(withAddress('a:x'))).toThrow('ElectionHello.addr has a bad port number: a:x');
    expect(() => read(withAddress('a:1:2'))).toThrow('ElectionHello.addr is badly formed: a:1:2');
  });
});
