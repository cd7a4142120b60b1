import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Member } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';
import { knock } from '../support/knock.ts';
import { until } from '../support/until.ts';

// Somebody's browser, a port scanner, a client with the wrong port: that connection ends, one log line says what it was.
let zk: Ensemble;
let leader: Member;
let client: ZooKeeper;

beforeAll(async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  leader = await zk.settled();
  client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 10_000 });
});
afterAll(async () => {
  await client.close();
  await zk.stop();
});

const HUGE = Buffer.alloc(64, 0x41);
HUGE.writeInt32BE(0x7fffffff, 0);
const GARBAGE = Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 167 + 251) & 0xff));

const knocks: [string, Buffer, RegExp][] = [
  ['garbage', GARBAGE, /./],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /HTTP/],
  ['a 2 GB length prefix', HUGE, /2147483647|claims \d+ bytes|a length of|a bare sid/],
];
const ports: [string, (member: Member) => number][] = [
  ['client', (member) => member.clientPort],
  ['election', (member) => member.electionPort],
  ['quorum', (member) => member.quorumPort],
];

const warnings = (member: Member): string[] =>
  (member.process?.output ?? '').split('\n').filter((line) => line.includes('"level":40') || line.includes('"level":50'));

for (const [port, portOf] of ports) {
  test.each(knocks)(`%s on the ${port} port is closed and named in one line`, async (_what, bytes, named) => {
    const before = warnings(leader).length;
    await knock(portOf(leader), bytes);
    await until('a line that names what knocked', () => warnings(leader).length > before);
    const lines = warnings(leader).slice(before);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(named);
    // Everything else goes on: the same leader, and the same session can write.
    await client.create('/still-', Buffer.from(port), { mode: 'ephemeral-sequential' });
    expect((await zk.settled()).sid).toBe(leader.sid);
  });
}
