import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { clockFindings, type ClockSources } from '../src/operator/check-clock.ts';
import { authProviderFindings, tlsFindings } from '../src/operator/check-tls.ts';

const tls = (name: string): string => fileURLToPath(new URL(`fixtures/tls/${name}`, import.meta.url));
const NOW = Date.UTC(2027, 0, 1);
const DAY_MS = 86_400_000;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-check-'));
});
afterEach(() => rmSync(home, { recursive: true }));

describe('TLS files', () => {
  const said = (settings: Record<string, string>, now = NOW): string[] => tlsFindings(new Map(Object.entries(settings)), now).map(({ verdict, text }) => `${verdict} ${text}`);

  test('a key store whose key is the certificate’s is sound, and so is its trust store', () => {
    expect(said({ 'ssl.keyStore.location': tls('server.pem'), 'ssl.quorum.trustStore.location': tls('trust.pem') })).toEqual([
      expect.stringMatching(/^ok ssl\.keyStore: .*server\.pem \(CN=zk1,O=test\) is valid for \d+ days$/),
      expect.stringMatching(/^ok ssl\.quorum\.trustStore: .*trust\.pem \(CN=zk1,O=test\) is valid for \d+ days$/),
    ]);
  });

  test('an encrypted key is opened with the password from a file', () => {
    writeFileSync(join(home, 'password'), 'secret\n');
    expect(said({ 'ssl.keyStore.location': tls('encrypted.pem'), 'ssl.keyStore.passwordPath': join(home, 'password') })[0]).toMatch(/^ok /);
    expect(said({ 'ssl.keyStore.location': tls('encrypted.pem'), 'ssl.keyStore.password': 'wrong' })[0]).toMatch(/^warn .*encrypted\.pem cannot be used: /);
  });

  test('a PKCS12 store opens with its password, and with no other', () => {
    expect(said({ 'ssl.keyStore.location': tls('server.p12'), 'ssl.keyStore.password': 'secret' })[0]).toMatch(/^ok .*opens with its password$/);
    expect(said({ 'ssl.keyStore.location': tls('server.p12'), 'ssl.keyStore.password': 'wrong' })[0]).toMatch(/^warn .*cannot be used: /);
  });

  test('a warning says why a store cannot be used, or not for long', () => {
    writeFileSync(join(home, 'store.jks'), Buffer.from('feedfeed00000002', 'hex'));
    const first = (key: string, location: string, now = NOW): string | undefined => said({ [key]: location }, now)[0];
    const expiry = Date.parse('2036-11-18');
    expect(first('ssl.keyStore.location', tls('wrong-key.pem'))).toMatch(/^warn .*its private key is another one than the certificate’s$/);
    expect(first('ssl.keyStore.location', join(home, 'nosuch.pem'))).toMatch(/^warn .*cannot be used: ENOENT/);
    expect(first('ssl.keyStore.location', tls('server.pem'), expiry + 2 * DAY_MS)).toMatch(/^warn .*\(CN=zk1,O=test\) has expired 2036-11-18T/);
    expect(first('ssl.keyStore.location', tls('server.pem'), expiry - 10 * DAY_MS)).toMatch(/^warn .*is valid for \d+ days$/);
    expect(first('ssl.trustStore.location', tls('trust.pem'), Date.UTC(2020, 0, 1))).toMatch(/^warn .*is not valid before 2026-/);
    expect(first('ssl.trustStore.location', join(home, 'store.jks'))).toMatch(/^warn .*is a Java store: make a PKCS12 or PEM one of it/);
    expect(said({})).toEqual([]);
  });

  test('the settings come from zoo.cfg', () => {
    const { settings } = parseConfig(`dataDir=${home}\nssl.keyStore.location=${tls('server.pem')}\nauthProvider.1=com.example.Mine`, { file: 'zoo.cfg', path: null });
    expect(tlsFindings(settings.families, NOW)).toHaveLength(1);
    expect(authProviderFindings(settings.families)).toEqual([{ verdict: 'warn', text: 'authProvider.1: com.example.Mine is a class of Java: ACLs of its scheme grant nothing here' }]);
  });
});

describe('the clock', () => {
  const config = (): Parameters<typeof clockFindings>[0] =>
    parseConfig([`dataDir=${home}`, 'initLimit=5', 'syncLimit=2', 'myid=1', 'server.1=127.0.0.1:1:2', 'server.2=zk2:3:4', 'server.3=zk3:3:4'].join('\n'), { file: 'zoo.cfg', path: null });
  const said = async (more: Partial<ClockSources>): Promise<string[]> => {
    const sources = { now: () => NOW, timeAt: () => Promise.resolve(null), isSynchronized: () => Promise.resolve(null), ...more };
    return (await clockFindings(config(), sources)).map(({ verdict, text }) => `${verdict} ${text}`);
  };

  test('has to be set when its year cannot be', async () => {
    expect(await said({ now: () => 0 })).toEqual(['fail the clock says 1970-01-01T00:00:00.000Z: set it, times in the data would be wrong']);
  });

  test('is compared with those of the peers that answer', async () => {
    const timeAt = (host: string): Promise<number | null> => Promise.resolve(host === 'zk2' ? NOW + 90_000 : NOW - 300);
    expect(await said({ timeAt })).toEqual([
      'ok the clock says 2027-01-01T00:00:00.000Z',
      'warn server.2: its clock is 90 s ahead of ours; ctime and TTLs will jump when the leader changes',
      'ok server.3: its clock agrees with ours',
    ]);
  });

  test('is warned of when nothing holds it', async () => {
    expect(await said({ isSynchronized: () => Promise.resolve(false) })).toEqual([expect.stringMatching(/^ok /), expect.stringMatching(/^warn the clock is not synchronized/)]);
    expect((await said({ isSynchronized: () => Promise.resolve(true) }))[1]).toBe('ok the clock is synchronized over the network');
  });
});
