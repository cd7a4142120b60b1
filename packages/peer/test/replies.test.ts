import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import { Replies } from '../src/replies.ts';
import { REPLY_HEADER_END } from '../src/reply.ts';
import { SHEET_BYTES } from '../src/sheet.ts';

test('a frame that is kept stays what it is, whatever the lengths and whatever becomes of the memory it was made in', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(300), fc.nat(20_000)), { minLength: 1, maxLength: 60 }), (lengths) => {
      const sheet = Buffer.alloc(SHEET_BYTES);
      const replies = new Replies(() => sheet);
      replies.lastApplied(asZxid(0x500000003n));
      const frames = lengths.map((length, xid) => {
        const reply = replies.begin(xid, length);
        reply.bytes.fill(xid & 0xff, reply.body, reply.end);
        return reply.frame();
      });
      sheet.fill(0xee); // it serves others
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
  const { bytes, end } = { ...replies.begin(1, 80) };
  const second = replies.header(2);
  expect(second.bytes).toBe(bytes);
  expect(second.start).toBe(end);
});
