import { arbitraryOf } from '@zk/jute/testing';
import { encode } from '@zk/jute';
import { AddWatchRequest, CreateRequest, DeleteRequest, ExistsRequest, OPEN_ACL, OpCode, SetDataRequest, SetWatches2, type ACL } from '@zk/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Server, type Client } from './pipeline-harness.ts';

/** Few enough paths that operations meet. */
const path = fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/d', '/a/s-', '', '/zookeeper/quota', 'x', '/d/../e');
const data = fc.option(fc.constantFrom(Buffer.from('1'), Buffer.alloc(0), Buffer.from('long'.repeat(9))), { nil: null });

type Sent = readonly [op: number, body: Buffer];

const sensible: fc.Arbitrary<Sent> = fc.oneof(
  fc.tuple(
    fc.constantFrom(OpCode.create, OpCode.create2, OpCode.createContainer),
    fc.record({ path, data, acl: fc.constantFrom<ACL[] | null>([...OPEN_ACL], [], null), flags: fc.integer({ min: 0, max: 6 }) }).map((request) => encode(CreateRequest, request)),
  ),
  fc.tuple(fc.constant(OpCode.delete), fc.record({ path, version: fc.constantFrom(-1, 0, 1) }).map((request) => encode(DeleteRequest, request))),
  fc.tuple(fc.constant(OpCode.setData), fc.record({ path, data, version: fc.constantFrom(-1, 0, 1) }).map((request) => encode(SetDataRequest, request))),
  fc.tuple(fc.constantFrom(OpCode.exists, OpCode.getData, OpCode.getChildren, OpCode.getChildren2), path.map((each) => encode(ExistsRequest, { path: each, watch: true }))),
  fc.tuple(fc.constant(OpCode.addWatch), fc.record({ path, mode: fc.integer({ min: 0, max: 2 }) }).map((request) => encode(AddWatchRequest, request))),
  fc.tuple(fc.constantFrom(OpCode.ping, OpCode.whoAmI), fc.constant(Buffer.alloc(0))),
);

/** Any opcode that is answered in order, with a body that was made for it or for another one. */
const nonsense: fc.Arbitrary<Sent> = fc.tuple(
  fc.constantFrom(...Object.values(OpCode).filter((op) => op > 0 && op !== OpCode.auth && op !== OpCode.sasl && op !== OpCode.check && op !== OpCode.deleteContainer)),
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    arbitraryOf(CreateRequest).map((request) => encode(CreateRequest, request)),
    arbitraryOf(SetWatches2).map((request) => encode(SetWatches2, request)),
  ),
);

const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('request' as const), who: fc.nat(2), what: fc.oneof({ weight: 4, arbitrary: sensible }, nonsense) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
);

/** The xids of what was received, without events; pings have one of their own. */
function answered(client: Client): number[] {
  return client.heard().filter((line) => !line.startsWith('event') && !line.startsWith('-2')).map((line) => Number(line.split(' ')[0]));
}

test('whatever is sent, everybody is answered in order, commits keep to their zxids and digests foretell the tree', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const server = new Server();
      const clients = [server.connect(), server.connect(), server.connect()];
      const asked = new Map<Client, number[]>(clients.map((client) => [client, []]));
      server.authority.immediate = false;
      for (const each of actions) {
        if (each.kind === 'commit') server.authority.commit(each.count);
        else if (each.kind === 'pass') server.pass(each.ms);
        else {
          const client = clients[each.who];
          if (!client || client.link.closed !== null) continue;
          if (each.kind === 'close') server.pipeline.closed(client.link);
          const [op, body] = each.kind === 'request' ? each.what : [OpCode.ping, Buffer.alloc(0)];
          const xid = client.sendBytes(op, Buffer.from(body));
          if (op !== OpCode.ping) asked.get(client)?.push(xid);
        }
      }
      server.authority.commit();
      for (const client of clients) {
        const got = answered(client);
        // A connection that ended owes nothing more; the others have been answered completely.
        const isAlive = server.pipeline.status().connections.some(({ remotePort }) => remotePort === client.link.remotePort);
        const wanted = asked.get(client) ?? [];
        expect(got).toEqual(isAlive ? wanted : wanted.slice(0, got.length));
      }
      expect(server.traces.filter(({ kind }) => kind === 'digestMismatch')).toEqual([]);
      expect(server.pipeline.status().outstanding).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('no bytes whatsoever bring the handshake down', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const server = new Server();
      const client = server.open();
      client.raw(Buffer.from(bytes));
      const response = client.takeConnect();
      expect(client.link.closed === null).toBe(response !== null && response.timeOut > 0);
    }),
  );
});
