import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asSessionId, type StatPersisted } from '@zk/protocol';
import { crc32 } from '../src/crc32.ts';
import { DataTree, nodeDigest, packedNodeDigest, packStat, PACKED_STAT_LENGTH } from '../src/index.ts';

test('CRC-32 is zlib’s, for any range, in any number of steps', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1500 }), fc.nat(), fc.nat(), (bytes, a, b) => {
      const [from, to] = [a % (bytes.length + 1), b % (bytes.length + 1)].sort((x, y) => x - y) as [number, number];
      const expected = from === to ? 0 : zlibCrc32(bytes.subarray(from, to));
      expect(crc32(bytes, from, to)).toBe(expected);
      const middle = (from + to) >>> 1;
      expect(crc32(bytes, middle, to, crc32(bytes, from, middle))).toBe(expected);
    }),
  );
});

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const anyStat: fc.Arbitrary<StatPersisted> = fc.record({
  czxid: long, mzxid: long, ctime: long, mtime: long, version: int, cversion: int, aversion: int, ephemeralOwner: long, pzxid: long,
});
const anyPath = fc.oneof(fc.constant('/'), fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 60 }).map((name) => `/${name}`), fc.constant(`/${'a'.repeat(5000)}`));

test('the digest of a packed stat is the CRC-32 of path, data and stat', () => {
  fc.assert(
    fc.property(anyPath, fc.option(fc.uint8Array({ maxLength: 900 })), anyStat, (path, data, stat) => {
      const bytes = data && Buffer.from(data);
      const whole = Buffer.concat([Buffer.from(path === '/' ? '' : path), bytes ?? Buffer.alloc(0), packStat(stat)]);
      const expected = path.startsWith('/zookeeper/') ? 0 : zlibCrc32(whole);
      expect(packedNodeDigest(path, bytes, packStat(stat))).toBe(expected);
      expect(nodeDigest(path, bytes, stat)).toBe(BigInt(expected));
    }),
  );
});

test('a znode packs the stat it persists', () => {
  fc.assert(
    fc.property(anyStat, (stat) => {
      const owner = asSessionId(stat.ephemeralOwner);
      const nodes = [{ path: '', data: null, aclId: -1n, stat: { ...stat, ephemeralOwner: owner } }];
      const tree = DataTree.fromImage({ zxid: 1n as never, sessions: [], acls: [], nodes });
      const node = tree.node('/')!;
      const packed = Buffer.alloc(PACKED_STAT_LENGTH);
      node.packStat(packed);
      expect(packed.equals(packStat(node.persisted()))).toBe(true);
      expect(BigInt(node.digest)).toBe(nodeDigest('/', null, node.persisted()));
    }),
  );
});
