import { Writer, decode, encode, ustring } from '@zk/jute';
import {
  AddWatchRequest,
  AuthPacket,
  CheckWatchesRequest,
  CreateRequest,
  DeleteRequest,
  ErrorCode,
  ExistsRequest,
  GetDataRequest,
  GetDataResponse,
  MultiHeader,
  OPEN_ACL,
  OpCode,
  ReconfigRequest,
  SetDataRequest,
  SyncRequest,
  asSessionId,
  asZxid,
  hex,
  proposalOf,
  sessionPassword,
} from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { Server, type Client } from './pipeline-harness.ts';

const create = (path: string, flags = 0): CreateRequest => ({ path, data: Buffer.from('x'), acl: [...OPEN_ACL], flags });
const CONNECTED = { protocolVersion: 0, readOnly: false };

describe('the handshake', () => {
  test('negotiates the timeout into its bounds', () => {
    const server = new Server();
    expect(server.open().connect({ timeOut: -5 })?.timeOut).toBe(4000);
    expect(server.open().connect({ timeOut: 1_000_000 })?.timeOut).toBe(40_000);
  });

  test('answers with the readOnly byte only if the client sent one (trap 1)', () => {
    const response = new Server().open().connect({ readOnly: undefined });
    expect(response?.readOnly).toBeUndefined();
    expect(new Server().open().connect({ readOnly: true })).toMatchObject(CONNECTED);
  });

  test('a client that has seen a later zxid is closed without a word (trap 3)', () => {
    const client = new Server().open();
    expect(client.connect({ lastZxidSeen: 5n })).toBeNull();
    expect(client.link.closed).not.toBeNull();
  });

  test('garbage, or anything while nobody serves, is closed without a word', () => {
    const server = new Server();
    const garbage = server.open();
    garbage.raw(Buffer.from('0000', 'hex'));
    expect(garbage.link.closed).not.toBeNull();
    server.pipeline.stop('no quorum');
    const unserved = server.open();
    expect(unserved.connect()).toBeNull();
    expect(unserved.link.closed).not.toBeNull();
  });

  test('what is pipelined behind the ConnectRequest waits for the session, unread bytes for the socket (trap 4)', () => {
    const server = new Server();
    server.authority.immediate = false;
    const client = server.open();
    client.sendConnect({});
    expect(client.link.paused).toBe(false); // most clients have nothing to say meanwhile
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.ping);
    expect(client.link.paused).toBe(true);
    server.authority.commit();
    expect(client.takeConnect()?.timeOut).toBe(10_000);
    expect(client.link.paused).toBe(false);
    server.authority.commit();
    expect(client.heard()).toEqual(['1 0x2 0', '-2 0x2 0']);
  });

  test('a refused session is a response of zeros; what is pipelined behind it is dropped (trap 2)', () => {
    const client = new Server().open();
    const id = asSessionId(0x100001c40820064n);
    expect(client.connect({ sessionId: id, passwd: sessionPassword(id) })).toMatchObject({ timeOut: 0, sessionId: 0n, passwd: Buffer.alloc(16) });
    expect(client.link.closed).not.toBeNull();
    client.send(OpCode.ping);
    expect(client.heard()).toEqual([]);
  });

  test('a connection that never says anything is closed after the timeout, rounded up', () => {
    const server = new Server();
    const client = server.open();
    server.pass(19_999);
    expect(client.link.closed).toBeNull();
    server.pass(1);
    expect(client.link.closed).not.toBeNull();
  });
});

describe('a session', () => {
  test('is taken over by a reconnect: the old connection goes first, even if the password is wrong (trap 5)', () => {
    const server = new Server();
    const first = server.connect();
    const thief = server.open();
    expect(thief.connect({ sessionId: first.session, passwd: Buffer.alloc(16) })?.timeOut).toBe(0);
    expect(first.link.closed).not.toBeNull();
    const second = server.open();
    expect(second.connect({ sessionId: first.session, passwd: first.passwd })?.timeOut).toBe(10_000);
    expect(server.authority.proposed).toEqual([]);
    expect(server.tree.lastZxid).toBe(1n); // re-attaching takes no zxid
  });

  test('expires between its timeout and one tick later, with its ephemerals and without a word (trap 40)', () => {
    const server = new Server();
    const client = server.connect(4000);
    client.ask(OpCode.create, CreateRequest, create('/e', 1));
    server.pass(5999);
    expect(server.tree.node('/e')).toBeDefined();
    server.pass(1);
    expect(server.tree.node('/e')).toBeUndefined();
    expect(server.tree.sessions.size).toBe(0);
    expect(client.heard()).toEqual([]);
    expect(client.link.closed).not.toBeNull();
    expect(server.open().connect({ sessionId: client.session, passwd: client.passwd })?.timeOut).toBe(0);
  });

  test('lives on while its client pings', () => {
    const server = new Server();
    const client = server.connect(4000);
    for (let i = 0; i < 10; i += 1) {
      server.pass(3000);
      client.ask(OpCode.ping);
    }
    expect(client.link.closed).toBeNull();
  });

  test('gets its full timeout once more when a new leader starts', () => {
    const server = new Server('leader');
    const client = server.connect(4000);
    server.pass(3000);
    server.serve('leader');
    server.pass(4000);
    expect(server.open().connect({ sessionId: client.session, passwd: client.passwd })?.timeOut).toBe(10_000);
  });

  test('closing deletes creates that are still outstanding and drops what comes behind it (trap 20)', () => {
    const server = new Server();
    const client = server.connect();
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/e', 1));
    client.send(OpCode.closeSession);
    client.send(OpCode.create, CreateRequest, create('/late', 1));
    server.authority.commit();
    expect(client.heard()).toEqual(['1 0x2 0', '2 0x3 0']);
    expect(client.link.closed).not.toBeNull();
    expect(server.tree.node('/e')).toBeUndefined();
    expect(server.tree.node('/late')).toBeUndefined();
  });

  test('closed by its client: its own watch events come before the reply (trap 33)', () => {
    const server = new Server();
    const client = server.connect();
    client.ask(OpCode.create, CreateRequest, create('/e', 1));
    client.ask(OpCode.exists, ExistsRequest, { path: '/e', watch: true });
    client.send(OpCode.closeSession);
    expect(client.heard()).toEqual(['event 2 /e 0x3', '3 0x3 0']);
  });

  test('moved to a learner: its old connection on the leader is closed, never told −118 (traps 39, 42)', () => {
    const server = new Server('leader');
    const client = server.connect();
    expect(server.pipeline.revalidate(7, client.session, 10_000)).toBe(true);
    client.send(OpCode.getData, GetDataRequest, { path: '/', watch: false });
    expect(client.heard()).toEqual([]);
    expect(client.link.closed).not.toBeNull();
  });

  test('unknown to the leader is not revalidated', () => {
    expect(new Server('leader').pipeline.revalidate(7, asSessionId(1n), 10_000)).toBe(false);
  });
});

describe('replies leave in the order of the requests', () => {
  test('a read waits for its own session’s writes, and not for others’', () => {
    const server = new Server();
    const [alice, bob] = [server.connect(), server.connect()];
    server.authority.immediate = false;
    alice.send(OpCode.create, CreateRequest, create('/a'));
    alice.send(OpCode.exists, ExistsRequest, { path: '/a', watch: false });
    alice.send(OpCode.ping);
    bob.send(OpCode.exists, ExistsRequest, { path: '/a', watch: false });
    expect(bob.heard()).toEqual([`1 0x2 ${ErrorCode.NONODE}`]);
    expect(alice.heard()).toEqual([]);
    server.authority.commit();
    expect(alice.heard()).toEqual(['1 0x3 0', '2 0x3 0', '-2 0x3 0']);
  });

  test('auth overtakes, and counts for what is received later only (trap 36)', () => {
    const server = new Server();
    const client = server.connect();
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.auth, AuthPacket, { type: 0, scheme: 'digest', auth: Buffer.from('bob:pw') }, -4);
    expect(client.heard()).toEqual(['-4 0x0 0']);
    client.send(OpCode.auth, AuthPacket, { type: 0, scheme: 'nonsense', auth: null }, -4);
    expect(client.heard()).toEqual([`-4 0x0 ${ErrorCode.AUTHFAILED}`]);
    expect(client.link.closed).not.toBeNull();
  });

  test('the client that is gone gets nothing, its write happens all the same', () => {
    const server = new Server();
    const client = server.connect();
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/a'));
    server.pipeline.closed(client.link);
    server.authority.commit();
    expect(client.heard()).toEqual([]);
    expect(server.tree.node('/a')).toBeDefined();
    expect(server.pipeline.status().outstanding).toBe(0);
  });

  test('too many outstanding requests: whoever waits for replies is not read (client.md 7.1)', () => {
    const server = new Server('standalone', { globalOutstandingLimit: 2 });
    const client = server.connect();
    server.authority.immediate = false;
    for (let i = 0; i < 3; i += 1) client.send(OpCode.create, CreateRequest, create(`/${i}`));
    expect(client.link.paused).toBe(true);
    server.authority.commit();
    expect(client.link.paused).toBe(false);
    expect(client.heard()).toHaveLength(3);
  });
});

describe('watches', () => {
  test('fire before the reply of the write that caused them, with its zxid', () => {
    const server = new Server();
    const client = server.connect();
    client.ask(OpCode.exists, ExistsRequest, { path: '/a', watch: true }); // trap 28: registered although missing
    client.ask(OpCode.getData, GetDataRequest, { path: '/b', watch: true }); // not registered
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.create, CreateRequest, create('/b'));
    expect(client.heard()).toEqual(['event 1 /a 0x2', '3 0x2 0', '4 0x3 0']);
  });

  test('a recursive watch hears of descendants, not of children lists (trap 31)', () => {
    const client = new Server().connect();
    client.ask(OpCode.addWatch, AddWatchRequest, { path: '/', mode: 1 });
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.delete, DeleteRequest, { path: '/a', version: -1 });
    expect(client.heard()).toEqual(['event 1 /a 0x2', '2 0x2 0', 'event 2 /a 0x3', '3 0x3 0']);
  });

  test('who may not read does not hear of it, yet the watch is used up (trap 32)', () => {
    const server = new Server();
    const [alice, bob] = [server.connect(), server.connect()];
    bob.ask(OpCode.exists, ExistsRequest, { path: '/secret', watch: true });
    const acl = [{ perms: 31, id: { scheme: 'digest', id: 'alice:secret' } }];
    alice.ask(OpCode.create, CreateRequest, { ...create('/secret'), acl });
    alice.ask(OpCode.delete, DeleteRequest, { path: '/secret', version: -1 });
    alice.ask(OpCode.create, CreateRequest, create('/secret'));
    expect(bob.heard()).toEqual([]);
  });

  test('belong to the connection, not to the session (trap 27)', () => {
    const server = new Server();
    const first = server.connect();
    first.ask(OpCode.exists, ExistsRequest, { path: '/a', watch: true });
    const second = server.open();
    second.connect({ sessionId: first.session, passwd: first.passwd });
    server.connect().ask(OpCode.create, CreateRequest, create('/a'));
    expect([first.heard(), second.heard()]).toEqual([[], []]);
  });

  test('can be looked for and removed: none is NOWATCHER, no such type is MARSHALLINGERROR', () => {
    const client = new Server().connect();
    const data = { path: '/a', type: 2 };
    client.ask(OpCode.exists, ExistsRequest, { path: '/a', watch: true });
    expect(client.ask(OpCode.checkWatches, CheckWatchesRequest, data).err).toBe(0);
    expect(client.ask(OpCode.removeWatches, CheckWatchesRequest, data).err).toBe(0);
    expect(client.ask(OpCode.removeWatches, CheckWatchesRequest, data).err).toBe(ErrorCode.NOWATCHER);
    expect(client.ask(OpCode.checkWatches, CheckWatchesRequest, { path: '/a', type: 6 }).err).toBe(ErrorCode.MARSHALLINGERROR);
    expect(client.ask(OpCode.addWatch, AddWatchRequest, { path: '/a', mode: 2 }).err).toBe(ErrorCode.MARSHALLINGERROR);
  });
});

describe('on a learner', () => {
  /** A leader and a follower whose messages the test carries by hand. */
  class Pair {
    static readonly LINK = 7;
    readonly leader = new Server('leader', {}, 1);
    readonly follower = new Server('follower', {}, 2);

    constructor() {
      this.leader.authority.immediate = false;
    }

    /** What the follower sent goes to the leader; what the leader commits goes to both. */
    exchange(): void {
      for (const { session, cxid, op, body, authinfo } of this.follower.authority.forwarded.splice(0)) {
        this.leader.pipeline.forwarded(Pair.LINK, session, cxid, op, body, authinfo, () => this.#deliver(true));
      }
      this.#deliver(false);
    }

    #deliver(sync: boolean): void {
      for (const proposal of [...this.leader.authority.proposed]) {
        this.leader.authority.commit(1);
        this.follower.pipeline.committed(proposal);
      }
      if (sync) this.follower.pipeline.synced();
    }

    connect(): Client {
      const client = this.follower.open();
      client.sendConnect({});
      this.exchange();
      client.takeConnect();
      return client;
    }
  }

  test('writes are forwarded as they are, and answered when their txn comes back', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.exists, ExistsRequest, { path: '/a', watch: false });
    expect(pair.follower.authority.forwarded.map(({ cxid, op, authinfo }) => [cxid, op, authinfo])).toEqual([
      [1, OpCode.create, [{ scheme: 'ip', id: '127.0.0.1' }]],
      [2, OpCode.create, [{ scheme: 'ip', id: '127.0.0.1' }]],
    ]);
    expect(client.heard()).toEqual([]);
    pair.exchange();
    expect(client.heard()).toEqual(['1 0x2 0', `2 0x3 ${ErrorCode.NODEEXISTS}`, '3 0x3 0']);
  });

  test('a reconfig is answered with the configuration that its leader made of it', () => {
    const pair = new Pair();
    const client = pair.connect();
    const cxid = client.send(OpCode.reconfig, ReconfigRequest, { joiningServers: 'server.4=…', leavingServers: null, newMembers: null, curConfigId: -1n });
    const zxid = asZxid(2n);
    const data = Buffer.from('server.4=…\nversion=2');
    const header = { clientId: client.session, cxid, zxid, time: 5n, type: OpCode.reconfig };
    pair.follower.pipeline.committed(proposalOf({ header, body: { type: OpCode.reconfig, path: '/zookeeper/config', data, version: -1 }, digest: null }));
    const { err, body } = client.take();
    expect([err, decode(GetDataResponse, body)]).toMatchObject([0, { data, stat: { mzxid: zxid, mtime: 5n } }]);
  });

  test('a write that does not decode is never forwarded (T42), unless it is a multi, which costs a zxid everywhere', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.sendBytes(OpCode.create, Buffer.from('00', 'hex'));
    expect(pair.follower.authority.forwarded).toEqual([]);
    expect(client.heard()).toEqual([`1 0x1 ${ErrorCode.MARSHALLINGERROR}`]);
    client.sendBytes(OpCode.multi, Buffer.from('00', 'hex'));
    expect(client.heard()).toEqual([]);
    pair.exchange();
    expect(client.heard()).toEqual([`2 0x2 ${ErrorCode.MARSHALLINGERROR}`]);
  });

  test('a multi with a create without an ACL is not forwarded: a Java leader would not survive it', () => {
    const pair = new Pair();
    const client = pair.connect();
    const body = new Writer();
    MultiHeader.write(body, { type: OpCode.create, done: false, err: -1 });
    CreateRequest.write(body, { ...create('/a'), acl: null });
    MultiHeader.write(body, { type: -1, done: true, err: -1 });
    client.sendBytes(OpCode.multi, body.finish());
    expect(pair.follower.authority.forwarded).toEqual([]);
    expect(client.heard()).toEqual([`1 0x1 ${ErrorCode.MARSHALLINGERROR}`]);
  });

  test('a forwarded one that does not decode, or is no write, takes a zxid and comes back as an error (T42, T59)', () => {
    const leader = new Server('leader');
    const session = asSessionId(5n);
    leader.pipeline.forwarded(7, session, 1, OpCode.create, Buffer.alloc(1), []);
    leader.pipeline.forwarded(7, session, 2, OpCode.check, Buffer.alloc(8), []);
    leader.pipeline.forwarded(7, session, 3, OpCode.deleteContainer, Buffer.alloc(8), []);
    expect(leader.tree.lastZxid).toBe(3n);
    expect(leader.tree.nodeCount).toBe(new Server().tree.nodeCount);
  });

  test('sync waits for the leader, later requests wait for sync (T47)', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.send(OpCode.sync, SyncRequest, { path: '/a😀' });
    client.send(OpCode.ping);
    expect(client.heard()).toEqual([]);
    pair.exchange();
    expect(client.take().body.toString('hex')).toBe('000000082f61eda0bdedb880'); // CESU-8, as Java writes it
    expect(client.heard()).toEqual(['-2 0x1 0']);
  });

  test('a reply that has to wait is as it was made, whatever is applied meanwhile', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.send(OpCode.sync, SyncRequest, { path: '/' });
    client.send(OpCode.create2, CreateRequest, create('/a'));
    pair.follower.authority.forwarded.shift(); // the answer to the sync is late
    pair.exchange();
    const created = pair.follower.tree.node('/a')!.statBytes();
    const other = pair.connect();
    other.send(OpCode.create2, CreateRequest, create('/a/b'));
    pair.exchange();
    expect(other.take().err).toBe(0);
    expect(client.heard()).toEqual([]);
    pair.follower.pipeline.synced();
    expect(client.take().xid).toBe(1);
    const { xid, err, body } = client.take();
    expect([xid, err]).toEqual([2, 0]);
    expect(body).toEqual(Buffer.concat([encode(ustring, '/a'), created]));
    expect(created).not.toEqual(pair.follower.tree.node('/a')!.statBytes());
  });

  test('another session’s write with the same cxid is not taken for one’s own (T46)', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.send(OpCode.create, CreateRequest, create('/a'));
    const own = pair.follower.authority.forwarded.splice(0);
    const other = pair.leader.open();
    other.sendConnect({});
    pair.exchange();
    other.takeConnect();
    other.send(OpCode.create, CreateRequest, create('/b')); // cxid 1 as well
    pair.exchange();
    expect(other.heard()).toEqual(['1 0x3 0']);
    expect(client.heard()).toEqual([]);
    pair.follower.authority.forwarded.push(...own);
    pair.exchange();
    expect(client.heard()).toEqual(['1 0x4 0']);
  });

  test('re-attaching asks the leader, which then takes the session for the learner’s (T48)', () => {
    const pair = new Pair();
    const client = pair.leader.open();
    client.sendConnect({});
    pair.exchange();
    client.takeConnect();
    const moved = pair.follower.open();
    moved.sendConnect({ sessionId: client.session, passwd: client.passwd });
    moved.send(OpCode.ping);
    const [asked] = pair.follower.authority.revalidations;
    expect(asked).toEqual({ session: client.session, timeOut: 10_000 });
    pair.follower.pipeline.revalidated(client.session, pair.leader.pipeline.revalidate(7, client.session, 10_000));
    expect(moved.takeConnect()).toMatchObject({ timeOut: 10_000, sessionId: client.session });
    expect(moved.heard()).toEqual(['-2 0x1 0']);
    expect(pair.follower.pipeline.takeTouched()).toEqual([{ session: client.session, timeOut: 10_000 }]);
    expect(pair.follower.pipeline.takeTouched()).toEqual([]); // T49
  });

  test('a session taken away from it: the next write closes the connection', () => {
    const pair = new Pair();
    const client = pair.connect();
    pair.leader.pipeline.revalidate(8, client.session, 10_000);
    client.send(OpCode.exists, ExistsRequest, { path: '/', watch: false });
    expect(client.heard()).toEqual(['1 0x1 0']); // reads go on (client.md 5.5)
    client.send(OpCode.setData, SetDataRequest, { path: '/', data: null, version: -1 });
    pair.exchange();
    expect(client.heard()).toEqual([]);
    expect(client.link.closed).not.toBeNull();
  });

  test('losing the leader closes every connection without replies (T56)', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.send(OpCode.create, CreateRequest, create('/a'));
    pair.follower.pipeline.stop('lost the leader');
    expect(client.heard()).toEqual([]);
    expect(client.link.closed).toBe('lost the leader');
    expect(pair.follower.pipeline.status()).toMatchObject({ outstanding: 0, connections: [] });
  });
});

describe('local sessions (client.md 5.6)', () => {
  test('cost no zxid, and close without one', () => {
    const server = new Server('leader', { localSessionsEnabled: true });
    const client = server.connect();
    client.send(OpCode.closeSession);
    expect(client.heard()).toEqual(['1 0x0 0']);
    expect(client.link.closed).not.toBeNull();
    expect(server.tree.lastZxid).toBe(0n);
  });

  test('may not create ephemerals unless they may become global (trap 41)', () => {
    const client = new Server('leader', { localSessionsEnabled: true }).connect();
    expect(client.ask(OpCode.create, CreateRequest, create('/e', 1))).toMatchObject({ err: ErrorCode.EPHEMERALONLOCALSESSION, zxid: 1n });
    const upgrading = new Server('leader', { localSessionsEnabled: true, localSessionsUpgradingEnabled: true });
    const other = upgrading.connect();
    expect(other.ask(OpCode.create, CreateRequest, create('/e', 1))).toMatchObject({ err: 0, zxid: 2n });
    expect(upgrading.tree.sessions.has(other.session)).toBe(true);
  });

  test('are upgraded by a learner with two requests back to back (quorum.md 16.9)', () => {
    const server = new Server('follower', { localSessionsEnabled: true, localSessionsUpgradingEnabled: true });
    const client = server.connect();
    client.send(OpCode.create, CreateRequest, create('/e', 1));
    const { forwarded } = server.authority;
    expect(forwarded.map(({ cxid, op }) => [cxid, op])).toEqual([[0, OpCode.createSession], [1, OpCode.create]]);
    expect(forwarded[0]).toMatchObject({ body: Buffer.from('00002710', 'hex'), authinfo: null, session: client.session });
  });

  test('are upgraded even for an ephemeral that is refused at once', () => {
    const settings = { localSessionsEnabled: true, localSessionsUpgradingEnabled: true, auth: { enableEagerACLCheck: true } };
    const server = new Server('follower', settings);
    const client = server.connect();
    client.send(OpCode.create, CreateRequest, { ...create('/e', 1), acl: null });
    expect(client.heard()).toEqual([`1 0x0 ${ErrorCode.INVALIDACL}`]);
    expect(server.authority.forwarded.map(({ op }) => op)).toEqual([OpCode.createSession]);
  });

  test('expire where they are', () => {
    const server = new Server('follower', { localSessionsEnabled: true });
    const client = server.connect(4000);
    server.pass(6000);
    expect(client.link.closed).not.toBeNull();
    expect(server.authority.forwarded).toEqual([]);
  });
});

describe('read-only (client.md 5.7)', () => {
  test.each([true, false])('takes clients that asked for it, reads for them and refuses writes (local sessions: %s)', (localSessionsEnabled) => {
    const server = new Server('readOnly', { localSessionsEnabled });
    expect(server.open().connect({ readOnly: false })).toBeNull();
    const client = server.open();
    expect(client.connect({ readOnly: true })).toMatchObject({ readOnly: true });
    expect(client.ask(OpCode.exists, ExistsRequest, { path: '/', watch: false }).err).toBe(0);
    expect(client.ask(OpCode.create, CreateRequest, create('/a')).err).toBe(ErrorCode.NOTREADONLY);
    expect(client.ask(OpCode.sync, SyncRequest, { path: '/' }).err).toBe(ErrorCode.NOTREADONLY);
    client.send(OpCode.closeSession);
    expect(client.link.closed).not.toBeNull();
  });

  test('refuses global sessions without a word', () => {
    const client = new Server('readOnly').open();
    const id = asSessionId(5n);
    expect(client.connect({ sessionId: id, passwd: sessionPassword(id), readOnly: true })).toBeNull();
  });
});

describe('authentication', () => {
  test('demanded and missing: −124 with zxid 0, then the end', () => {
    const server = new Server('standalone', { auth: { enforceAuthEnabled: true, enforceAuthSchemes: ['digest'] } });
    const refused = server.connect();
    refused.send(OpCode.ping);
    expect(refused.heard()).toEqual([`1 0x0 ${ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH}`]);
    const admitted = server.connect();
    admitted.send(OpCode.auth, AuthPacket, { type: 0, scheme: 'digest', auth: Buffer.from('bob:pw') }, -4);
    admitted.send(OpCode.ping);
    expect(admitted.heard()).toEqual(['-4 0x0 0', '-2 0x2 0']);
  });

  test('as super opens everything', () => {
    const server = new Server('standalone', { auth: { superDigest: 'super:0bX78nEegDzJM3ju0iLBEJdWzjg=' } });
    const client = server.connect();
    const setConfig = { path: '/zookeeper/config', data: null, version: -1 };
    expect(client.ask(OpCode.setData, SetDataRequest, setConfig).err).toBe(ErrorCode.NOAUTH);
    client.send(OpCode.auth, AuthPacket, { type: 0, scheme: 'digest', auth: Buffer.from('super:pw') }, -4);
    client.heard();
    expect(client.ask(OpCode.setData, SetDataRequest, setConfig).err).toBe(0);
  });

  test('sasl without a configuration: no error and no token', () => {
    const client = new Server().connect();
    client.sendBytes(OpCode.sasl, Buffer.from('00000000', 'hex'));
    expect(client.take()).toMatchObject({ xid: 1, zxid: 0n, err: 0, body: Buffer.from('ffffffff', 'hex') });
    client.sendBytes(OpCode.sasl, Buffer.from('ffffffff', 'hex'));
    expect(client.link.closed).not.toBeNull();
  });

  test('eager ACL checks answer at once with zxid 0 and forward nothing (client.md 6.8)', () => {
    const server = new Server('follower', { auth: { enableEagerACLCheck: true }, localSessionsEnabled: true });
    const client = server.connect();
    client.send(OpCode.setData, SetDataRequest, { path: '/zookeeper/config', data: null, version: -1 });
    expect(client.heard()).toEqual([`1 0x0 ${ErrorCode.NOAUTH}`]);
    client.send(OpCode.create, CreateRequest, { ...create('/zookeeper/config/x'), acl: [] });
    expect(client.heard()).toEqual([`2 0x0 ${ErrorCode.INVALIDACL}`]);
    expect(server.authority.forwarded).toEqual([]);
    client.send(OpCode.create, CreateRequest, { ...create('no slash'), acl: [] });
    expect(server.authority.forwarded).toHaveLength(1);
  });
});

test('idle containers and expired TTL nodes are reaped, the used and the fresh are not (traps 13, 21)', () => {
  const server = new Server('standalone', { extendedTypesEnabled: true });
  const client = server.connect(40_000);
  for (const path of ['/used', '/never', '/full']) client.ask(OpCode.createContainer, CreateRequest, create(path, 4));
  for (const path of ['/used/c', '/full/c']) client.ask(OpCode.create, CreateRequest, create(path));
  client.ask(OpCode.delete, DeleteRequest, { path: '/used/c', version: -1 });
  for (let i = 0; i < 3; i += 1) {
    server.pass(20_000);
    client.ask(OpCode.ping);
  }
  expect(['/used', '/never', '/full'].filter((path) => server.tree.node(path))).toEqual(['/never', '/full']);
});

test('audit entries name the session, the ids, the operation and the result', () => {
  const server = new Server('standalone', {}, 0x1c4082, true);
  const client = server.connect();
  client.ask(OpCode.create, CreateRequest, create('/a', 1));
  client.ask(OpCode.create, CreateRequest, create('/a'));
  client.send(OpCode.closeSession);
  const common = { session: client.session, user: '127.0.0.1', ip: '127.0.0.1', operation: 'create', znode: '/a' };
  expect(server.audit).toEqual([
    { ...common, znodeType: 'ephemeral', result: 'success' },
    { ...common, znodeType: 'persistent', result: 'failure' },
    { session: client.session, operation: 'ephemeralZNodeDeletionOnSessionCloseOrExpire', znode: '/a', result: 'success' },
  ]);
});

test('the status tells what cons and stat print', () => {
  const server = new Server();
  const client = server.connect();
  client.ask(OpCode.ping);
  client.ask(OpCode.exists, ExistsRequest, { path: '/a', watch: true });
  const status = server.pipeline.status();
  expect(status).toMatchObject({ outstanding: 0, packetsReceived: 3, watchCount: 1, localSessions: 0 });
  expect(status.connections).toMatchObject([{ remoteAddress: '127.0.0.1', session: client.session, received: 3, lastOp: OpCode.exists, timeOut: 10_000 }]);
  expect(status.sessionBuckets.flatMap(({ members }) => members.map(({ id }) => hex(id)))).toEqual([hex(client.session)]);
});
