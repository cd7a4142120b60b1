import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig, ListenError, runServer, type RunningServer } from '../src/index.ts';
import { dialTo, Door, freePort, Queue, recordingLog } from './support/sockets.ts';

let home: string;
let servers: RunningServer[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-server-'));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(home, { recursive: true });
});

async function start(name: string, lines: readonly string[]) {
  const file = join(home, `${name}.cfg`);
  writeFileSync(file, [`dataDir=${join(home, name)}`, 'tickTime=200', 'preAllocSize=64', ...lines].join('\n'));
  const { log, lines: logged } = recordingLog();
  const serving = new Queue<string>();
  const server = await runServer({
    config: loadConfig(file),
    log,
    onTrace: (event) => {
      if (event.kind === 'serving') serving.push(event.role);
    },
    onFatal: (code, reason) => {
      throw new Error(`${code} ${reason}`);
    },
  });
  servers.push(server);
  return { server, serving, logged };
}

const anyRole = (role: string): role is string => role !== '';

async function ask(port: number | null, word: string): Promise<string> {
  return (await (await dialTo(port ?? 0)).write(word).readAll()).toString();
}

describe('a standalone server', () => {
  const lines = ['clientPort=0', 'admin.serverPort=0'];

  test('serves: a session, a znode, a goodbye', async () => {
    const { server, serving } = await start('alone', lines);
    expect(await serving.next(anyRole)).toBe('standalone');
    const wire = await dialTo(server.clientPort ?? 0);
    const connect = Buffer.alloc(4 + 45);
    connect.writeInt32BE(45, 0);
    connect.writeInt32BE(10_000, 16); // after protocolVersion and lastZxidSeen
    connect.writeInt32BE(16, 28);
    wire.write(connect);
    const answer = await wire.readFrame();
    expect(answer.readInt32BE(4)).toBe(4000); // 20 ticks
    expect(answer.readBigInt64BE(8) >> 56n).toBe(1n);
    const exists = Buffer.from('0000000d' + '00000001' + '00000003' + '00000001' + '2f', 'hex');
    wire.write(Buffer.concat([Buffer.from('0000000e', 'hex'), exists.subarray(4), Buffer.of(0)]));
    const reply = await wire.readFrame();
    expect([reply.readInt32BE(0), reply.readBigInt64BE(4), reply.readInt32BE(12)]).toEqual([1, 1n, 0]);
    expect(await ask(server.clientPort, 'srvr')).toMatch(/Zxid: 0x1\nMode: standalone\nNode count: 5\n$/);
  });

  test('answers over HTTP', async () => {
    const { server, serving } = await start('http', lines);
    await serving.next(anyRole);
    const get = async (path: string, method = 'GET') => {
      const response = await fetch(`http://127.0.0.1:${server.adminPort}${path}`, { method });
      return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
    };
    expect(await get('/commands/watch_summary')).toEqual({
      status: 200,
      type: 'application/json',
      text: '{\n  "num_connections" : 0,\n  "num_paths" : 0,\n  "num_total_watches" : 0,\n  "command" : "watch_summary",\n  "error" : null\n}',
    });
    expect((await get('/commands/isro')).text).toContain('"command" : "is_read_only"');
    expect((await get('/commands/nosuch')).text).toBe('{\n  "command" : "nosuch",\n  "error" : "Unknown command: nosuch"\n}');
    expect((await get('/commands/leader')).text).toBe('{\n  "error" : "server is not initialized",\n  "command" : "leader"\n}');
    expect(JSON.parse((await get('/commands/monitor')).text)).toMatchObject({ server_state: 'standalone', znode_count: 5, error: null });
    expect(JSON.parse((await get('/commands/initial_configuration')).text).initial_configuration).toContain('preAllocSize=64');
    expect((await get('/commands')).text).toContain('<a href="/commands/ruok">ruok</a>\n<br/>\n');
    expect((await get('/nowhere')).status).toBe(404);
    expect((await get('/commands/ruok', 'DELETE')).status).toBe(405);
  });

  test('frees its ports when it stops, and finds its data when it starts again', async () => {
    const first = await start('twice', lines);
    await first.serving.next(anyRole);
    const port = first.server.clientPort;
    await servers.pop()?.stop();
    const second = await start('twice', [`clientPort=${port}`, 'admin.enableServer=false']);
    expect(second.server).toMatchObject({ clientPort: port, adminPort: null });
    expect(await ask(port, 'ruok')).toBe('imok');
  });

  test('a busy port is named, and nothing stays open', async () => {
    const taken = await Door.open();
    const client = await freePort();
    await expect(start('busy', [`clientPort=${taken.port}`, 'clientPortAddress=127.0.0.1'])).rejects.toThrow(`client port ${taken.port} on 127.0.0.1 is in use by another process`);
    await expect(start('busy', [`clientPort=${client}`, 'admin.serverAddress=127.0.0.1', `admin.serverPort=${taken.port}`])).rejects.toThrow(`admin port ${taken.port} on 127.0.0.1 is in use by another process`);
    const { server } = await start('busy', [`clientPort=${client}`, 'admin.serverPort=0']);
    expect(await ask(server.clientPort, 'ruok')).toBe('imok');
    taken.close();
  });
});

describe('three servers', () => {
  async function ensemble(): Promise<Awaited<ReturnType<typeof start>>[]> {
    const ports = await Promise.all(Array.from({ length: 6 }, freePort));
    const members = [1, 2, 3].map((id) => `server.${id}=127.0.0.1:${ports[2 * id - 2]}:${ports[2 * id - 1]}`);
    const common = ['clientPort=0', 'admin.enableServer=false', 'initLimit=20', 'syncLimit=10', ...members];
    return Promise.all([1, 2, 3].map((id) => start(`zoo${id}`, [...common, `myid=${id}`])));
  }

  test('elect a leader and serve; one may stop', async () => {
    const members = await ensemble();
    const roles = await Promise.all(members.map(({ serving }) => serving.next(anyRole)));
    expect(roles.sort()).toEqual(['follower', 'follower', 'leader']);
    const conf = await ask(members[0]?.server.clientPort ?? 0, 'conf');
    expect(conf).toMatch(/^serverId=1$/m);
    expect(conf).toMatch(/\nmembership: \nserver\.1=.*:participant\nserver\.2=.*\nserver\.3=.*\nversion=0$/);
    const modes = await Promise.all(members.map(async ({ server }) => /Mode: (.*)/.exec(await ask(server.clientPort, 'stat'))?.[1]));
    const follower = members[modes.indexOf('follower')]?.server;
    await follower?.stop();
    servers = servers.filter((server) => server !== follower);
    const leader = members[modes.indexOf('leader')]?.server;
    expect(await ask(leader?.clientPort ?? 0, 'mntr')).toMatch(/^zk_server_state\tleader$/m);
  });

  test('strangers on the quorum port are turned away', async () => {
    const members = await ensemble();
    await Promise.all(members.map(({ serving }) => serving.next(anyRole)));
    const leader = members.find(({ server }) => server.inspect().serving === 'leader');
    const spec = leader?.server.config.ensemble?.servers.get(leader.server.config.sid);
    for (const knock of ['GET / HTTP/1.1\r\n\r\n', '\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff']) {
      const wire = await dialTo(spec?.addresses[0]?.quorumPort ?? 0);
      expect(await wire.write(Buffer.from(knock, 'latin1')).readAll()).toEqual(Buffer.alloc(0));
    }
    expect(leader?.logged.filter(({ level }) => level === 40)).toMatchObject([{ msg: 'not a learner, connection closed' }, { msg: 'refused on the quorum port' }]);
    expect(await ask(leader?.server.clientPort ?? 0, 'ruok')).toBe('imok');
  });
});

test('a port that cannot be opened is a ListenError', async () => {
  await expect(start('nowhere', ['clientPort=0', 'clientPortAddress=192.0.2.1'])).rejects.toBeInstanceOf(ListenError);
});
