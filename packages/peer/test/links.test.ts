import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PacketType, QuorumStreamReader, asZxid, encodeImage, encodePacket } from '@zk/protocol';
import { DataTree } from '@zk/tree';
import { QuorumLink, snapStream } from '../src/links.ts';
import { PacketEncoder } from '../src/packet-encoder.ts';
import type { LinkEvents } from '../src/links.ts';
import type { Link } from '../src/world.ts';

const limits = { maxBuffer: 1000, maxBufferExtra: 1000 };
const ping = { type: PacketType.PING, zxid: 7n, data: null, authinfo: null };

class RecordingLink implements Link {
  readonly id = 1;
  readonly remote = 'learner';
  readonly sent: Buffer[] = [];
  bufferedBytes = 0;
  closed: string | null = null;

  send(bytes: Buffer): void {
    this.sent.push(bytes);
    this.bufferedBytes += bytes.length;
  }

  close(reason: string): void {
    this.closed = reason;
  }
}

function linked(): { raw: RecordingLink; link: QuorumLink; seen: string[] } {
  const raw = new RecordingLink();
  const seen: string[] = [];
  const events: LinkEvents = {
    packet: (_, packet) => void seen.push(`packet ${packet.type}`),
    imageBegins: (zxid) => DataTree.builder(zxid),
    image: (_, tree) => void seen.push(`image of ${tree.nodeCount} znodes`),
    malformed: (_, reason) => void seen.push(`malformed: ${reason}`),
  };
  return { raw, link: new QuorumLink(raw, limits, events), seen };
}

describe('a quorum link', () => {
  test('streams an image slice by slice, as the transport drains, and sends the rest behind it', () => {
    const { raw, link } = linked();
    const chunks = Array.from({ length: 5 }, () => Buffer.alloc(600_000));
    link.sendImage(chunks);
    link.send(encodePacket(ping));
    expect(raw.sent).toHaveLength(2); // 1.2 MB: the slice is full
    expect(link.backlogBytes).toBe(1_200_000 + 20);
    raw.bufferedBytes = 0;
    link.drained();
    expect(raw.sent).toHaveLength(4);
    link.drained();
    expect(raw.sent.map((bytes) => bytes.length)).toEqual([600_000, 600_000, 600_000, 600_000, 600_000, 20]);
  });

  test('what a snap stream carries is read at the other end as the same tree', () => {
    const tree = new DataTree();
    tree.lastZxid = asZxid(0x100000005n);
    const reader = new QuorumStreamReader((zxid) => DataTree.builder(zxid));
    const items = [...snapStream(tree.lastZxid, encodeImage(tree.image()))].flatMap((chunk) => reader.push(chunk));
    expect(items.map((item) => item.kind)).toEqual(['packet', 'image']);
    const built = items[1]?.kind === 'image' ? items[1].image : null;
    expect(built).toMatchObject({ lastZxid: 0x100000005n, digest: tree.digest, nodeCount: tree.nodeCount });
  });

  test('is closed, and says why, when the bytes are no packets', () => {
    const { raw, link, seen } = linked();
    const hugeData = Buffer.alloc(20, 0xff);
    hugeData.writeInt32BE(0x7fffffff, 12);
    link.received(hugeData);
    expect(raw.closed).not.toBeNull();
    expect(seen).toEqual([`malformed: ${raw.closed}`]);
    link.send(encodePacket(ping));
    expect(raw.sent).toEqual([]);
  });

  test('delivers nothing once it is closed, not even the rest of a chunk', () => {
    const raw = new RecordingLink();
    const seen: number[] = [];
    const link: QuorumLink = new QuorumLink(raw, limits, {
      packet: (from, packet) => {
        seen.push(packet.type);
        from.close('enough');
      },
      imageBegins: (zxid) => DataTree.builder(zxid),
      image: () => {},
      malformed: () => {},
    });
    link.received(Buffer.concat([encodePacket(ping), encodePacket(ping)]));
    expect(seen).toEqual([PacketType.PING]);
  });
});

test('a packet for many is encoded once', () => {
  const encoder = new PacketEncoder();
  const { start, end } = { ...encoder.encode(ping) };
  expect({ ...encoder.encode(ping) }).toMatchObject({ start, end });
  expect(encoder.encode({ ...ping, zxid: 8n }).start).toBe(end);
});

const packet = fc.record({
  type: fc.integer({ min: 1, max: 19 }),
  zxid: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  data: fc.option(fc.oneof({ weight: 9, arbitrary: fc.uint8Array({ maxLength: 300 }) }, fc.uint8Array({ minLength: 8000, maxLength: 9000, size: 'max' })).map((bytes) => Buffer.from(bytes)), { nil: null }),
  authinfo: fc.option(fc.array(fc.record({ scheme: fc.string(), id: fc.string() }), { maxLength: 3 }), { nil: null }),
});

test('packets in a sheet are what the record codec makes of them, also when all have been sent', () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
      const encoder = new PacketEncoder();
      const sent = packets.map((each) => {
        const { bytes, start, end } = encoder.encode(each);
        return bytes.subarray(start, end);
      });
      expect(Buffer.concat(sent).equals(Buffer.concat(packets.map(encodePacket)))).toBe(true);
    }),
  );
});
