import { expect, test } from 'vitest';
import { parseConnectString } from '@zk/client';

test('servers, their default port, and the chroot', () => {
  expect(parseConnectString('a:1, b ,[::1]:3/app/x/')).toEqual({
    servers: [{ host: 'a', port: 1 }, { host: 'b', port: 2181 }, { host: '::1', port: 3 }],
    chroot: '/app/x',
  });
  expect(parseConnectString('a:1/').chroot).toBe('');
});

test.each([
  ['', 'no server in the connect string ""; write host:port,host:port/chroot'],
  ['/app', 'no server in the connect string "/app"; write host:port,host:port/chroot'],
  ['a:0', '"a:0" is not host:port'],
  ['a:99999', '"a:99999" is not host:port'],
  ['::1:2181', '"::1:2181" is not host:port'],
  ['a:1//x', 'BADARGUMENTS //x'],
])('%j is refused', (text, message) => expect(() => parseConnectString(text)).toThrow(message));
