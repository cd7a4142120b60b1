/**
 * Snappy as snappy-java's streams frame it ("xerial"): a header, then length-prefixed raw blocks. Node has no Snappy;
 * this much of it is enough for snapshot files (storage.md 3.4).
 */

/** Magic "\x82SNAPPY\0", version 1, oldest compatible version 1. */
const HEADER = Buffer.from('82534e415050590000000001' + '00000001', 'hex');
export const SNAPPY_MAGIC = HEADER.subarray(0, 8);
/** What goes into one block, and so the farthest a copy can reach back. */
const BLOCK_BYTES = 32 * 1024;
/** No writer makes larger blocks than this. */
const MAX_BLOCK_BYTES = 1 << 28;

const LITERAL = 0;
const COPY_1 = 1; // 4-11 bytes, 11-bit offset
const COPY_2 = 2; // 1-64 bytes, 16-bit offset
const MIN_MATCH = 4;
const HASH_BITS = 14;

/** The blocks of a stream, uncompressed. @throws Error when the framing or a block is wrong or cut short */
export function* readSnappy(bytes: Buffer): Iterable<Buffer> {
  if (bytes.length < HEADER.length || !bytes.subarray(0, 8).equals(SNAPPY_MAGIC)) throw new Error('no snappy stream');
  let at = HEADER.length;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw new Error('the snappy stream ends inside a length');
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0 || at + length > bytes.length) throw new Error(`a snappy block of ${length} bytes at ${at} is not all there`);
    yield decompressBlock(bytes.subarray(at, at + length));
    at += length;
  }
}

/** What a stream begins with. */
export function snappyHeader(): Buffer {
  return HEADER;
}

/** `bytes` as a sequence of framed blocks. */
export function* snappyBlocks(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = compressBlock(bytes.subarray(at, at + BLOCK_BYTES));
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(block.length);
    yield length;
    yield block;
  }
}

/** One raw block: its uncompressed length as a varint, then literals and copies of what came before. */
export function decompressBlock(block: Buffer): Buffer {
  const { value: size, next } = readVarint(block);
  if (size > MAX_BLOCK_BYTES) throw new Error(`a snappy block claims ${size} bytes`);
  const out = Buffer.allocUnsafeSlow(size);
  let from = next;
  let to = 0;
  while (from < block.length) {
    const tag = block[from++] as number;
    if ((tag & 3) === LITERAL) {
      const { length, next: start } = literalLength(block, tag, from);
      if (start + length > block.length || to + length > size) throw new Error('a snappy literal runs over the end');
      block.copy(out, to, start, start + length);
      from = start + length;
      to += length;
    } else {
      const { length, offset, next: after } = readCopy(block, tag, from);
      if (offset === 0 || offset > to || to + length > size) throw new Error('a snappy copy points outside of its block');
      // Byte by byte: source and target may overlap, and then the copy repeats itself.
      for (let i = 0; i < length; i++, to++) out[to] = out[to - offset] as number;
      from = after;
    }
  }
  if (to !== size) throw new Error(`a snappy block has ${to} of its ${size} bytes`);
  return out;
}

/** Greedy: the last place with the same four bytes, if it really has them. */
export function compressBlock(input: Buffer): Buffer {
  const out: number[] = [];
  writeVarint(out, input.length);
  const seen = new Int32Array(1 << HASH_BITS).fill(-1);
  let literalFrom = 0;
  let at = 0;
  while (at + MIN_MATCH <= input.length) {
    const word = input.readUInt32LE(at);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS);
    const candidate = seen[slot] as number;
    seen[slot] = at;
    if (candidate < 0 || input.readUInt32LE(candidate) !== word) {
      at++;
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < input.length && input[candidate + length] === input[at + length]) length++;
    writeLiteral(out, input, literalFrom, at);
    writeCopies(out, at - candidate, length);
    at += length;
    literalFrom = at;
  }
  writeLiteral(out, input, literalFrom, input.length);
  return Buffer.from(out);
}

function literalLength(block: Buffer, tag: number, from: number): { length: number; next: number } {
  const code = tag >>> 2;
  if (code < 60) return { length: code + 1, next: from };
  const bytes = code - 59; // 1 to 4 bytes of length follow
  if (from + bytes > block.length) throw new Error('a snappy block ends inside a length');
  return { length: block.readUIntLE(from, bytes) + 1, next: from + bytes };
}

function readCopy(block: Buffer, tag: number, from: number): { length: number; offset: number; next: number } {
  const kind = tag & 3;
  const bytes = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4;
  if (from + bytes > block.length) throw new Error('a snappy block ends inside a copy');
  const low = block.readUIntLE(from, bytes);
  if (kind === COPY_1) return { length: 4 + ((tag >>> 2) & 7), offset: ((tag >>> 5) << 8) | low, next: from + 1 };
  return { length: 1 + (tag >>> 2), offset: low, next: from + bytes };
}

function readVarint(block: Buffer): { value: number; next: number } {
  let value = 0;
  for (let next = 0; next < 5; next++) {
    const byte = block[next];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * next);
    if (byte < 0x80) return { value, next: next + 1 };
  }
  throw new Error('a snappy block has no length');
}

function writeVarint(out: number[], value: number): void {
  for (; value >= 0x80; value >>>= 7) out.push((value & 0x7f) | 0x80);
  out.push(value);
}

function writeLiteral(out: number[], input: Buffer, from: number, to: number): void {
  const length = to - from;
  if (length === 0) return;
  const code = length - 1;
  if (code < 60) out.push(code << 2);
  else if (code < 0x100) out.push(60 << 2, code);
  else out.push(61 << 2, code & 0xff, code >>> 8);
  for (let at = from; at < to; at++) out.push(input[at] as number);
}

function writeCopies(out: number[], offset: number, length: number): void {
  for (let left = length; left > 0; left -= 64) {
    out.push(((Math.min(left, 64) - 1) << 2) | COPY_2, offset & 0xff, offset >>> 8);
  }
}
