import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { asZxid } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { adler32 } from '../src/adler32.ts';
import { emptyImage } from '../src/empty-database.ts';
import { encodeSnapshot, FileStore, nodeDisk, type SnapshotFormat } from '../src/index.ts';
import { readSnapshot } from '../src/snapshot-reader.ts';
import { compressBlock, decompressBlock } from '../src/snappy.ts';
import { appended, checkpointed, dataAt, imageAt, started } from '../src/testing.ts';
import { fileDisk, FIXTURES, temporaryDirectory } from './support.ts';

const RAW: SnapshotFormat = { digest: true, lastZxid: true, compression: 'none' };

function isReadable(path: string): boolean {
  try {
    readSnapshot(nodeDisk, { path, zxid: asZxid(0x3bn) });
    return true;
  } catch {
    return false;
  }
}

describe('the log', () => {
  test("our file is Apache's byte for byte when the same txns are appended", async () => {
    const dataDir = temporaryDirectory();
    mkdirSync(join(dataDir, 'version-2'));
    for (const name of ['snapshot.0', 'log.1']) {
      writeFileSync(join(dataDir, 'version-2', name), readFileSync(join(FIXTURES, 'java-3.8.0', name)));
    }
    const ours = fileDisk();
    await appended(started(ours).store, [...FileStore.open({ dataDir }).recover().txns]);
    expect(readFileSync(join(ours.dataDir, 'version-2', 'log.1'))).toEqual(readFileSync(join(FIXTURES, 'java-3.8.0', 'log.1')));
  });
});

describe('snapshots', () => {
  test.each<[string, bigint, Partial<SnapshotFormat>]>([
    ['java-3.8.0/snapshot.3b', 0x3bn, { lastZxid: false }],
    ['java-3.9.5/snapshot.44', 0x44n, {}],
    ['java-3.9.5/no-digest/snapshot.5', 0x5n, { digest: false }],
    ['java-3.8.0/large/snapshot.c3d', 0xc3dn, { lastZxid: false }],
  ])('%s is read and written again byte for byte', (name, zxid, sections) => {
    const path = join(FIXTURES, name);
    const image = readSnapshot(nodeDisk, { path, zxid: asZxid(zxid) });
    expect(Buffer.concat([...encodeSnapshot(image, { ...RAW, ...sections })])).toEqual(readFileSync(path));
  });

  test("an empty database is Apache's snapshot.0", () => {
    const bytes = Buffer.concat([...encodeSnapshot(emptyImage(), { ...RAW, lastZxid: false })]);
    expect(bytes).toEqual(readFileSync(join(FIXTURES, 'java-3.8.0', 'snapshot.0')));
  });

  test.each(['none', 'gz', 'snappy'] as const)('compression %s: what a checkpoint writes, a start reads, whatever its own setting', async (compression) => {
    const { dataDir, open } = fileDisk({ compression });
    await checkpointed(started({ open }).store, imageAt(3n, 'x'.repeat(100_000)));
    expect(nodeDisk.exists(join(dataDir, 'version-2', compression === 'none' ? 'snapshot.3' : `snapshot.3.${compression}`))).toBe(true);
    expect(dataAt(FileStore.open({ dataDir }).recover(), '/a')).toBe('x'.repeat(100_000));
  });

  test('every changed byte is noticed', () => {
    const path = join(temporaryDirectory(), 'snapshot.3b');
    const bytes = readFileSync(join(FIXTURES, 'java-3.8.0', 'snapshot.3b'));
    const missed: number[] = [];
    for (let offset = 16; offset < bytes.length; offset++) {
      const changed = Buffer.from(bytes);
      changed[offset] = (bytes[offset] as number) ^ 0x55;
      writeFileSync(path, changed);
      if (isReadable(path)) missed.push(offset);
    }
    expect(missed).toEqual([]);
  });

  test('a node without its parent makes the file unusable', () => {
    const path = join(temporaryDirectory(), 'snapshot.3');
    const { nodes, ...rest } = imageAt(3n);
    writeFileSync(path, Buffer.concat([...encodeSnapshot({ ...rest, nodes: [...nodes].slice(1) }, RAW)]));
    expect(() => readSnapshot(nodeDisk, { path, zxid: asZxid(3n) })).toThrow('unable to find parent');
  });
});

describe('checksums and compression', () => {
  test('adler32 is what zlib puts behind its streams, in any split', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 20_000, maxLength: 20_000, size: 'max' }), fc.constant(new Uint8Array(100_000).fill(255)));
    fc.assert(fc.property(bytes, fc.nat(), (content, seed) => {
      const split = content.length === 0 ? 0 : seed % content.length;
      expect(adler32(content, split, content.length, adler32(content, 0, split))).toBe(deflateSync(content, { level: 0 }).readUInt32BE(deflateSync(content, { level: 0 }).length - 4));
    }), { numRuns: 60 });
  });

  test('a snappy block decompresses to what was compressed', () => {
    const repetitive = fc.array(fc.constantFrom('aaaa', 'abcd', 'zookeeper', '\0\0\0\0'), { maxLength: 800 }).map((words) => Buffer.from(words.join('')));
    fc.assert(fc.property(fc.oneof(repetitive, fc.uint8Array({ maxLength: 5000, size: 'max' }).map((bytes) => Buffer.from(bytes))), (bytes) => {
      expect(decompressBlock(compressBlock(bytes)).equals(bytes)).toBe(true);
    }));
  });

  test('a snappy block that is no such thing is refused, not followed out of its bounds', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      let out: Buffer | null = null;
      try {
        out = decompressBlock(Buffer.from([bytes.length & 0x3f, ...bytes]));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(out === null || out.length === (bytes.length & 0x3f)).toBe(true);
    }));
  });
});
