import type { LookupAddress } from 'node:dns';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { dial } from '../src/net/dial.ts';
import { ListenError, listenOnAll, unlisten } from '../src/net/listen.ts';
import { freePort } from './support/sockets.ts';

const names = vi.hoisted(() => ({ known: new Map<string, string>() }));
vi.mock('node:dns/promises', () => ({
  lookup: (host: string): Promise<LookupAddress[]> => {
    const address = names.known.get(host);
    if (address !== undefined) return Promise.resolve([{ address, family: 4 }]);
    return Promise.reject(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));
  },
}));

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
  names.known.clear();
});

async function listening(host: string, port: number): Promise<string[]> {
  const servers = await listenOnAll('election', [{ host, port }], () => createServer());
  open.push(() => servers.forEach(unlisten));
  return servers.map((server) => (server.address() as { address: string }).address);
}

describe('a port on what a name stands for', () => {
  test('a name that does not resolve is asked again at the next attempt (ZOOKEEPER-3320, 4728)', async () => {
    const port = await freePort();
    await expect(listening('zoo1.example', port)).rejects.toThrow(ListenError);
    await expect(listening('zoo1.example', port)).rejects.toThrow('the name does not resolve');
    names.known.set('zoo1.example', '127.0.0.1');
    expect(await listening('zoo1.example', port)).toEqual(['127.0.0.1']);
  });

  test('what it stood for before is forgotten (ZOOKEEPER-4708)', async () => {
    const port = await freePort();
    names.known.set('zoo1.example', '192.0.2.1'); // of no machine
    await expect(listening('zoo1.example', port)).rejects.toThrow('is not one of this machine');
    names.known.set('zoo1.example', '127.0.0.1');
    expect(await listening('zoo1.example', port)).toEqual(['127.0.0.1']);
  });
});

describe('dialing', () => {
  test('no address is probed first: the one that answers is the connection (ZOOKEEPER-3758)', async () => {
    const [dead, alive] = [await freePort(), await freePort()];
    const accepted: string[] = [];
    const server = createServer((socket) => {
      accepted.push('connection');
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(alive, '127.0.0.1', resolve));
    open.push(() => server.close());
    const winner = await new Promise<Socket | null>((resolve) => {
      dial([{ host: '127.0.0.1', port: dead }, { host: '127.0.0.1', port: alive }], { timeoutMs: 5_000, keepAlive: false }, resolve);
    });
    expect(winner?.remotePort).toBe(alive);
    await new Promise((resolve) => winner?.once('close', resolve).resume());
    expect(accepted).toHaveLength(1);
  });
});
