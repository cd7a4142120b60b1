import { Reader, Writer } from '@zk/jute';
import type { Codec } from '@zk/jute';
import { expect } from 'vitest';

/** Hex with blanks and line breaks, as dumps print it. */
export function bytesOf(dump: string): Buffer {
  return Buffer.from(dump.replace(/\s+/g, ''), 'hex');
}

/**
 * Reads one value per codec until nothing is left, and checks that writing them gives the same bytes. With
 * `length: true` the dump begins with the i32 length of what follows.
 */
export function readAll(dump: string, codecs: readonly Codec<unknown>[], { length = false } = {}): unknown[] {
  const bytes = bytesOf(dump);
  const reader = new Reader(bytes);
  if (length) expect(reader.int(), 'length').toBe(bytes.length - 4);
  const values = codecs.map((codec) => codec.read(reader));
  expect(reader.remaining, 'bytes left').toBe(0);
  const writer = new Writer();
  if (length) writer.int(bytes.length - 4);
  codecs.forEach((codec, index) => codec.write(writer, values[index]));
  expect(writer.finish().toString('hex')).toBe(bytes.toString('hex'));
  return values;
}
