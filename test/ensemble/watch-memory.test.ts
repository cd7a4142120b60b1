import { afterEach, beforeEach, expect, test } from 'vitest';
import { encode } from '@zk/jute';
import { asSessionId, ConnectRequest } from '@zk/protocol';
import { encodeRequest, type Request } from '../support/differential/requests.ts';
import { heldBytes } from '../support/held-bytes.ts';
import { startInProcess, type InProcessServer } from '../support/in-process.ts';
import { RawClient } from '../support/raw-client.ts';

const CLIENTS = 20;
const PATHS_PER_CLIENT = 10_000;
const PATHS_PER_FRAME = 2_000;
const WATCHES = CLIENTS * PATHS_PER_CLIENT;
const PLACE = { root: '/services/inventory', base: 0n };

let server: InProcessServer;
beforeEach(async () => {
  server = await startInProcess(['tickTime=2000']);
});
afterEach(() => server.stop());

async function client(): Promise<RawClient> {
  const raw = await RawClient.dial(server.port);
  raw.send(encode(ConnectRequest, { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 40_000, sessionId: asSessionId(0n), passwd: Buffer.alloc(16), readOnly: false }));
  await raw.receive();
  return raw;
}

async function ask(raw: RawClient, request: Request): Promise<number> {
  raw.send(encodeRequest(request, 1, PLACE));
  const reply = await raw.receive();
  if (typeof reply === 'string') throw new Error(`no reply to ${request.op}: ${reply}`);
  return reply.readInt32BE(12);
}

/** Watches for nodes that are not there, many to a frame, as a client registers them after a reconnect. */
async function watch(raw: RawClient, pathOf: (index: number) => string): Promise<void> {
  for (let from = 0; from < PATHS_PER_CLIENT; from += PATHS_PER_FRAME) {
    const paths = Array.from({ length: PATHS_PER_FRAME }, (_, i) => pathOf(from + i));
    expect(await ask(raw, { op: 'setWatches', since: 0, lists: [[], paths, []] })).toBe(0);
  }
}

test.each<[string, number, (client: number, index: number) => string]>([
  ['every client watches the same paths', 160, (_client, index) => `~/${String(index).padStart(10, '0')}`],
  ['every path is watched by one client', 300, (which, index) => `~/${which}/${String(index).padStart(10, '0')}`],
])(`${WATCHES} watches: %s, for at most %d bytes each`, async (_shape, limit, pathOf) => {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, client));
  await watch(clients[0] as RawClient, () => '~/warm'); // buffers that are kept are no watches
  const before = heldBytes();
  for (const [which, raw] of clients.entries()) await watch(raw, (index) => pathOf(which, index));
  const perWatch = (heldBytes() - before) / WATCHES;
  expect(perWatch).toBeGreaterThan(8); // a watch is something: were it not, nothing would have been measured
  expect(perWatch).toBeLessThan(limit);
  for (const raw of clients) raw.hangUp();
});
