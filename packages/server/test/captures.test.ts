import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { startEnsemble, startServer, type EmbeddedServer } from '../src/index.ts';
import { fourLetterWord } from '../../../test/support/four-letter-word.ts';

/*
 * Each four-letter word that was captured from a Java server in some role, asked of a living server of ours in that role:
 * the same lines in the same order, with numbers, times and what names a machine taken out. Lines that repeat with the number
 * of sessions and connections count once; those of `cons` and `stat` come in any order.
 */
const captures = new URL('./fixtures/captures/', import.meta.url);
const ROLES = ['standalone', 'leader3', 'follower1', 'observer4'] as const;
/** Compared by name elsewhere (metrics.test.ts, apache-metrics.test.ts), and words that differ only in when they were asked. */
const ELSEWHERE = /^(mntr|fresh-mntr|.*\d)$/;

function shapeOf(text: string): string[] {
  const lines = text.split('\n').map((line) =>
    line
      .replace(/^(Zookeeper version: ).*/, '$1*')
      .replace(/^(data(?:Log)?Dir=).*/, '$1*')
      .replace(/;\d+\.\d+\.\d+\.\d+:\d+$/, '') // clients' ports need not be in the server lines
      .replace(/\b[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:]{8} UTC \d{4}/, '*time*')
      .replace(/0x[0-9a-f]+/g, '0x*')
      .replace(/^version=[0-9a-f]+$/, 'version=*')
      .replace(/\blop=[A-Z]+/, 'lop=*')
      .replace(/-?\d+(\.\d+)?/g, '*')
      .replace(/^(\t?)\/.*/, '$1/*'),
  );
  return [...new Set(lines)];
}

function captured(role: string, word: string): string {
  return readFileSync(new URL(`${role}/4lw-${word}.txt`, captures), 'utf8');
}

/** Txns between two lines of `hash`. */
const DIGEST_EVERY = 128;
/** What follows the word. */
const ARGUMENTS: Readonly<Record<string, string>> = { stmk: '\0'.repeat(6) + '\x01\x32' };

let servers: Map<(typeof ROLES)[number], EmbeddedServer>;
let stop: () => Promise<void>;

beforeAll(async () => {
  const alone = await startServer();
  const ensemble = await startEnsemble({ servers: 3, observers: 1 });
  const byRole = (role: string): EmbeddedServer => ensemble.servers.find((server) => server.role === role) as EmbeddedServer;
  servers = new Map([['standalone', alone], ['leader3', byRole('leader')], ['follower1', byRole('follower')], ['observer4', byRole('observer')]]);
  const clients = await Promise.all([...servers.values()].map(({ connectString }) => ZooKeeper.connect(connectString)));
  for (const [i, client] of clients.entries()) {
    await client.create(`/x${i}`, 'data');
    await client.create(`/x${i}/eph`, null, { mode: 'ephemeral' });
  }
  for (let i = 0; i < DIGEST_EVERY; i++) await clients[0]?.setData('/x0', String(i));
  const watching = [clients[0], clients[2]] as const; // on the standalone server and on the follower, as when Java was asked
  for (const client of watching) await client?.exists('/watched', { watch: () => {} });
  stop = async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all([alone.stop(), ensemble.stop()]);
  };
});
afterAll(() => stop());

describe.each(ROLES)('%s', (role) => {
  const words = readdirSync(new URL(`${role}/`, captures)).map((file) => file.slice('4lw-'.length, -'.txt'.length)).filter((word) => !ELSEWHERE.test(word));

  test.each(words)('%s has Apache’s lines', async (name) => {
    const word = name.replace('fresh-', '');
    const ours = shapeOf(await fourLetterWord(servers.get(role)?.clientPort ?? 0, word + (ARGUMENTS[word] ?? '')));
    const theirs = shapeOf(captured(role, name));
    const inAnyOrder = word === 'cons' || word === 'stat';
    expect(inAnyOrder ? ours.sort() : ours).toEqual(inAnyOrder ? theirs.sort() : theirs);
  });
});
