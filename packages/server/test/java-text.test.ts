import { expect, test } from 'vitest';
import { average, javaDate, javaHex } from '../src/admin/java-format.ts';
import { prettyJson } from '../src/admin/json.ts';
import { javaAddress } from '../src/net/java-address.ts';
import { recogniseVisitor } from '../src/net/visitor.ts';

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::1', '0:0:0:0:0:0:0:1'],
  ['::', '0:0:0:0:0:0:0:0'],
  ['2001:db8::8a2e:370:7334', '2001:db8:0:0:0:8a2e:370:7334'],
  ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1%eth0'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0:0:0:c000:201'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
])('the address %s is %s in Java', (address, java) => {
  expect(javaAddress(address)).toBe(java);
});

test.each([[0, '0.0'], [7.5, '7.5'], [0.67095, '0.671'], [2.84966, '2.8497'], [10, '10.0']])('the average %d is printed as %s', (value, text) => {
  expect(average(value)).toBe(text);
});

test('a date and a negative zxid', () => {
  expect(javaDate(Date.UTC(2026, 10, 21, 2, 5, 41))).toBe('Sat Nov 21 02:05:41 UTC 2026');
  expect(javaHex(-1n)).toBe('0xffffffffffffffff');
});

test('JSON as Jackson prints it, with exact 64-bit integers', () => {
  const value = { session_ids: [72057692831219713n], empty: [], digests: [{ zxid: 128 }, { zxid: 256 }], error: null };
  expect(prettyJson(value)).toBe(`{
  "session_ids" : [ 72057692831219713 ],
  "empty" : [ ],
  "digests" : [ {
    "zxid" : 128
  }, {
    "zxid" : 256
  } ],
  "error" : null
}`);
});

test.each([
  ['GET / HTTP/1.1', 'an HTTP request'],
  ['\x16\x03\x01\x02', 'a TLS handshake'],
  ['\xff\xff\xff\xff\xff\xff\x00\x00', 'an election hello'],
  ['SSH-2.0', 'an SSH client'],
  ['\x00\x00\x00\x2d\x00\x00\x00\x00', null],
])('%j is recognised as %s', (bytes, visitor) => {
  expect(recogniseVisitor(Buffer.from(bytes, 'latin1'))).toBe(visitor);
});
