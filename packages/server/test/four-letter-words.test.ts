import { readdirSync, readFileSync } from 'node:fs';
import { asSid, asZxid, OpCode } from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { FourLetterWords } from '../src/admin/four-letter-words.ts';
import type { AdminView } from '../src/admin/view.ts';
import { COMMAND_WORDS, isCommandWord, whitelistOf, type CommandWord } from '../src/admin/words.ts';
import { ServerMetrics } from '../src/admin/server-metrics.ts';
import { CAPTURED_ENSEMBLE, connection, session, viewWith } from './support/view.ts';

const captures = new URL('./fixtures/captures/', import.meta.url);

/** What a Java server answered; the version line alone differs from ours. */
function captured(role: string, word: string): string {
  return withoutVersion(readFileSync(new URL(`${role}/4lw-${word}.txt`, captures), 'utf8'));
}

function withoutVersion(text: string): string {
  return text.replace(/^(Zookeeper version: |zk_version\t).*$/m, '$1');
}

function ask(view: AdminView | null, word: CommandWord, asker = 0, argument = Buffer.alloc(0)): string {
  const words = new FourLetterWords(whitelistOf('*', false), () => view);
  return withoutVersion(words.answer(word, argument, { remoteAddress: '127.0.0.1', remotePort: asker }));
}

const SECOND = 1000;

describe('a standalone server answers as Apache’s', () => {
  const first = connection(34306, {
    received: 3, sent: 4, session: session(0x1000017008a0001n), timeOut: 20000, lastOp: OpCode.getData, establishedAt: 1795227921111,
    lastCxid: 2, lastZxid: 0x130n, lastResponseTime: 1508019.4, lastLatency: 0, minLatency: 0, averageLatency: 1.3, maxLatency: 2,
  });
  const second = connection(34298, {
    received: 307, sent: 308, session: session(0x1000017008a0000n), timeOut: 30000, lastOp: OpCode.getData, establishedAt: 1795227921067,
    lastCxid: 0x132, lastZxid: 0x130n, lastResponseTime: 1508018, lastLatency: 0, minLatency: 0, averageLatency: 0.7, maxLatency: 13,
  });
  const server = {
    status: { tree: { nodes: 6, ephemerals: 1, approximateDataSize: 60, lastZxid: asZxid(0x130n), digest: 0n, globalSessions: 2 } },
    pipeline: { packetsReceived: 315, packetsSent: 318, latency: { min: 0, average: 0.671, max: 13 } },
  };

  test('stat, to the letter', () => {
    const view = viewWith({ ...server, pipeline: { ...server.pipeline, connections: [first, second, connection(34332)] } });
    expect(ask(view, 'stat', 34332)).toBe(captured('standalone', 'stat'));
  });

  test('cons, to the letter', () => {
    const view = viewWith({ ...server, pipeline: { connections: [first, connection(34342), second] } });
    expect(ask(view, 'cons', 34342)).toBe(captured('standalone', 'cons'));
  });

  test('conf, to the letter', () => {
    expect(ask(viewWith(), 'conf')).toBe(captured('standalone', 'conf'));
  });

  test('dump, to the letter', () => {
    const alive = (id: bigint) => [{ id: session(id), timeOut: 30000, local: false }];
    const from = (remotePort: number, id: bigint | null) => [{ remoteAddress: '127.0.0.1', remotePort, session: id === null ? null : session(id) }];
    const view = viewWith({
      pipeline: {
        sessionBuckets: [
          { deadline: 18 * SECOND, members: [] },
          { deadline: 20 * SECOND, members: alive(0x1000017008a0001n) },
          { deadline: 28 * SECOND, members: [] },
          { deadline: 30 * SECOND, members: alive(0x1000017008a0000n) },
        ],
        connectionBuckets: [
          { deadline: 10 * SECOND, members: from(34358, null) },
          { deadline: 20 * SECOND, members: from(34306, 0x1000017008a0001n) },
          { deadline: 30 * SECOND, members: from(34298, 0x1000017008a0000n) },
        ],
      },
      view: { ephemerals: () => [[session(0x1000017008a0000n), ['/app/e']]] },
    });
    expect(ask(view, 'dump')).toBe(captured('standalone', 'dump'));
  });

  test('wchs, wchc and wchp, to the letter', () => {
    const [a, b] = [session(0x1000017008a0001n), session(0x1000017008a0000n)];
    const view = viewWith({
      pipeline: {
        watches: {
          counts: () => ({ watchers: 2, paths: 2, entries: 3 }),
          pathsBySession: () => new Map([[a, ['/app']], [b, ['/app', '/nope']]]),
          sessionsByPath: () => new Map([['/app', [a, b]], ['/nope', [b]]]),
        },
      },
    });
    for (const word of ['wchs', 'wchc', 'wchp'] as const) expect(ask(view, word)).toBe(captured('standalone', word));
  });

  test('dirs, isro, ruok and gtmk, to the letter', () => {
    const view = viewWith();
    for (const word of ['dirs', 'isro', 'ruok', 'gtmk'] as const) expect(ask(view, word)).toBe(captured('standalone', word));
  });

  test('hash: a digest for every 128th zxid', () => {
    const metrics = new ServerMetrics();
    for (let zxid = 1n; zxid <= 0x130n; zxid++) metrics.committed(asZxid(zxid), 50, () => (zxid === 0x80n ? 5986714359n : 3483382225n));
    expect(ask(viewWith({ view: { metrics } }), 'hash')).toBe(captured('standalone', 'hash'));
  });

  test('stmk sets what gtmk tells', () => {
    const words = new FourLetterWords(whitelistOf('*', false), () => null);
    const asker = { remoteAddress: '127.0.0.1', remotePort: 1 };
    expect(words.answer('stmk', Buffer.from('0000000000000010', 'hex'), asker)).toBe('16');
    expect(words.answer('gtmk', Buffer.alloc(0), asker)).toBe('16');
  });

  test('srst and crst reset, and say so', () => {
    const done: string[] = [];
    const view = viewWith({ view: { resetServerStats: () => done.push('server'), resetConnectionStats: () => done.push('connections') } });
    expect(ask(view, 'srst')).toBe('Server stats reset.\n');
    expect(ask(view, 'crst')).toBe('Connection stats reset.\n');
    expect(done).toEqual(['server', 'connections']);
  });

  test('envi has Java’s keys', () => {
    const keys = ask(viewWith(), 'envi').split('\n').map((line) => line.split('=')[0]);
    expect(keys).toEqual(['Environment:', 'zookeeper.version', 'host.name', 'java.version', 'java.vendor', 'java.home', 'java.class.path', 'java.library.path', 'java.io.tmpdir', 'java.compiler', 'os.name', 'os.arch', 'os.version', 'user.name', 'user.home', 'user.dir', 'os.memory.free', 'os.memory.max', 'os.memory.total', '']);
  });
});

describe('a member of an ensemble answers as Apache’s', () => {
  const member = (role: 'leading' | 'following', serving: 'leader' | 'follower', more: object = {}) => ({
    role, serving, ensemble: CAPTURED_ENSEMBLE, leader: asSid(3n),
    tree: { nodes: 7, ephemerals: 1, approximateDataSize: 310, lastZxid: asZxid(0x10000009dn), digest: 0n, globalSessions: 4 },
    ...more,
  });
  const leaderMetrics = (): ServerMetrics => {
    const metrics = new ServerMetrics();
    for (const bytes of [48, 91, 61]) metrics.committed(asZxid(1n), bytes, () => 0n);
    return metrics;
  };

  test('srvr of the leader has the proposal sizes', () => {
    const pipeline = { packetsReceived: 4, packetsSent: 4, latency: { min: 3, average: 7.5, max: 12 }, connections: [connection(1), connection(2)] };
    const view = viewWith({ status: { ...member('leading', 'leader'), pipeline: { ...viewWith().status.pipeline, ...pipeline } }, view: { metrics: leaderMetrics() } });
    expect(ask(view, 'srvr')).toBe(captured('leader3', 'srvr'));
  });

  test('dump of a follower lists sessions without their expiry', () => {
    const globalSessions = () => [0x400001814a40000n, 0x200001814820000n, 0x300001814d10000n, 0x1000018148c0000n].map((id) => [session(id), 30000] as const);
    const view = viewWith({
      status: member('following', 'follower'),
      view: { globalSessions, ephemerals: () => [[session(0x1000018148c0000n), ['/x/eph']]] },
    });
    const [sessions] = captured('follower1', 'dump').split('Connections dump:');
    expect(ask(view, 'dump').split('Connections dump:')[0]).toBe(sessions);
  });

  test('mntr: the head in order, and no line that is not zk_<name> TAB <value>', () => {
    const learner = { link: 1, remote: 'x', phase: 'synced', acked: null, alive: true } as const;
    const learners = [
      { ...learner, sid: asSid(1n), role: 'participant' as const },
      { ...learner, sid: asSid(2n), role: 'participant' as const },
      { ...learner, sid: asSid(4n), role: 'observer' as const },
    ];
    const lines = ask(viewWith({ status: member('leading', 'leader', { learners }), view: { metrics: leaderMetrics() } }), 'mntr').split('\n');
    const values = new Map(lines.map((line) => line.split('\t') as [string, string]));
    const java = new Map(captured('leader3', 'mntr').split('\n').map((line) => line.split('\t') as [string, string]));
    expect(lines.slice(0, 3)).toEqual(['zk_version\t', 'zk_server_state\tleader', 'zk_peer_state\tleading - broadcast']);
    expect(lines.at(-1)).toBe('');
    for (const line of lines.slice(3, -1)) expect(line).toMatch(/^zk_\w+\t-?\d+(\.\d+)?$/);
    for (const name of ['zk_synced_followers', 'zk_synced_observers', 'zk_learners', 'zk_quorum_size', 'zk_last_proposal_size', 'zk_znode_count', 'zk_ephemerals_count', 'zk_global_sessions']) {
      expect([name, values.get(name)]).toEqual([name, java.get(name)]);
    }
  });
});

describe('a read-only server', () => {
  test('says so in srvr and isro', () => {
    const view = viewWith({ status: { serving: 'readOnly', role: 'looking' }, pipeline: { packetsReceived: 1, packetsSent: 1, connections: [connection(1)] } });
    expect(ask(view, 'srvr')).toBe(captured('read-only', 'srvr'));
    expect(ask(view, 'isro')).toBe(captured('read-only', 'isro'));
  });
});

describe('a server that does not serve', () => {
  const recorded = readdirSync(new URL('not-serving/', captures)).map((file) => file.slice('4lw-'.length, -'.txt'.length)).filter(isCommandWord);

  test.each(recorded)('answers %s as Java does', (word) => {
    expect(ask(null, word)).toBe(captured('not-serving', word));
    expect(ask(viewWith({ status: { serving: null } }), word)).toBe(captured('not-serving', word));
  });
});

describe('the whitelist', () => {
  test('refuses a word that is not on it, and says so', () => {
    const words = new FourLetterWords(whitelistOf('srvr', false), () => viewWith());
    expect(words.answer('stat', Buffer.alloc(0), { remoteAddress: '', remotePort: 0 })).toBe('stat is not executed because it is not in the whitelist.\n');
  });

  test.each([
    ['', false, ['srvr']],
    ['ruok, mntr,nosuch', false, ['srvr', 'ruok', 'mntr']],
    ['', true, ['srvr', 'isro']],
  ])('of %j (read-only mode: %s) allows %j', (text, readOnly, words) => {
    expect([...whitelistOf(text, readOnly)]).toEqual(words);
  });

  test('* allows all', () => {
    expect(whitelistOf('*', false).size).toBe(COMMAND_WORDS.length);
  });

  test('by default allows what only reads, and is cheap', () => {
    const allowed = whitelistOf(viewWith().config.settings.get('4lw.commands.whitelist'), false);
    expect(COMMAND_WORDS.filter((word) => !allowed.has(word))).toEqual(['crst', 'srst', 'stmk', 'wchc', 'wchp']);
  });
});
