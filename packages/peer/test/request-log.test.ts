import { AuthPacket, CreateRequest, GetDataRequest, MultiHeader, OPEN_ACL, OpCode } from '@zk/protocol';
import { Writer } from '@zk/jute';
import { describe, expect, test } from 'vitest';
import type { RequestFilter } from '../src/request-log.ts';
import { Server, type Client } from './pipeline-harness.ts';

const filter = (more: Partial<RequestFilter>): RequestFilter => ({ sessions: new Set(), paths: [], forMs: 1000, ...more });
const create = (path: string): CreateRequest => ({ path, data: Buffer.from('secret'), acl: [...OPEN_ACL], flags: 0 });

/** The requests and replies told, in a line each. */
function told({ traces }: Server): string[] {
  return traces.flatMap((event) => {
    if (event.kind === 'request') return [`> ${event.op} ${event.paths.join(' ')}`];
    if (event.kind === 'reply') return [`< ${event.op} ${event.paths.join(' ')} ${event.error}`];
    return [];
  });
}

function twoClients(): { server: Server; alice: Client; bob: Client } {
  const server = new Server();
  return { server, alice: server.connect(), bob: server.connect() };
}

describe('the request log', () => {
  test('tells the requests of one session, and how each was answered', () => {
    const { server, alice, bob } = twoClients();
    server.pipeline.logRequests(filter({ sessions: new Set([alice.session]) }));
    alice.send(OpCode.create, CreateRequest, create('/a'));
    bob.send(OpCode.create, CreateRequest, create('/b'));
    alice.send(OpCode.getData, GetDataRequest, { path: '/nope', watch: false });
    expect(told(server)).toEqual(['> create /a', '< create /a OK', '> getData /nope', '< getData /nope NONODE']);
    const [request, reply] = server.traces.filter(({ kind }) => kind === 'request' || kind === 'reply');
    expect(request).toMatchObject({ session: alice.session, remote: '127.0.0.1:50001', xid: 1 });
    expect(reply).toMatchObject({ session: alice.session, xid: 1, zxid: 3n, ms: 0 });
  });

  test('tells the requests about a path and what lies below it, whoever asks', () => {
    const { server, alice, bob } = twoClients();
    alice.send(OpCode.create, CreateRequest, create('/app'));
    server.pipeline.logRequests(filter({ paths: ['/app'] }));
    alice.send(OpCode.create, CreateRequest, create('/app/x'));
    bob.send(OpCode.getData, GetDataRequest, { path: '/app', watch: false });
    bob.send(OpCode.create, CreateRequest, create('/apple'));
    expect(told(server)).toEqual(['> create /app/x', '< create /app/x OK', '> getData /app', '< getData /app OK']);
  });

  test('a multi is about all of its paths', () => {
    const { server, alice } = twoClients();
    server.pipeline.logRequests(filter({ paths: ['/b'] }));
    const writer = new Writer();
    for (const path of ['/a', '/b']) {
      MultiHeader.write(writer, { type: OpCode.create, done: false, err: -1 });
      CreateRequest.write(writer, create(path));
    }
    MultiHeader.write(writer, { type: -1, done: true, err: -1 });
    const header = Buffer.alloc(8);
    header.writeInt32BE(7, 0);
    header.writeInt32BE(OpCode.multi, 4);
    alice.raw(Buffer.concat([header, writer.finish()]));
    expect(told(server)).toEqual(['> multi /a /b', '< multi /a /b OK']);
  });

  test('tells neither data nor credentials', () => {
    const { server, alice } = twoClients();
    server.pipeline.logRequests(filter({ sessions: new Set([alice.session]) }));
    alice.send(OpCode.auth, AuthPacket, { type: 0, scheme: 'digest', auth: Buffer.from('bob:secret') });
    alice.send(OpCode.create, CreateRequest, create('/a'));
    expect(told(server)[0]).toBe('> auth ');
    const text = JSON.stringify(server.traces, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).not.toContain('secret');
  });

  test('ends when it is told to, and by itself when its time is over', () => {
    const { server, alice } = twoClients();
    server.pipeline.logRequests(filter({ paths: ['/'] }));
    server.pass(999);
    alice.send(OpCode.create, CreateRequest, create('/a'));
    server.pass(2);
    alice.send(OpCode.create, CreateRequest, create('/b'));
    server.pipeline.logRequests(filter({ paths: ['/'] }));
    server.pipeline.logRequests(null);
    alice.send(OpCode.create, CreateRequest, create('/c'));
    expect(told(server)).toEqual(['> create /a', '< create /a OK']);
  });
});
