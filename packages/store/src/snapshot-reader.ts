import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { asZxid, collectImage, ImageReader, type Image, type ImageBuilder, type ImageNode, type ImageVisitor, type Zxid } from '@zk/protocol';
import { adler32 } from './adler32.ts';
import { isMissing, readFile, readFully, type Disk } from './disk.ts';
import { compressionOf, type NamedFile } from './file-names.ts';
import { readSnappy, SNAPPY_MAGIC } from './snappy.ts';

/** "ZKSN" */
export const SNAPSHOT_MAGIC = 0x5a4b534e;
export const SNAPSHOT_VERSION = 2;
/** magic, version, dbid */
export const SNAPSHOT_HEADER_BYTES = 16;
/** checksum of everything before it, then the string "/" */
export const SEAL_BYTES = 13;
const SEAL_MARK = Buffer.from('000000012f', 'hex');
const DIGEST_BYTES = 20; // zxid, version, digest
const LAST_ZXID_BYTES = 8;
const MIN_SNAPSHOT_BYTES = 10;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Apache's test before it reads a snapshot: enough to see that a raw file was written to its end (storage.md 3.4). One that
 * is purged meanwhile is not.
 */
export function looksComplete(disk: Disk, path: string): boolean {
  try {
    return hasEnd(disk, path);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function hasEnd(disk: Disk, path: string): boolean {
  const size = disk.size(path);
  if (size < MIN_SNAPSHOT_BYTES) return false;
  switch (compressionOf(path)) {
    case 'gz':
      return bytesAt(disk, path, 0, 2).equals(Buffer.from([0x1f, 0x8b]));
    case 'snappy':
      return bytesAt(disk, path, 0, SNAPPY_MAGIC.length).equals(SNAPPY_MAGIC);
    case 'none':
      return bytesAt(disk, path, size - SEAL_MARK.length, SEAL_MARK.length).equals(SEAL_MARK);
  }
}

/**
 * Reads a snapshot of any Apache version and compression, checking every seal (storage.md 3.1, 3.3).
 * The image's zxid is the one in the file's name; its digest is left out when it is older than that or says nothing.
 * @throws Error when the file cannot be believed, saying why
 */
export function readSnapshot(disk: Disk, file: NamedFile): Image {
  const builder = requireParents(collectImage(file.zxid));
  const sections = visitSnapshot(disk, file.path, builder);
  return withDigest(builder.finish(), sections);
}

/**
 * Shows what is in a snapshot, as it comes, holding none of it; what it was shown counts only once this has returned.
 * @throws Error when the file cannot be believed, saying why
 */
export function visitSnapshot(disk: Disk, path: string, visitor: ImageVisitor): SnapshotSections {
  const parser = new SnapshotParser(visitor);
  for (const chunk of chunks(disk, path)) parser.push(chunk);
  return parser.finish();
}

/** Reads the bytes of an uncompressed snapshot as they arrive, in any pieces. */
export class SnapshotParser {
  readonly #reader: ImageReader;
  #header = Buffer.alloc(0);
  #sum = 1;
  /** What follows the nodes, once they are complete. */
  #tail: Buffer[] | null = null;

  /** @param visitor is shown what comes; it counts only once {@link finish} has returned */
  constructor(visitor: ImageVisitor) {
    this.#reader = new ImageReader(visitor);
  }

  /** The chunk must not be changed afterwards until the next one. @throws Error */
  push(chunk: Buffer): void {
    if (this.#tail) {
      this.#tail.push(chunk);
      return;
    }
    const content = this.#header.length < SNAPSHOT_HEADER_BYTES ? this.#takeHeader(chunk) : chunk;
    const complete = content.length > 0 && this.#reader.push(content);
    const rest = complete ? this.#reader.takeRest() : Buffer.alloc(0);
    this.#sum = adler32(content, 0, content.length - rest.length, this.#sum);
    if (complete) this.#tail = [rest];
  }

  /** There is no more. @throws Error */
  finish(): SnapshotSections {
    if (!this.#tail) throw new Error('the file ends before its nodes do');
    return readSections(Buffer.concat(this.#tail), this.#sum);
  }

  /** @returns what comes behind it */
  #takeHeader(chunk: Buffer): Buffer {
    const missing = SNAPSHOT_HEADER_BYTES - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
    this.#sum = adler32(chunk, 0, Math.min(missing, chunk.length), this.#sum);
    if (this.#header.length === SNAPSHOT_HEADER_BYTES) requireMagic(this.#header);
    return chunk.subarray(missing);
  }
}

/** What a snapshot says behind its nodes; older versions of Apache less than newer ones. */
export interface SnapshotSections {
  /** The tree's digest when the last node was written. */
  digest: { zxid: Zxid; version: number; value: bigint } | null;
  /** The last txn that can be in it. */
  lastZxid: Zxid | null;
}

/** What follows the nodes: seals are cumulative, and how much is left tells which sections there are. */
function readSections(tail: Buffer, sum: number): SnapshotSections {
  let at = 0;
  const seal = (sectionBytes: number): void => {
    sum = adler32(tail, at, at + sectionBytes, sum);
    at += sectionBytes;
    if (at + SEAL_BYTES > tail.length) throw new Error('the file ends before its seal');
    const mark = tail.subarray(at + 8, at + SEAL_BYTES);
    if (tail.readBigUInt64BE(at) !== BigInt(sum) || !mark.equals(SEAL_MARK)) throw new Error('CRC corruption');
    sum = adler32(tail, at, at + SEAL_BYTES, sum);
    at += SEAL_BYTES;
  };
  seal(0);
  const left = tail.length - at;
  const hasDigest = left >= DIGEST_BYTES + SEAL_BYTES;
  let digest: SnapshotSections['digest'] = null;
  if (hasDigest) {
    digest = { zxid: asZxid(tail.readBigInt64BE(at)), version: tail.readInt32BE(at + 8), value: tail.readBigInt64BE(at + 12) };
    seal(DIGEST_BYTES);
  }
  let lastZxid: Zxid | null = null;
  if (tail.length - at >= LAST_ZXID_BYTES + SEAL_BYTES) {
    lastZxid = asZxid(tail.readBigInt64BE(at));
    seal(LAST_ZXID_BYTES);
  }
  if (at !== tail.length) throw new Error(`${tail.length - at} bytes too many behind the last seal`);
  return { digest, lastZxid };
}

function withDigest(image: Image, { digest }: SnapshotSections): Image {
  const saysNothing = !digest || digest.zxid < image.zxid || (digest.zxid === 0n && digest.value === 0n);
  return saysNothing ? image : { ...image, digest };
}

/** A node whose parent has not come before it makes the whole file unusable (storage.md 3.2). */
function requireParents<I>(builder: ImageBuilder<I>): ImageBuilder<I> {
  const paths = new Set<string>();
  return {
    onSession: (id, timeOut) => builder.onSession(id, timeOut),
    onAcl: (id, acl) => builder.onAcl(id, acl),
    onNode(node: ImageNode) {
      const parent = node.path.slice(0, Math.max(0, node.path.lastIndexOf('/')));
      if (node.path !== '' && !paths.has(parent)) throw new Error(`Invalid Datatree, unable to find parent ${parent} of path ${node.path}`);
      paths.add(node.path);
      builder.onNode(node);
    },
    finish: () => builder.finish(),
  };
}

function requireMagic(header: Buffer): void {
  const magic = header.readInt32BE(0);
  if (magic !== SNAPSHOT_MAGIC) throw new Error(`mismatching magic headers ${magic} != ${SNAPSHOT_MAGIC}`);
}

/** The uncompressed content. */
function chunks(disk: Disk, path: string): Iterable<Buffer> {
  switch (compressionOf(path)) {
    case 'gz':
      return [gunzipSync(readFile(disk, path))];
    case 'snappy':
      return readSnappy(readFile(disk, path));
    case 'none':
      return rawChunks(disk, path);
  }
}

function* rawChunks(disk: Disk, path: string): Iterable<Buffer> {
  const fd = disk.open(path, 'r');
  try {
    const chunkBytes = Math.min(CHUNK_BYTES, disk.size(path) + 1);
    for (let at = 0; ; ) {
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      const length = readFully(disk, fd, chunk, 0, chunk.length, at);
      if (length === 0) return;
      at += length;
      yield chunk.subarray(0, length);
    }
  } finally {
    disk.close(fd);
  }
}

function bytesAt(disk: Disk, path: string, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = disk.open(path, 'r');
  try {
    return bytes.subarray(0, readFully(disk, fd, bytes, 0, length, position));
  } catch (error) {
    throw new Error(`cannot read ${basename(path)}`, { cause: error });
  } finally {
    disk.close(fd);
  }
}
