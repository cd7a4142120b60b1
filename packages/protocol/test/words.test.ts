import { describe, expect, test } from 'vitest';
import {
  asZxid, CONTAINER_OWNER, counterOf, createModeOf, epochOf, ErrorCode, errorName, hex, invariant, InvariantError,
  joinPath, KeeperError, kindOfOwner, MAX_TTL, nextZxid, OpCode, opName, parentOf, topComponent, ttlOf, ttlOwner, validateLoosely,
  validatePath, withSequence, zxidOf,
} from '@zk/protocol';

describe('zxids', () => {
  test('are an epoch and a counter', () => {
    const zxid = zxidOf(5n, 3);
    expect(zxid).toBe(0x500000003n);
    expect(epochOf(zxid)).toBe(5n);
    expect(counterOf(zxid)).toBe(3n);
    expect(nextZxid(zxid)).toBe(0x500000004n);
    expect(counterOf(zxidOf(1n, 0xffffffffn))).toBe(0xffffffffn);
  });

  test('are signed: the epoch of a negative one is negative', () => {
    expect(epochOf(asZxid(-1n))).toBe(-1n);
    expect(zxidOf(-1n, 0xffffffffn)).toBe(-1n);
    expect(zxidOf(0x80000000n, 0)).toBe(-(2n ** 63n));
  });

  test('are shown as unsigned hex', () => {
    expect(hex(0x500000003n)).toBe('0x500000003');
    expect(hex(0n)).toBe('0x0');
    expect(hex(-1n)).toBe('0xffffffffffffffff');
  });
});

describe('codes', () => {
  test('opcodes have names', () => {
    expect(opName(OpCode.create2)).toBe('create2');
    expect(opName(-11)).toBe('closeSession');
    expect(opName(99)).toBe('op99');
  });

  test('a KeeperError is its code, its number and its path', () => {
    const error = new KeeperError('NONODE', '/app/config');
    expect(error).toMatchObject({ message: 'NONODE /app/config', code: 'NONODE', errno: -101, path: '/app/config' });
    expect(new KeeperError('SESSIONEXPIRED').message).toBe('SESSIONEXPIRED');
  });

  test('every error has a name and every name a number', () => {
    for (const [name, errno] of Object.entries(ErrorCode)) expect(errorName(errno)).toBe(name);
    expect(errorName(-999)).toBeUndefined();
  });
});

describe('paths (PathUtils)', () => {
  test.each(['/', '/a', '/a/b', '/...', '/.a', '/a..', '/a b', '/\u00a0', '/\ud7ff', '/\uf900', '/\uffef', '/zookeeper/config', '/..a'])('%j is one', (path) => {
    expect(() => validatePath(path)).not.toThrow();
  });

  test.each([
    '', 'a', 'a/b', '/a/', '//', '//a', '/a//b', '/.', '/..', '/a/./b', '/a/../b', '/a/..', '/a\0', '/\u0001', '/a\u001f', '/\u007f', '/\u009f',
    '/\ud800', '/\u{1f600}', '/\ue000', '/\uf8ff', '/\ufff0', '/\uffff',
  ])('%j is none', (path) => {
    expect(() => validatePath(path)).toThrow(expect.objectContaining({ code: 'BADARGUMENTS', path }));
  });

  test('before the sequence number is there, a slash is enough', () => {
    expect(() => validateLoosely('/a/')).not.toThrow();
    expect(() => validateLoosely('a')).toThrow('BADARGUMENTS a');
    expect(() => validateLoosely('/a\0')).toThrow(KeeperError);
  });

  test('parent, name and child', () => {
    expect([parentOf('/'), parentOf('/a'), parentOf('/a/b'), parentOf('/a/')]).toEqual(['/', '/', '/a', '/a']);
    expect([joinPath('/', 'a'), joinPath('', 'a'), joinPath('/a', 'b')]).toEqual(['/a', '/a', '/a/b']);
    expect([topComponent('/'), topComponent('/app'), topComponent('/app/config')]).toEqual(['', 'app', 'app']);
    expect(() => parentOf('a')).toThrow('BADARGUMENTS a');
  });
});

describe('create', () => {
  test.each([
    [0, 'persistent', []],
    [1, 'ephemeral', ['ephemeral']],
    [2, 'sequential', ['sequential']],
    [3, 'ephemeralSequential', ['ephemeral', 'sequential']],
    [4, 'container', ['container']],
    [5, 'ttl', ['ttl']],
    [6, 'sequentialTtl', ['sequential', 'ttl']],
  ])('flags %i are %s', (flags, name, expected) => {
    const { name: actual, ...properties } = createModeOf(flags)!;
    expect(actual).toBe(name);
    expect(Object.entries(properties).filter(([, set]) => set).map(([property]) => property)).toEqual(expected);
  });

  test.each([-1, 7, 2147483647, -2147483648])('flags %i are none', (flags) => {
    expect(createModeOf(flags)).toBeUndefined();
  });

  test.each([
    [0, '/s-0000000000'],
    [2147483647, '/s-2147483647'],
    [-1, '/s--000000001'],
    [-2147483648, '/s--2147483648'],
  ])('sequence number %i gives %s, as %%010d does', (counter, path) => {
    expect(withSequence('/s-', counter)).toBe(path);
  });
});

describe('ephemeralOwner', () => {
  const session = 0x1000012e7810000n;
  const highSid = -(2n ** 56n) + (1n << 40n) + 5n; // of server 255, no TTL

  test('tells the kind of znode', () => {
    expect(kindOfOwner(0n, true)).toBe('persistent');
    expect(kindOfOwner(session, true)).toBe('ephemeral');
    expect(kindOfOwner(CONTAINER_OWNER, false)).toBe('container');
    expect(kindOfOwner(CONTAINER_OWNER, true)).toBe('container');
    expect(kindOfOwner(ttlOwner(1000n), true)).toBe('ttl');
    expect(kindOfOwner(highSid, true)).toBe('ephemeral');
  });

  test('knows no TTL unless extended types are on', () => {
    expect(kindOfOwner(ttlOwner(1000n), false)).toBe('ephemeral');
  });

  test('carries the TTL', () => {
    expect(hex(ttlOwner(86_400_000n))).toBe('0xff00000005265c00');
    expect(ttlOf(ttlOwner(MAX_TTL))).toBe(MAX_TTL);
    expect(() => ttlOwner(0n)).toThrow(RangeError);
    expect(() => ttlOwner(MAX_TTL + 1n)).toThrow(RangeError);
  });

  test('of 3.5.3: the top bit and the ttl', () => {
    const old = CONTAINER_OWNER + 1000n;
    expect(kindOfOwner(old, true, true)).toBe('ttl');
    expect(kindOfOwner(old, true)).toBe('ephemeral');
    expect(ttlOf(old)).toBe(1000n);
    expect(kindOfOwner(CONTAINER_OWNER, true, true)).toBe('container');
    expect(kindOfOwner(session, true, true)).toBe('ephemeral');
  });
});

describe('invariant', () => {
  test('says nothing while it holds', () => {
    expect(() => invariant(true, 'commits only move forward')).not.toThrow();
  });

  test('shows its fields, zxids as hex', () => {
    expect(() => invariant(false, 'commits only move forward', { zxid: 0x500000003n, role: 'leader' }))
      .toThrow(new InvariantError('commits only move forward (zxid=0x500000003 role=leader)'));
    expect(() => invariant(null, 'there is a leader')).toThrow('there is a leader');
  });
});
