import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import { Replies, REPLY_HEADER_END } from '../src/replies.ts';

test('frames share memory and never bytes, whatever their lengths', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(300), fc.nat(20_000)), { minLength: 1, maxLength: 60 }), (lengths) => {
      const replies = new Replies();
      replies.lastApplied(asZxid(0x500000003n));
      const frames = lengths.map((length, xid) => replies.begin(xid, length).fill(xid & 0xff, REPLY_HEADER_END));
      for (const [xid, frame] of frames.entries()) {
        const length = lengths[xid]!;
        expect(frame.length).toBe(REPLY_HEADER_END + length);
        expect([frame.readInt32BE(0), frame.readInt32BE(4), frame.readInt32BE(16)]).toEqual([16 + length, xid, 0]);
        expect(frame.readBigInt64BE(8)).toBe(0x500000003n);
        expect(frame.subarray(REPLY_HEADER_END).equals(Buffer.alloc(length, xid & 0xff))).toBe(true);
      }
    }),
  );
});

test('small replies made one after the other lie behind each other', () => {
  const replies = new Replies();
  const [first, second] = [replies.begin(1, 80), replies.header(2)];
  expect(second.buffer).toBe(first.buffer);
  expect(second.byteOffset).toBe(first.byteOffset + first.length);
});
