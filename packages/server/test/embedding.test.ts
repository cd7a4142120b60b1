import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeeperError, ZooKeeper } from '@zk/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, EmbeddingError, ListenError, startEnsemble, startServer, type EmbeddedEnsemble } from '../src/index.ts';

const connect = (to: { readonly connectString: string }) => ZooKeeper.connect(to.connectString, { sessionTimeoutMs: 10_000 });

/** Resolves with the first of these states that the client comes to. */
function becomes(client: ZooKeeper, ...states: string[]): Promise<string> {
  return new Promise((resolve) => {
    client.on('state', (state: string) => {
      if (states.includes(state)) resolve(state);
    });
  });
}

const ended = (client: ZooKeeper): Promise<string> => becomes(client, 'expired', 'closed');

describe('a server', () => {
  test('serves from memory, at once', async () => {
    await using server = await startServer();
    expect(server).toMatchObject({ sid: 0, role: 'standalone', adminPort: null, connectString: `127.0.0.1:${server.clientPort}` });
    await using zk = await connect(server);
    await zk.create('/a', 'v1');
    expect(String((await zk.getData('/a')).data)).toBe('v1');
  });

  test('keeps port and data over a restart, and the session too', async () => {
    await using server = await startServer();
    await using zk = await connect(server);
    await zk.create('/lock', '', { mode: 'ephemeral' });
    const { clientPort } = server;
    const back = becomes(zk, 'connected');
    await server.restart();
    await back;
    expect(server).toMatchObject({ role: 'standalone', clientPort });
    expect((await zk.exists('/lock'))?.ephemeralOwner).toBe(zk.sessionId);
  });

  test('expires a session: its client learns of it, its ephemerals are gone', async () => {
    await using server = await startServer();
    const loser = await connect(server);
    await using other = await connect(server);
    await loser.create('/leader', '', { mode: 'ephemeral' });
    const end = ended(loser);
    await server.expireSession(loser.sessionId);
    expect(await other.exists('/leader')).toBeNull();
    expect(await end).toBe('expired');
    await expect(server.expireSession(loser.sessionId)).rejects.toThrow(/no server knows session 0x/);
  });

  test('takes session ids as every client shows them', async () => {
    await using server = await startServer();
    for (const asShown of [(id: bigint) => `0x${id.toString(16)}`, (id: bigint) => id.toString(16), bytesOf]) {
      const zk = await connect(server);
      const end = ended(zk);
      await server.expireSession(asShown(zk.sessionId));
      expect(await end).toBe('expired');
    }
    await expect(server.expireSession('next Tuesday')).rejects.toThrow('next Tuesday is not a session id in hex');
    await expect(server.expireSession(Buffer.alloc(3))).rejects.toThrow('a session id has 8 bytes, not 3');
  });

  test('takes any key of zoo.cfg', async () => {
    await using server = await startServer({ settings: { 'jute.maxbuffer': 2048, 'admin.enableServer': true, 'admin.serverPort': 0 } });
    expect((await fetch(`http://127.0.0.1:${server.adminPort}/commands/ruok`)).status).toBe(200);
    await expect(startServer({ settings: { electionAlg: 1 } })).rejects.toBeInstanceOf(ConfigError);
  });

  test('has the port it is asked to have, or none', async () => {
    await using first = await startServer();
    await expect(startServer({ clientPort: first.clientPort })).rejects.toBeInstanceOf(ListenError);
  });

  test('leaves its port when it is stopped, and starts again', async () => {
    await using server = await startServer();
    await server.stop();
    expect(server.role).toBeNull();
    await using successor = await startServer({ clientPort: server.clientPort });
    expect(successor.role).toBe('standalone');
    await successor.stop();
    await server.start();
    expect(server.role).toBe('standalone');
  });
});

function bytesOf(id: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(id);
  return bytes;
}

describe('on disk', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'zk-embedded-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  test('the next server goes on where the last one stopped', async () => {
    const first = await startServer({ dataDir });
    const zk = await connect(first);
    await zk.create('/kept', 'v1');
    await zk.close();
    await first.stop();
    await using second = await startServer({ dataDir });
    await using again = await connect(second);
    expect(String((await again.getData('/kept')).data)).toBe('v1');
  });

  test('an ensemble has a folder for each server', async () => {
    await using zk = await startEnsemble({ dataDir });
    expect(readdirSync(dataDir).sort()).toEqual(['server-1', 'server-2', 'server-3']);
    expect(existsSync(join(dataDir, 'server-1', 'version-2'))).toBe(true);
    expect(zk.followers).toHaveLength(2);
  });
});

describe('an ensemble', () => {
  let zk: EmbeddedEnsemble;
  beforeEach(async () => {
    zk = await startEnsemble();
  });
  afterEach(() => zk.stop());

  test('has a leader and two followers', () => {
    expect(zk.servers.map(({ sid }) => sid)).toEqual([1, 2, 3]);
    expect(zk.servers.map(({ role }) => role).sort()).toEqual(['follower', 'follower', 'leader']);
    expect(zk.connectString).toBe(zk.servers.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(','));
    expect(() => zk.server(4)).toThrow('there is no server 4, only 1, 2, 3');
  });

  test('a leader cut off from the others loses to one of them, and comes back', async () => {
    const old = zk.leader;
    await using stranded = await connect(old);
    await stranded.create('/config', 'v1');
    await zk.partition(old.sid);
    expect(old.role).toBeNull();
    expect(zk.leader.sid).not.toBe(old.sid);
    await using other = await connect(zk.leader);
    await other.setData('/config', 'v2');
    await zk.heal();
    expect(old.role).toBe('follower');
    await using late = await connect(old);
    await late.sync('/config');
    expect(String((await late.getData('/config')).data)).toBe('v2');
  });

  test('no side with a quorum: nobody serves until it heals', async () => {
    await zk.partition(1, [2, 3]);
    await zk.partition(2, 3);
    expect(zk.servers.map(({ role }) => role)).toEqual([null, null, null]);
    expect(() => zk.leader).toThrow('nobody leads');
    await zk.heal();
    expect(zk.servers.filter(({ role }) => role !== null)).toHaveLength(3);
  });

  test('every server restarts in turn, under a client', async () => {
    await using client = await connect(zk);
    await client.create('/counter', '0');
    for (const { sid } of zk.servers) {
      await zk.restart(sid);
      await client.setData('/counter', String(sid)).catch(lostWithItsServer);
    }
    expect(zk.followers).toHaveLength(2);
    expect((await client.exists('/counter'))?.version).toBeGreaterThan(0);
  });

  test('a session expires on every server, whichever it is told to', async () => {
    const [follower] = zk.followers;
    const client = await connect(follower ?? zk.leader);
    const end = ended(client);
    await client.create('/member', '', { mode: 'ephemeral' });
    await zk.leader.expireSession(client.sessionId);
    expect(await end).toBe('expired');
    for (const server of zk.servers) {
      await using reader = await connect(server);
      expect(await reader.exists('/member')).toBeNull();
    }
  });

  test('goes on with a server stopped, and says what it waits for with two', async () => {
    await zk.server(1).stop();
    expect(zk.leader.role).toBe('leader');
    await zk.server(2).stop();
    expect(zk.server(3).role).toBeNull();
    await zk.server(2).start();
    expect(zk.leader.role).toBe('leader');
  });
});

test('observers follow without a vote', async () => {
  await using zk = await startEnsemble({ servers: 3, observers: 1 });
  expect(zk.server(4).role).toBe('observer');
  await expect(startEnsemble({ servers: 0 })).rejects.toBeInstanceOf(EmbeddingError);
});

test('what takes too long is an error that tells the state of every server', async () => {
  await expect(startEnsemble({ patienceMs: 0 })).rejects.toThrow(/^the servers have not settled within 0 ms: server 1 is \w+, server 2 is \w+, server 3 is \w+$/);
});

/** A write under way when the server went: nobody knows, and this test does not mind. */
function lostWithItsServer(error: unknown): void {
  if (!(error instanceof KeeperError) || error.code !== 'CONNECTIONLOSS') throw error;
}
