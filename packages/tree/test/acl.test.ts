import { describe, expect, test } from 'vitest';
import { KeeperError, OPEN_ACL, Perms, READ_ACL, type ACL, type Id } from '@zk/protocol';
import { AclTable, AuthProviders, checkAcl, digestId, digestProvider, fixupAcl, ipProvider, redactAcl, saslProvider, visibleAcl, x509Provider } from '../src/index.ts';

const providers = new AuthProviders([digestProvider, ipProvider, x509Provider('CN=root'), saslProvider('anybody')]);
const id = (scheme: string, text: string): Id => ({ scheme, id: text });
const entry = (perms: number, scheme: string, text: string): ACL => ({ perms, id: id(scheme, text) });
const BOB = id('digest', 'bob:hash');
const HOME = id('ip', '10.1.2.3');

const may = (acl: ACL[], perm: number, ...ids: Id[]): boolean => checkAcl(acl, perm, ids, providers);

describe('checkAcl (client.md 6.4)', () => {
  test('world:anyone lets everybody do what its perms say', () => {
    expect(may([...OPEN_ACL], Perms.DELETE)).toBe(true);
    expect(may([...READ_ACL], Perms.READ)).toBe(true);
    expect(may([...READ_ACL], Perms.WRITE, BOB)).toBe(false);
  });

  test('an empty list lets everybody in, super passes every list, skipACL ignores them', () => {
    expect(may([], Perms.ADMIN)).toBe(true);
    expect(may([entry(0, 'world', 'anyone')], Perms.ADMIN, id('super', ''))).toBe(true);
    expect(checkAcl([entry(0, 'world', 'anyone')], Perms.ADMIN, [], providers, { skipAcl: true })).toBe(true);
    expect(checkAcl([entry(0, 'world', 'anyone')], Perms.ADMIN, [], providers, { skipAcl: false })).toBe(false);
  });

  test('several bits mean any one of them', () => {
    expect(may([...READ_ACL], Perms.READ | Perms.ADMIN)).toBe(true);
  });

  test('ids match by the rules of their scheme only', () => {
    const list = [entry(Perms.READ, 'digest', 'bob:hash'), entry(Perms.WRITE, 'ip', '10.0.0.0/8')];
    expect(may(list, Perms.READ, HOME, BOB)).toBe(true);
    expect(may(list, Perms.READ, HOME)).toBe(false);
    expect(may(list, Perms.WRITE, HOME)).toBe(true);
    expect(may(list, Perms.READ, id('sasl', 'bob:hash'))).toBe(false);
    expect(may([entry(31, 'unknown', 'x')], Perms.READ, id('unknown', 'x'))).toBe(false);
  });

  test('x509 and sasl have their super users', () => {
    expect(may([entry(1, 'x509', 'CN=a')], 1, id('x509', 'CN=a'))).toBe(true);
    expect(may([entry(1, 'x509', 'CN=a')], 1, id('x509', 'CN=root'))).toBe(true);
    expect(may([entry(1, 'x509', 'CN=a')], 1, id('x509', 'CN=b'))).toBe(false);
    expect(may([entry(1, 'sasl', 'carol')], 1, id('sasl', 'super'))).toBe(true);
    expect(may([entry(1, 'sasl', 'anybody')], 1, id('sasl', 'dave'))).toBe(true);
    expect(may([entry(1, 'sasl', 'carol')], 1, id('sasl', 'dave'))).toBe(false);
  });
});

describe('ip (client.md 6.3)', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.1.2.3', '10.1.0.0/16', true],
    ['10.1.2.3', '10.1.2.2/31', true],
    ['10.1.2.3', '10.1.2.2/32', false],
    ['10.1.2.3', '99.9.9.9/0', true],
    ['0:0:0:0:0:0:0:1', '::1', true],
    ['2001:db8:0:0:0:0:0:5', '2001:db8::/32', true],
    ['2001:db9:0:0:0:0:0:5', '2001:db8::/32', false],
    ['2001:db8:0:0:0:0:0:5', '2001:db8::4/127', true],
    ['0:0:0:0:0:0:a01:203', '10.1.2.3', false],
    ['10.1.2.3', '::/0', false],
    ['not an address', '0.0.0.0/0', false],
  ])('%s in %s: %s', (address, pattern, expected) => {
    expect(ipProvider.matches(address, pattern)).toBe(expected);
  });

  test.each(['1.2.3.4', '1.2.3.4/0', '1.2.3.4/32', '::', '::1', '1::', '1:2:3:4:5:6:7:8', 'fe80::1/128', '1:2:3:4:5:6:7::'])('%s is valid', (text) => {
    expect(ipProvider.isValid(text)).toBe(true);
  });

  test.each(['', '1.2.3', '1.2.3.256', '1.2.3.4/33', '1.2.3.4/', '1.2.3.4/-1', '1.2.3.x', '::1::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8',
    '::12345', '::g', '::1/129', '::1.2.3.4', 'fe80::1%eth0', ':::', '1:::2'])('%s is not', (text) => {
    expect(ipProvider.isValid(text)).toBe(false);
  });
});

describe('digest', () => {
  test.each([['bob:pw', 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM='], ['super:pw', 'super:0bX78nEegDzJM3ju0iLBEJdWzjg='], ['x', 'x:EfatjsUqKYSrqv18O1FlA3hcIHI=']])(
    '%s stands for %s', (password, expected) => {
      expect(digestId(password)).toBe(expected);
      expect(digestId(Buffer.from(password))).toBe(expected);
    },
  );

  test('another algorithm', () => {
    expect(digestId('bob:pw', 'sha256')).toHaveLength('bob:'.length + 44);
  });

  test.each([['a:b', true], [':b', true], ['a:b:', true], ['a', false], ['a:', false], ['a:b:c', false], ['', false], [':', false]])('id %s: %s', (text, expected) => {
    expect(digestProvider.isValid(text)).toBe(expected);
  });
});

test.each([['alice', true], ['alice@REALM', true], ['alice/host@REALM', true], ['a/b', true], ['a@b@c', false], ['a/b/c@d', false], ['a@b/c', false]])(
  'sasl id %s: %s', (text, expected) => expect(saslProvider().isValid(text)).toBe(expected),
);

test.each([['CN=a', true], ['CN=a,OU=b\\,c, C=DE', true], ['', true], ['2.5.4.3=x+CN="a,b"', true], ['CN=#0401', true], ['a', false], ['CN', false], ['=a', false], ['CN=a,', false], ['CN="a', false], ['CN=#0', false]])(
  'x509 id %s: %s', (text, expected) => expect(x509Provider().isValid(text)).toBe(expected),
);

describe('fixupAcl (client.md 6.5)', () => {
  const fix = (acl: ACL[] | null, ...ids: Id[]): ACL[] => fixupAcl(acl, ids, providers, '/a');

  test.each([
    ['null', null],
    ['empty', []],
    ['an unknown scheme', [entry(1, 'nobody', 'x')]],
    ['no scheme', [entry(1, '', 'x')]],
    ['super', [entry(31, 'super', '')]],
    ['world with another id', [entry(31, 'world', 'somebody')]],
    ['an id its provider refuses', [entry(31, 'digest', 'bob')]],
    ['auth with nothing but an address', [entry(31, 'auth', '')]],
  ])('%s: INVALIDACL', (_name, acl) => {
    expect(() => fix(acl, HOME, id('super', ''))).toThrow(new KeeperError('INVALIDACL', '/a'));
  });

  test('exact duplicates go, order stays, strange perms stay', () => {
    expect(fix([entry(1, 'world', 'anyone'), entry(99, 'digest', 'a:b'), entry(1, 'world', 'anyone'), entry(2, 'world', 'anyone')])).toEqual([
      entry(1, 'world', 'anyone'), entry(99, 'digest', 'a:b'), entry(2, 'world', 'anyone'),
    ]);
  });

  test('auth stands for every authenticated id of the connection', () => {
    expect(fix([entry(31, 'auth', 'ignored'), entry(1, 'digest', 'bob:hash')], HOME, BOB, id('sasl', 'carol'), id('super', ''))).toEqual([
      entry(31, 'digest', 'bob:hash'), entry(31, 'sasl', 'carol'), entry(1, 'digest', 'bob:hash'),
    ]);
  });
});

test('without ADMIN the password hashes are hidden, of digest only', () => {
  const list = [entry(31, 'digest', 'bob:hash'), entry(1, 'sasl', 'a:b'), entry(1, 'digest', 'odd')];
  const redacted = [entry(31, 'digest', 'bob:x'), entry(1, 'sasl', 'a:b'), entry(1, 'digest', 'odd')];
  expect(redactAcl(list)).toEqual(redacted);
  expect(visibleAcl(list, [HOME], providers)).toEqual(redacted);
  expect(visibleAcl(list, [BOB], providers)).toEqual(list);
});

describe('the ACL table', () => {
  test('keeps each distinct list once, while it is used', () => {
    const table = new AclTable();
    const first = table.intern(OPEN_ACL);
    expect(table.intern([...OPEN_ACL])).toBe(first);
    const second = table.intern(READ_ACL);
    expect([first, second, table.size]).toEqual([1, 2, 2]);
    table.release(first);
    expect(table.get(first)).toEqual(OPEN_ACL);
    table.release(first);
    expect([...table]).toEqual([{ id: 2n, acl: READ_ACL }]);
    expect(table.intern(OPEN_ACL)).toBe(3); // ids are not used again
  });

  test('does not take two lists for one because their texts run together', () => {
    const table = new AclTable();
    expect(table.intern([entry(1, 'a', 'bc')])).not.toBe(table.intern([entry(1, 'ab', 'c')]));
  });
});
