import { readFileSync } from 'node:fs';
import { arbitraryOf } from '@zk/jute/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACL, asSessionId, asZxid, collectImage, encodeImage, encodePacket, ImageReader, PacketType, QuorumStreamReader, StatPersisted } from '@zk/protocol';
import type { CollectedImage, QuorumPacket, StreamItem } from '@zk/protocol';

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const encoded = (image: CollectedImage): Buffer => Buffer.concat([...encodeImage(image)]);

function decoded(bytes: Buffer, cuts: number[] = []): { image: CollectedImage; rest: Buffer } {
  const builder = collectImage(asZxid(0n));
  const reader = new ImageReader(builder);
  for (const piece of pieces(bytes, cuts)) reader.push(piece);
  expect(reader.done).toBe(true);
  return { image: builder.finish(), rest: reader.takeRest() };
}

function pieces(bytes: Buffer, cuts: number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const stat: StatPersisted = {
  czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, pzxid: 0n,
};
const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const anyImage: fc.Arbitrary<CollectedImage> = fc.record({
  zxid: fc.constant(asZxid(0n)),
  sessions: fc.array(fc.record({ id: id.map(asSessionId), timeOut: fc.integer() })),
  acls: fc.array(fc.record({ id, acl: fc.array(arbitraryOf(ACL), { maxLength: 3 }) })),
  nodes: fc.array(
    fc.record({
      path: fc.string().filter((path) => path !== '/'),
      data: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
      aclId: id,
      stat: arbitraryOf(StatPersisted),
    }),
  ),
});
const cuts = fc.array(fc.nat(), { maxLength: 40 });

describe('images (quorum.md 8.6, storage.md 3.1)', () => {
  test.each(['java-3.8.0.snapshot.0', 'java-3.8.0.snapshot.3b'])('%s from Java comes out as the same bytes', (name) => {
    const body = fixture(name).subarray(16); // behind the file header
    const { image, rest } = decoded(body);
    expect(encoded(image).equals(body.subarray(0, body.length - rest.length))).toBe(true);
    expect(image.nodes[0]?.path).toBe('');
    expect(image.nodes.map(({ path }) => path)).toContain('/zookeeper/config');
    expect(rest.toString('latin1', 8, 13)).toBe('\0\0\0\x01/'); // the seal: a checksum and "/"
  });

  test('any image survives any chunking, and what follows it is handed back', () => {
    fc.assert(
      fc.property(anyImage, cuts, (image, cuts) => {
        const result = decoded(Buffer.concat([encoded(image), Buffer.from('rest')]), cuts);
        expect(result.image).toEqual(image);
        expect(result.rest.toString()).toBe('rest');
      }),
    );
  });

  test('one byte at a time is the hardest chunking', () => {
    const body = fixture('java-3.8.0.snapshot.3b').subarray(16);
    expect(decoded(body, Array.from(body.keys())).image).toEqual(decoded(body).image);
  });

  test('chunks are about 64 KiB, and nodes are asked for as the chunks are', () => {
    let produced = 0;
    const nodes = function* (): Iterable<CollectedImage['nodes'][number]> {
      for (; produced < 1000; produced++) yield { path: `/n${produced}`, data: Buffer.alloc(1000), aclId: -1n, stat };
    };
    const chunks = encodeImage({ zxid: asZxid(0n), sessions: [], acls: [], nodes: { [Symbol.iterator]: () => nodes()[Symbol.iterator]() } });
    const iterator = chunks[Symbol.iterator]();
    expect(iterator.next().value?.length).toBeGreaterThanOrEqual(64 * 1024);
    expect(produced).toBeLessThan(100);
    const others = [...{ [Symbol.iterator]: () => iterator }];
    expect(produced).toBe(1000);
    expect(Math.max(...others.map(({ length }) => length))).toBeLessThan(68 * 1024);
  });

  test('collected data is a copy: the chunk may be used again', () => {
    const bytes = encoded({ zxid: asZxid(0n), sessions: [], acls: [], nodes: [{ path: '/a', data: Buffer.from('v1'), aclId: -1n, stat }] });
    const { image } = decoded(bytes);
    bytes.fill(0);
    expect(image.nodes[0]?.data?.toString()).toBe('v1');
  });

  test.each([
    ['a negative session count', 'ffffffff', 'Image.sessionCount is -1'],
    ['an ACL list that is null', '00000000 00000001 0000000000000007 ffffffff', 'Image.acl 7 has no list'],
    ['a path beyond the limit', '00000000 00000000 7fffffff', 'Image.node.path claims 2147483647 bytes, the limit is 2097150'],
    ['data of −2 bytes', '00000000 00000000 00000000 fffffffe', 'Image.node.data claims -2 bytes, the limit is 2097150'],
  ])('%s is refused before anything is kept for it', (_, hex, message) => {
    const reader = new ImageReader(collectImage(asZxid(0n)));
    expect(() => reader.push(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow(message);
  });
});

describe('the quorum port’s stream (quorum.md 5.1, 8.6)', () => {
  const signature = Buffer.from('0000000a42656e57617348657265', 'hex');
  const packet = (type: number, zxid: bigint, data: Buffer | null = null): QuorumPacket => ({ type, zxid: asZxid(zxid), data, authinfo: null });
  const snap = packet(PacketType.SNAP, 0x100000000n);
  const newLeader = packet(PacketType.NEWLEADER, 0x100000000n, Buffer.from('version=0'));
  const read = (bytes: Buffer, cuts: number[] = []): StreamItem<CollectedImage>[] => {
    const reader = new QuorumStreamReader(collectImage);
    return pieces(bytes, cuts).flatMap((piece) => reader.push(piece));
  };

  test('the bytes of the SNAP capture (16.5), its nodes replaced by a fresh 3.8.0 tree', () => {
    const { image } = decoded(fixture('java-3.8.0.snapshot.0').subarray(16));
    const bytes = Buffer.concat([
      Buffer.from('0000000f0000000100000000ffffffffffffffff', 'hex'),
      encoded(image),
      signature,
      Buffer.from('0000000a0000000100000000ffffffffffffffff', 'hex'),
    ]);
    expect(read(bytes)).toEqual([
      { kind: 'packet', packet: snap },
      { kind: 'image', image: { ...image, zxid: 0x100000000n } },
      { kind: 'packet', packet: { ...newLeader, data: null } },
    ]);
  });

  test('packets and images survive any chunking', () => {
    const packets = fc.array(fc.constantFrom(newLeader, packet(PacketType.PING, -1n, Buffer.alloc(0)), packet(PacketType.COMMIT, 5n)));
    fc.assert(
      fc.property(packets, anyImage, packets, cuts, (before, image, after, cuts) => {
        const bytes = Buffer.concat([...[...before, snap].map(encodePacket), encoded(image), signature, ...after.map(encodePacket)]);
        expect(read(bytes, cuts)).toEqual([
          ...[...before, snap].map((packet) => ({ kind: 'packet', packet })),
          { kind: 'image', image: { ...image, zxid: 0x100000000n } },
          ...after.map((packet) => ({ kind: 'packet', packet })),
        ]);
      }),
    );
  });

  test('packets that lie whole in a chunk are read as those that come byte by byte, errors included', () => {
    const ids = fc.option(fc.array(fc.record({ scheme: fc.string({ maxLength: 4 }), id: fc.string({ maxLength: 4 }) }), { maxLength: 2 }), { nil: null });
    const data = fc.option(fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)), { nil: null });
    const any = fc.record({ type: fc.integer({ min: 1, max: 14 }), zxid: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), data, authinfo: ids });
    const flips = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 2 });
    const outcome = (bytes: Buffer, size: number): unknown => {
      const reader = new QuorumStreamReader(collectImage, 1000);
      const items: unknown[] = [];
      try {
        for (let at = 0; at < bytes.length; at += size) items.push(...reader.push(bytes.subarray(at, at + size)));
      } catch (error) {
        return (error as Error).message; // what came before it in the same chunk is lost with the connection
      }
      return items;
    };
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), flips, fc.nat(20), (packets, flips, cut) => {
        const whole = Buffer.concat(packets.map(encodePacket));
        const bytes = whole.subarray(0, Math.max(0, whole.length - cut));
        for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
        expect(outcome(bytes, bytes.length + 1)).toEqual(outcome(bytes, 1));
      }),
      { numRuns: 300 },
    );
  });

  test('ids of clients come with requests', () => {
    const request: QuorumPacket = { ...packet(PacketType.REQUEST, -1n, Buffer.from('x')), authinfo: [{ scheme: 'ip', id: '127.0.0.1' }] };
    expect(read(encodePacket(request), [14, 20, 26, 30])).toEqual([{ kind: 'packet', packet: request }]);
  });

  test('an image without its signature is refused', () => {
    const { image } = decoded(fixture('java-3.8.0.snapshot.0').subarray(16));
    const bytes = Buffer.concat([encodePacket(snap), encoded(image), encodePacket(newLeader)]);
    expect(() => read(bytes)).toThrow('Image of a SNAP is not followed by BenWasHere');
  });

  test('a packet that claims more than the limit is refused at once', () => {
    const bytes = Buffer.from('00000002' + '0000000100000001' + '00200000', 'hex');
    expect(() => read(bytes)).toThrow('QuorumPacket.data claims 2097152 bytes, the limit is 2097150');
  });
});
