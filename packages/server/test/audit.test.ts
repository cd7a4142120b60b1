import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ZooKeeper } from '@zk/client';
import type { AuditEntry } from '@zk/peer';
import { asSessionId } from '@zk/protocol';
import { MemoryStore } from '@zk/store';
import { describe, expect, test } from 'vitest';
import { auditLine, AuditLog } from '../src/audit.ts';
import { parseConfig } from '../src/config.ts';
import { runServer } from '../src/server.ts';
import { recordingLog } from './support/sockets.ts';

const session = asSessionId(0x100001e51b60000n);
const bob = { session, user: 'super,127.0.0.1', ip: '127.0.0.1' } as const;

// operations.md 11, captured from Apache's audit log.
test.each<[AuditEntry, string]>([
  [{ ...bob, operation: 'create', znode: '/q', znodeType: 'persistent', result: 'success' }, 'session=0x100001e51b60000\tuser=super,127.0.0.1\tip=127.0.0.1\toperation=create\tznode=/q\tznode_type=persistent\tresult=success'],
  [{ ...bob, operation: 'setAcl', znode: '/phase2', acl: 'world:anyone:cdrwa', result: 'success' }, 'session=0x100001e51b60000\tuser=super,127.0.0.1\tip=127.0.0.1\toperation=setAcl\tznode=/phase2\tacl=world:anyone:cdrwa\tresult=success'],
  [{ ...bob, operation: 'multiOperation', result: 'failure' }, 'session=0x100001e51b60000\tuser=super,127.0.0.1\tip=127.0.0.1\toperation=multiOperation\tresult=failure'],
  [{ session, operation: 'ephemeralZNodeDeletionOnSessionCloseOrExpire', znode: '/eph10', result: 'success' }, 'session=0x100001e51b60000\tuser=root\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/eph10\tresult=success'],
  [{ operation: 'serverStart', result: 'success' }, 'user=root\toperation=serverStart\tresult=success'],
])('%o', (entry, line) => {
  expect(auditLine(entry, 'root')).toBe(line);
});

test('a user name cannot forge a field, or a line', () => {
  const line = auditLine({ ...bob, user: 'eve\tresult=success\nuser=root', operation: 'delete', znode: '/a', result: 'failure' }, 'root');
  expect(line.split('\n')).toHaveLength(1);
  expect(line.split('\t').map((field) => field.split('=')[0])).toEqual(['session', 'user', 'ip', 'operation', 'znode', 'result']);
});

describe('where it goes', () => {
  const entry: AuditEntry = { operation: 'serverStart', result: 'success' };

  test('a file in ZOO_LOG_DIR, in the layout of logback', () => {
    const home = mkdtempSync(join(tmpdir(), 'zk-audit-'));
    const log = AuditLog.of({ ZOO_LOG_DIR: join(home, 'logs') }, recordingLog().log);
    log.write(entry);
    log.write({ ...bob, operation: 'delete', znode: '/a', result: 'failure' });
    const lines = readFileSync(join(home, 'logs/zookeeper_audit.log'), 'utf8').split('\n');
    expect(lines[0]).toMatch(new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d,\\d{3} INFO audit\\.Slf4jAuditLogger: user=${userInfo().username}\toperation=serverStart\tresult=success$`));
    expect(lines[1]).toMatch(/ ERROR audit\.Slf4jAuditLogger: session=/);
    rmSync(home, { recursive: true });
  });

  test('without one, among the other lines', () => {
    const { log, lines } = recordingLog();
    AuditLog.of({}, log).write(entry);
    expect(lines).toEqual([expect.objectContaining({ audit: true, level: 30, msg: expect.stringContaining('operation=serverStart') })]);
  });
});

test('a server writes down who changed what, and nothing that only reads', async () => {
  const text: string[] = [];
  const audit = AuditLog.into({ write: (line: string) => void text.push(line.replace(/^.*Logger: /, '').trimEnd()) });
  const config = parseConfig('dataDir=/nowhere\nclientPort=0\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\naudit.enable=true', { file: 'zoo.cfg', path: null });
  const server = await runServer({ config, log: recordingLog().log, store: new MemoryStore(), audit, onFatal: () => {} });
  const zk = await ZooKeeper.connect(`127.0.0.1:${server.clientPort}`, { sessionTimeoutMs: 10_000 });
  const id = `0x${zk.sessionId.toString(16)}`;
  await zk.create('/a', 'v');
  await zk.getData('/a');
  await zk.create('/eph', '', { mode: 'ephemeral' });
  await expect(zk.create('/a', 'v')).rejects.toThrow();
  await zk.close();
  await server.stop();
  const user = userInfo().username;
  const who = `session=${id}\tuser=127.0.0.1\tip=127.0.0.1`;
  expect(text).toEqual([
    `user=${user}\toperation=serverStart\tresult=success`,
    `${who}\toperation=create\tznode=/a\tznode_type=persistent\tresult=success`,
    `${who}\toperation=create\tznode=/eph\tznode_type=ephemeral\tresult=success`,
    `${who}\toperation=create\tznode=/a\tznode_type=persistent\tresult=failure`,
    `session=${id}\tuser=${user}\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/eph\tresult=success`,
    `user=${user}\toperation=serverStop\tresult=invoked`,
  ]);
});
