import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Server, type Client } from './pipeline-harness.ts';

// Exchanges captured from Apache ZooKeeper 3.9.5, standalone, on a fresh database (client.md 8). `A>` is a frame sent by
// client A, `A<` one it received, `A!` the end of its connection, `@` the leader's clock from here on.
const script = readFileSync(new URL('./fixtures/exchanges.txt', import.meta.url), 'utf8');
const chapters = script.split('# ').slice(1).map((text) => text.split('\n'));

/** The order of names is unspecified: this server's differs from the one captured. */
const OTHER_ORDER: Record<string, string> = { '0000000161000000097a6f6f6b6565706572': '000000097a6f6f6b65657065720000000161' };

function received(client: Client): string | undefined {
  const hex = client.link.frames.shift()?.toString('hex');
  return Object.entries(OTHER_ORDER).reduce((text, [theirs, ours]) => text?.replace(ours, theirs), hex);
}

describe('exchanges captured from Apache come out byte for byte', () => {
  const server = new Server('standalone');
  const clients = new Map<string, Client>();
  const clientOf = (name: string): Client => {
    const client = clients.get(name) ?? server.open();
    clients.set(name, client);
    return client;
  };

  test.each(chapters.map((lines) => ({ title: lines[0] ?? '', lines: lines.slice(1) })))('$title', ({ lines }) => {
    for (const line of lines.filter((each) => each !== '')) {
      const [who = '', what = ''] = line;
      const bytes = line.slice(2).replaceAll(' ', '');
      if (who === '@') server.wallTime = Number.parseInt(bytes, 16);
      else if (what === '>') clientOf(who).raw(Buffer.from(bytes, 'hex').subarray(4));
      else if (what === '<') expect(received(clientOf(who))).toBe(bytes);
      else expect(clientOf(who).link.closed).not.toBeNull();
    }
    for (const client of clients.values()) expect(client.link.frames).toEqual([]);
  });
});
