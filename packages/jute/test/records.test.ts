import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { bool, buffer, byte, decode, encode, int, JuteError, long, nullable, record, trailing, ustring, vector } from '@zk/jute';
import type { Codec, Infer } from '@zk/jute';
import { arbitraryOf } from '@zk/jute/testing';

const Id = record('Id', { scheme: ustring, id: ustring });
const ACL = record('ACL', { perms: int, id: Id });
const Everything = record('Everything', {
  delete: byte, // a name that is a word of the language
  flag: bool,
  count: int,
  zxid: long,
  data: buffer,
  path: ustring,
  owner: nullable(ustring),
  acl: vector(ACL),
  paths: nullable(vector(ustring)),
  matrix: vector(vector(int)),
  late: trailing(bool),
});

const fromHex = <T>(codec: Codec<T>, hex: string): T => decode(codec, Buffer.from(hex, 'hex'));

test('whatever a declaration can generate comes back as it was', () => {
  fc.assert(fc.property(arbitraryOf(Everything), (value) => {
    expect(decode(Everything, encode(Everything, value))).toEqual(value);
  }));
});

test('the declaration is also the type', () => {
  expectTypeOf<Infer<typeof ACL>>().toEqualTypeOf<{ perms: number; id: { scheme: string; id: string } }>();
  expectTypeOf<Infer<typeof Everything>['owner']>().toEqualTypeOf<string | null>();
  expectTypeOf<Infer<typeof Everything>['late']>().toEqualTypeOf<boolean | undefined>();
  expect(Object.keys(ACL.fields)).toEqual(['perms', 'id']);
});

test('fields follow each other with nothing between', () => {
  expect(encode(ACL, { perms: 31, id: { scheme: 'world', id: 'anyone' } }).toString('hex'))
    .toBe('0000001f' + '00000005776f726c64' + '00000006616e796f6e65');
});

test('bytes after the record are ignored', () => {
  expect(fromHex(record('Header', { xid: int }), '00000007' + 'ffff')).toEqual({ xid: 7 });
});

test('an unknown property is not written, a missing one is an error', () => {
  const Header = record('Header', { xid: int });
  const wide = { xid: 7, more: 8 };
  expect(encode(Header, wide).toString('hex')).toBe('00000007');
  expect(() => encode(Header, {} as { xid: number })).toThrow('Header.xid undefined does not fit in 32 bits');
});

describe('vectors', () => {
  const Names = vector(ustring);

  test('−1 is null, and only a nullable one may be', () => {
    expect(fromHex(nullable(Names), 'ffffffff')).toBeNull();
    expect(encode(nullable(Names), null).toString('hex')).toBe('ffffffff');
    expect(() => fromHex(Names, 'ffffffff')).toThrow('vector<ustring> is null at 0');
  });

  test('other negative counts are empty', () => {
    expect(fromHex(Names, 'fffffffe')).toEqual([]);
    expect(fromHex(nullable(Names), '80000000')).toEqual([]);
  });

  test('a count that cannot be true fails before anything is allocated for it', () => {
    const begin = process.memoryUsage().heapUsed;
    expect(() => fromHex(vector(int), '7fffffff00000000')).toThrow('claims 2147483647 items at 0, 4 bytes are left');
    expect(() => fromHex(vector(ACL), '00000003' + '00'.repeat(35))).toThrow('claims 3 items at 0, 35 bytes are left');
    expect(process.memoryUsage().heapUsed - begin).toBeLessThan(1 << 24);
  });
});

describe('a trailing field', () => {
  const Hello = record('Hello', { version: int, readOnly: trailing(bool) });

  test('is there if its bytes are', () => {
    expect(fromHex(Hello, '00000001')).toEqual({ version: 1, readOnly: undefined });
    expect(fromHex(Hello, '0000000100')).toEqual({ version: 1, readOnly: false });
    expect(encode(Hello, { version: 1 }).toString('hex')).toBe('00000001');
    expect(encode(Hello, { version: 1, readOnly: true }).toString('hex')).toBe('0000000101');
  });
});

describe('an error says where', () => {
  const Create = record('Create', { path: ustring, data: buffer, acl: vector(ACL), flags: int });

  test.each([
    ['Create.path claims 5 bytes at 0, 1 are left', '0000000561'],
    ['Create.data claims 2147483647 bytes at 5, 0 are left', '0000000161' + '7fffffff'],
    ['Create.acl[1].id.scheme claims 9 bytes at 31, 4 are left',
      '0000000161' + '00000000' + '00000002' + '0000001f' + '0000000161' + '0000000162' + '0000001f0000000900000000'],
    ['Create.acl[0].id.id is null at 22', '0000000161' + '00000000' + '00000001' + '0000001f' + '0000000161' + 'ffffffff'],
    ['Create.flags takes 4 bytes at 13, 0 are left', '0000000161' + '00000000' + '00000000'],
  ])('%s', (message, hex) => {
    expect(() => fromHex(Create, hex)).toThrow(expect.objectContaining({ name: 'JuteError', message }));
  });

  test('when writing, too', () => {
    const acl = [{ perms: 2 ** 32, id: { scheme: '', id: '' } }];
    expect(() => encode(Create, { path: '/', data: null, acl, flags: 0 })).toThrow('Create.acl');
    expect(() => encode(ACL, acl[0]!)).toThrow(new JuteError('ACL.perms', '4294967296 does not fit in 32 bits'));
  });

  test('and the next encode() does not suffer from it', () => {
    expect(() => encode(int, 0.5)).toThrow(JuteError);
    expect(encode(int, 1).toString('hex')).toBe('00000001');
  });
});

test('a declaration that cannot work is refused at once', () => {
  expect(() => record('Bad', { 'a-b': int })).toThrow('Bad.a-b is not a field name');
  expect(() => record('Bad', { a: trailing(int), b: int })).toThrow('Bad.a must be the last field');
  expect(() => nullable(int)).toThrow('int has no null on the wire');
});
