import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ZooKeeper } from '@zk/client';
import { MemoryStore } from '@zk/store';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { runServer, startEnsemble, startServer } from '../src/index.ts';
import { fourLetterWord } from '../../../test/support/four-letter-word.ts';
import { until } from '../../../test/support/until.ts';
import { freePort, recordingLog } from './support/sockets.ts';

// What is told about sessions, paths and learners, by servers that live.
const ADMIN = { 'admin.enableServer': true, 'admin.serverPort': 0, 'admin.serverAddress': '127.0.0.1' };

/** How often the server looks at its event loop: a stall is seen from the first look on. */
const RESOLUTION_MS = 100;
/** For so long nothing else runs. */
const STALL_MS = 600;

let cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.reverse()) await end();
  cleanUp = [];
});

describe('the request log', () => {
  test('is lines of JSON about one path, from the request to its reply, until it is switched off', async () => {
    const { log, lines } = recordingLog();
    const server = await startServer({ settings: ADMIN, log });
    cleanUp.push(() => server.stop());
    const client = await ZooKeeper.connect(server.connectString);
    cleanUp.push(() => client.close());
    const command = async (query: string): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${server.adminPort}/commands/request_log${query}`, { method: 'POST', headers: { authorization: 'digest bob:secret' } });
      return answer.json();
    };
    await client.create('/before');
    expect(await command('?path=/app')).toMatchObject({ logging: true, error: null });
    await client.create('/app', 'data');
    await client.create('/elsewhere');
    await client.getData('/app/nope').catch(() => {});
    expect(await command('')).toMatchObject({ logging: false, error: null });
    await client.getData('/app');

    const session = `0x${client.sessionId.toString(16)}`;
    const told = lines.filter(({ msg }) => msg === 'request' || msg === 'reply');
    expect(told).toMatchObject([
      { msg: 'request', session, op: 'create2', paths: ['/app'], remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
      { msg: 'reply', session, op: 'create2', paths: ['/app'], error: 'OK', zxid: '0x3', ms: expect.any(Number) },
      { msg: 'request', session, op: 'getData', paths: ['/app/nope'] },
      { msg: 'reply', session, op: 'getData', paths: ['/app/nope'], error: 'NONODE' },
    ]);
  });
});

describe('a leader', () => {
  test('tells how fast each follower acks, and what it sends to each observer', async () => {
    const zk = await startEnsemble({ servers: 3, observers: 1, settings: ADMIN });
    cleanUp.push(() => zk.stop());
    const client = await ZooKeeper.connect(zk.leader.connectString);
    cleanUp.push(() => client.close());
    for (let i = 0; i < 20; i++) await client.create(`/n${i}`);

    const mntr = await fourLetterWord(zk.leader.clientPort, 'mntr');
    const timed = [...mntr.matchAll(/^zk_cnt_(\d)_ack_latency\t(\d+)$/gm)].map(([, sid, count]) => ({ sid: Number(sid), count: Number(count) }));
    const followers = zk.servers.filter(({ role }) => role === 'follower').map(({ sid }) => sid);
    expect(timed.map(({ sid }) => sid).sort()).toEqual(followers.sort());
    for (const { count } of timed) expect(count).toBeGreaterThan(0);

    const { observers } = (await (await fetch(`http://127.0.0.1:${zk.leader.adminPort}/commands/observers`)).json()) as { observers: Record<string, number>[] };
    expect(observers).toMatchObject([{ sid: 4, requests: 0, queued_packets: expect.any(Number), last_zxid: expect.any(Number) }]);
    expect(observers[0]?.['packets_sent']).toBeGreaterThan(20); // an INFORM for each, and the sync before
    expect(observers[0]?.['packets_received']).toBeGreaterThan(0);
    expect(observers[0]?.['established']).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe('/health', () => {
  const checkOf = async (port: number | null, name: string): Promise<Record<string, string> | undefined> => {
    const { checks } = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { checks: Record<string, string>[] };
    return checks.find((check) => check['name'] === name);
  };

  test('tells of a stall of the event loop, once', async () => {
    const server = await startServer({ settings: ADMIN });
    cleanUp.push(() => server.stop());
    await checkOf(server.adminPort, 'event loop'); // since then
    const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delays.enable();
    await until('the server has begun to measure anew', () => delays.count > 1);
    delays.disable();
    const end = performance.now() + STALL_MS;
    while (performance.now() < end);
    expect(await checkOf(server.adminPort, 'event loop')).toMatchObject({ verdict: 'warn', evidence: expect.stringMatching(/^held up for at most \d{3,4} ms/) });
  });

  test('tells of peers whose names do not resolve, and of those that are not there', async () => {
    const [client, quorum, election] = await Promise.all([freePort(), freePort(), freePort()]);
    const lines = ['myid=1', 'initLimit=5', 'syncLimit=2', `clientPort=${client}`, 'admin.serverPort=0', 'admin.serverAddress=127.0.0.1', `server.1=127.0.0.1:${quorum}:${election}`, 'server.2=zk2.invalid:1:2', 'server.3=127.0.0.1:3:4'];
    const { log } = recordingLog();
    const server = await runServer({ config: parseConfig('', { file: 'settings', path: null, sets: ['dataDir=/nowhere', ...lines] }), log, store: new MemoryStore(), onFatal: () => {} });
    cleanUp.push(() => server.stop());
    expect(await checkOf(server.adminPort, 'peers')).toMatchObject({ verdict: 'warn', evidence: 'names that do not resolve: zk2.invalid' });
    expect(await checkOf(server.adminPort, 'serving')).toMatchObject({ verdict: 'fail', evidence: expect.stringMatching(/^looking for \d+ s, not heard of: 2, 3$/) });
  });
});
