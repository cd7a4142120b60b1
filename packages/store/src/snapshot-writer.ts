import { createGzip, gzipSync, type Gzip } from 'node:zlib';
import { encodeImage, type Image } from '@zk/protocol';
import { adler32 } from './adler32.ts';
import { writeFully, type Disk } from './disk.ts';
import type { Compression } from './file-names.ts';
import { SEAL_BYTES, SNAPSHOT_HEADER_BYTES, SNAPSHOT_MAGIC, SNAPSHOT_VERSION } from './snapshot-reader.ts';
import { snappyBlocks, snappyHeader } from './snappy.ts';

export interface SnapshotFormat {
  /** Write the digest section (zookeeper.digest.enabled): Java reads it or not by that same setting. */
  digest: boolean;
  /** Write the last-zxid section of 3.9 (zookeeper.serializeLastProcessedZxid.enabled). */
  lastZxid: boolean;
  compression: Compression;
}

const DIGEST_VERSION = 2;

/**
 * A snapshot file in chunks of about 64 KiB, uncompressed (storage.md 3.1). The digest is asked for after the last
 * node: it is that of the tree as it is then.
 */
export function* encodeSnapshot(image: Image, format: SnapshotFormat): Iterable<Buffer> {
  const zxid = image.zxid;
  let sum = 1;
  const sealed = (section: Buffer): Buffer => {
    const seal = Buffer.alloc(SEAL_BYTES);
    sum = adler32(section, 0, section.length, sum);
    seal.writeBigUInt64BE(BigInt(sum), 0);
    seal.writeInt32BE(1, 8);
    seal.write('/', 12, 'latin1');
    sum = adler32(seal, 0, seal.length, sum);
    return Buffer.concat([section, seal]);
  };
  for (const chunk of concat(header(), encodeImage(image))) {
    sum = adler32(chunk, 0, chunk.length, sum);
    yield chunk;
  }
  yield sealed(Buffer.alloc(0));
  const digest = image.digest;
  if (format.digest) yield sealed(digestSection(digest));
  if (format.lastZxid) yield sealed(int64(digest && digest.zxid > zxid ? digest.zxid : zxid));
}

/** Writes a whole snapshot at once, synchronously: for small ones. Not synced. @returns bytes written */
export function writeSnapshotNow(disk: Disk, fd: number, image: Image, format: SnapshotFormat): number {
  const content = Buffer.concat([...encodeSnapshot(image, format)]);
  const bytes = compressed(content, format.compression);
  writeFully(disk, fd, bytes, bytes.length, 0);
  return bytes.length;
}

/**
 * Writes a snapshot in slices, giving the event loop its turn after each: the image may be a live tree.
 * Not synced. @returns false when `stopped` said so in between
 */
export async function writeSnapshot(disk: Disk, fd: number, image: Image, format: SnapshotFormat, stopped: () => boolean): Promise<boolean> {
  const sink = sinkFor(format.compression, new Appender(disk, fd));
  for (const chunk of encodeSnapshot(image, format)) {
    await sink.write(chunk);
    await nextTurn();
    if (stopped()) {
      sink.abandon();
      return false;
    }
  }
  await sink.end();
  return true;
}

/** Where uncompressed chunks go. */
interface Sink {
  write(chunk: Buffer): Promise<void> | void;
  end(): Promise<void> | void;
  /** Nothing more reaches the file. */
  abandon(): void;
}

class Appender implements Sink {
  readonly #disk: Disk;
  readonly #fd: number;
  #position = 0;

  constructor(disk: Disk, fd: number) {
    this.#disk = disk;
    this.#fd = fd;
  }

  write(chunk: Buffer): void {
    writeFully(this.#disk, this.#fd, chunk, chunk.length, this.#position);
    this.#position += chunk.length;
  }

  end(): void {}
  abandon(): void {}
}

class SnappySink implements Sink {
  readonly #file: Appender;

  constructor(file: Appender) {
    this.#file = file;
    file.write(snappyHeader());
  }

  write(chunk: Buffer): void {
    for (const part of snappyBlocks(chunk)) this.#file.write(part);
  }

  end(): void {}
  abandon(): void {}
}

/** zlib compresses in the thread pool. */
class GzipSink implements Sink {
  readonly #gzip: Gzip = createGzip();
  readonly #ended: Promise<void>;

  constructor(file: Appender) {
    this.#ended = new Promise((resolve, reject) => {
      this.#gzip.on('error', reject).on('end', resolve);
      this.#gzip.on('data', (chunk: Buffer) => {
        try {
          file.write(chunk);
        } catch (error) {
          this.#gzip.destroy(error as Error);
        }
      });
    });
    this.#ended.catch(() => {}); // reported by write() or end()
  }

  write(chunk: Buffer): Promise<void> {
    // A stream that was destroyed says only that: why, is what it ended with.
    return new Promise((resolve, reject) => this.#gzip.write(chunk, (error) => (error ? this.#ended.then(() => reject(error), reject) : resolve())));
  }

  end(): Promise<void> {
    this.#gzip.end();
    return this.#ended;
  }

  abandon(): void {
    this.#gzip.removeAllListeners('data').destroy();
  }
}

function sinkFor(compression: Compression, file: Appender): Sink {
  switch (compression) {
    case 'gz':
      return new GzipSink(file);
    case 'snappy':
      return new SnappySink(file);
    case 'none':
      return file;
  }
}

function compressed(content: Buffer, compression: Compression): Buffer {
  switch (compression) {
    case 'gz':
      return gzipSync(content);
    case 'snappy':
      return Buffer.concat([snappyHeader(), ...snappyBlocks(content)]);
    case 'none':
      return content;
  }
}

function* concat(first: Buffer, rest: Iterable<Buffer>): Iterable<Buffer> {
  yield first;
  yield* rest;
}

function header(): Buffer {
  const bytes = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
  bytes.writeInt32BE(SNAPSHOT_MAGIC, 0);
  bytes.writeInt32BE(SNAPSHOT_VERSION, 4);
  bytes.writeBigInt64BE(-1n, 8); // dbid
  return bytes;
}

/** Zeros say "no digest yet"; Java expects the section whenever its digest is switched on. */
function digestSection(digest: Image['digest']): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeBigInt64BE(digest?.zxid ?? 0n, 0);
  bytes.writeInt32BE(digest?.version ?? DIGEST_VERSION, 8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, digest?.value ?? 0n), 12);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
