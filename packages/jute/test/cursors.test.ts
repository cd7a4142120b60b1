import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JuteError, Reader, Writer } from '@zk/jute';

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return writer.finish().toString('hex');
}

const reader = (hex: string): Reader => new Reader(Buffer.from(hex, 'hex'));

describe('numbers are big-endian two’s complement', () => {
  test.each<[string, (w: Writer) => void, (r: Reader) => unknown, unknown]>([
    ['ff', (w) => w.byte(-1), (r) => r.byte(), -1],
    ['01', (w) => w.bool(true), (r) => r.bool(), true],
    ['00', (w) => w.bool(false), (r) => r.bool(), false],
    ['fffffff5', (w) => w.int(-11), (r) => r.int(), -11],
    ['7fffffff', (w) => w.int(2147483647), (r) => r.int(), 2147483647],
    ['0000000100000002', (w) => w.long(0x100000002n), (r) => r.long(), 0x100000002n],
    ['00000000ffffffff', (w) => w.long(0xffffffffn), (r) => r.long(), 0xffffffffn],
    ['ffffffffffffffff', (w) => w.long(-1n), (r) => r.long(), -1n],
    ['8000000000000000', (w) => w.long(-(2n ** 63n)), (r) => r.long(), -(2n ** 63n)],
  ])('%s', (hex, write, read, value) => {
    expect(written(write)).toBe(hex);
    expect(read(reader(hex))).toBe(value);
  });

  test('any non-zero byte is true', () => {
    expect(reader('02').bool()).toBe(true);
    expect(reader('ff').bool()).toBe(true);
  });

  test('a number that does not fit is refused, not cut', () => {
    const writer = new Writer();
    expect(() => writer.int(0xfff4fffd)).toThrow('int 4294246397 does not fit in 32 bits');
    expect(() => writer.int(1.5)).toThrow(JuteError);
    expect(() => writer.long(2n ** 63n)).toThrow('long 9223372036854775808 does not fit in 64 bits');
    expect(() => writer.byte(256)).toThrow(JuteError);
    expect(writer.length).toBe(0);
  });
});

describe('buffers and strings', () => {
  test('null is length −1 and is not the empty value', () => {
    expect(written((w) => w.buffer(null))).toBe('ffffffff');
    expect(written((w) => w.buffer(Buffer.alloc(0)))).toBe('00000000');
    expect(written((w) => w.ustring(null))).toBe('ffffffff');
    expect(written((w) => w.ustring(''))).toBe('00000000');
    expect(reader('ffffffff').buffer()).toBeNull();
    expect(reader('00000000').buffer()).toEqual(Buffer.alloc(0));
    expect(reader('ffffffff').ustring()).toBeNull();
    expect(reader('00000000').ustring()).toBe('');
  });

  test('a buffer that is read is a view', () => {
    const bytes = Buffer.from('00000002aabb', 'hex');
    const view = new Reader(bytes).buffer();
    bytes[4] = 0xcc;
    expect(view).toEqual(Buffer.from('ccbb', 'hex'));
  });

  test('text goes out one UTF-16 unit at a time: the path echoed by sync("/a😀") as captured from Java', () => {
    expect(written((w) => w.ustring('/a\u{1f600}'))).toBe('00000008' + '2f61eda0bdedb880');
  });

  test('text comes in as UTF-8 or as CESU-8', () => {
    expect(reader('00000006' + '2f61f09f9880').ustring()).toBe('/a\u{1f600}');
    expect(reader('00000008' + '2f61eda0bdedb880').ustring()).toBe('/a\u{1f600}');
    expect(reader('00000003' + 'ed9fbf').ustring()).toBe('\ud7ff'); // ED leads this one too, and it is no surrogate
    expect(reader('00000003' + 'efbfbd').ustring()).toBe('\ufffd');
  });

  test('malformed text becomes U+FFFD', () => {
    expect(reader('00000003' + '61ff62').ustring()).toBe('a\ufffdb');
    expect(reader('00000002' + 'eda0').ustring()).toMatch(/^\ufffd+$/);
    expect(reader('00000004' + 'eda0bdff').ustring()).toBe('\ud83d\ufffd');
  });

  test('every string comes back as it was, lone surrogates included', () => {
    const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
    fc.assert(fc.property(fc.oneof(anyUnits, fc.string({ unit: 'binary' })), (text) => {
      const writer = new Writer();
      writer.ustring(text);
      expect(new Reader(writer.finish()).ustring()).toBe(text);
    }));
  });
});

describe('a reader cannot run off the end', () => {
  test.each<[string, string, (r: Reader) => unknown, string, boolean]>([
    ['an int', '0000', (r) => r.int(), 'int takes 4 bytes at 0, 2 are left', true],
    ['a long', '00000000', (r) => r.long(), 'long takes 8 bytes at 0, 4 are left', true],
    ['a bool', '', (r) => r.bool(), 'boolean takes 1 bytes at 0, 0 are left', true],
    ['a buffer', '7fffffffaa', (r) => r.buffer(), 'buffer claims 2147483647 bytes at 0, 1 are left', true],
    ['a negative length', 'fffffffe', (r) => r.buffer(), 'buffer claims -2 bytes at 0', false],
    ['a string', '00000002aa', (r) => r.ustring(), 'ustring claims 2 bytes at 0, 1 are left', true],
    ['a null string', 'ffffffff', (r) => r.string(), 'ustring is null at 0', false],
    ['a skip', 'aa', (r) => r.skip(2), 'skip takes 2 bytes at 0, 1 are left', true],
  ])('%s', (_, hex, read, message, truncated) => {
    expect(() => read(reader(hex))).toThrow(expect.objectContaining({ name: 'JuteError', message, truncated }));
  });

  test('nor off the part it was given', () => {
    const part = new Reader(Buffer.from('000000010000000200000003', 'hex'), 4, 8);
    expect(part.remaining).toBe(4);
    expect(part.int()).toBe(2);
    expect(() => part.byte()).toThrow('byte takes 1 bytes at 8, 0 are left');
  });

  test('nor over the limit, even if the bytes are there', () => {
    const limited = new Reader(Buffer.from('00000003616263', 'hex'), 0, 7, 2);
    expect(() => limited.ustring()).toThrow('ustring claims 3 bytes at 0, the limit is 2');
  });
});

describe('a writer', () => {
  test('grows by doubling, so that a million writes copy little', () => {
    const writer = new Writer(16);
    for (let i = 0; i < 1_000_000; i++) writer.int(i);
    const bytes = writer.finish();
    expect(bytes.length).toBe(4_000_000);
    expect(bytes.readInt32BE(4 * 999_999)).toBe(999_999);
  });

  test('can be used again, and what was finished before stays', () => {
    const writer = new Writer();
    writer.ustring('first');
    const first = writer.finish();
    writer.reset();
    writer.ustring('again');
    expect(new Reader(first).ustring()).toBe('first');
    expect(new Reader(writer.view()).ustring()).toBe('again');
    writer.reset();
    expect(writer.length).toBe(0);
  });

  test('fills in lengths afterwards', () => {
    const writer = new Writer();
    const frame = writer.beginLength();
    writer.int(1);
    const body = writer.beginLength();
    writer.raw(Buffer.from('abc'));
    writer.endLength(body);
    writer.endLength(frame);
    expect(writer.finish().toString('hex')).toBe('0000000b' + '00000001' + '00000003616263');
  });
});

test('a reader that begins anew with other bytes keeps to their end', () => {
  const one = reader('0000000100000002');
  expect(one.int()).toBe(1);
  const other = Buffer.from('ffff00000003ffff', 'hex');
  expect(one.restart(other, 2, 6)).toBe(one);
  expect([one.bytes, one.remaining, one.int(), one.remaining]).toEqual([other, 4, 3, 0]);
  expect(() => one.byte()).toThrow(JuteError);
});
