import { Reader, Writer, nullable, ustring } from '@zk/jute';
import {
  CheckVersionRequest,
  CreateRequest,
  CreateTTLRequest,
  DeleteRequest,
  ErrorCode,
  MultiHeader,
  OPEN_ACL,
  OpCode,
  ReconfigRequest,
  SetACLRequest,
  SetDataRequest,
  Stat,
  SyncRequest,
  hex,
  type ACL,
} from '@zk/protocol';
import { describe, expect, test } from 'vitest';
import { Server, type Client, type Reply } from './pipeline-harness.ts';

const create = (path: string, flags = 0, acl: ACL[] | null = [...OPEN_ACL], data: Buffer | null = Buffer.from('x')): CreateRequest => ({ path, data, acl, flags });

const pathOf = (reply: Reply): string => new Reader(reply.body).string();

function statOf(reply: Reply): Stat {
  const reader = new Reader(reply.body);
  reader.string();
  return Stat.read(reader);
}

function multi(...ops: [number, (body: Writer) => void][]): Buffer {
  const body = new Writer();
  for (const [type, write] of ops) {
    MultiHeader.write(body, { type, done: false, err: -1 });
    write(body);
  }
  MultiHeader.write(body, { type: -1, done: true, err: -1 });
  return body.finish();
}

const opCreate = (op: number, path: string, flags = 0): [number, (body: Writer) => void] => [op, (body) => CreateRequest.write(body, create(path, flags))];
const opDelete = (path: string): [number, (body: Writer) => void] => [OpCode.delete, (body) => DeleteRequest.write(body, { path, version: -1 })];
const opSet = (path: string, version: number): [number, (body: Writer) => void] => [OpCode.setData, (body) => SetDataRequest.write(body, { path, data: null, version })];

/** The (type, err) of each result of a multi. */
function results(reply: Reply): string[] {
  const reader = new Reader(reply.body);
  const list: string[] = [];
  for (let header = MultiHeader.read(reader); !header.done; header = MultiHeader.read(reader)) {
    list.push(`${header.type} ${header.err}`);
    if (header.type === OpCode.error) reader.int();
    if (header.type === OpCode.create || header.type === OpCode.create2) reader.string();
    if (header.type === OpCode.create2 || header.type === OpCode.setData) Stat.read(reader);
  }
  return list;
}

describe('the first failing check answers (client.md 2.2)', () => {
  const server = new Server();
  const client = server.connect();
  const { BADARGUMENTS, NONODE, NODEEXISTS, NOTEMPTY, BADVERSION, INVALIDACL, NOCHILDRENFOREPHEMERALS, UNIMPLEMENTED, RECONFIGDISABLED } = ErrorCode;
  client.ask(OpCode.create, CreateRequest, create('/x'));
  client.ask(OpCode.create, CreateRequest, create('/x/child'));
  client.ask(OpCode.create, CreateRequest, create('/eph', 1));

  test.each<[string, number, CreateRequest, number]>([
    ['an empty path', OpCode.create, create(''), BADARGUMENTS],
    ['a path without slash', OpCode.create, create('a'), BADARGUMENTS],
    ['the root', OpCode.create, create('/'), NODEEXISTS],
    ['a trailing slash', OpCode.create, create('/x/'), BADARGUMENTS],
    ['an illegal name below a missing parent', OpCode.create, create('/no/..'), NONODE],
    ['flags there are not', OpCode.create, create('/f', 7), BADARGUMENTS],
    ['a TTL without extended types', OpCode.create, create('/f', 5), UNIMPLEMENTED],
    ['an empty ACL, before the missing parent', OpCode.create, create('/no/x', 0, []), INVALIDACL],
    ['no ACL', OpCode.create, create('/n', 0, null), INVALIDACL],
    ['an auth ACL with nothing but an address', OpCode.create, create('/n', 0, [{ perms: 31, id: { scheme: 'auth', id: '' } }]), INVALIDACL],
    ['below an ephemeral', OpCode.create2, create('/eph/y'), NOCHILDRENFOREPHEMERALS],
    ['a duplicate', OpCode.create2, create('/x'), NODEEXISTS],
  ])('create of %s', (_what, op, request, err) => {
    const before = server.tree.lastZxid;
    const reply = client.ask(op, CreateRequest, request);
    expect(reply.err).toBe(err);
    expect(reply.zxid).toBe(before + 1n); // failed writes take a zxid, too (trap 11)
  });

  test.each<[string, DeleteRequest, number]>([
    ['special nodes', { path: '/zookeeper/quota', version: -1 }, BADARGUMENTS],
    ['a trailing slash', { path: '/x/', version: -1 }, NONODE],
    ['a node with children and another version', { path: '/x', version: 5 }, BADVERSION],
    ['a node with children', { path: '/x', version: 0 }, NOTEMPTY],
  ])('delete of %s', (_what, request, err) => expect(client.ask(OpCode.delete, DeleteRequest, request).err).toBe(err));

  test('setData, setACL, reconfig', () => {
    expect(client.ask(OpCode.setData, SetDataRequest, { path: '', data: null, version: -1 }).err).toBe(BADARGUMENTS);
    expect(client.ask(OpCode.setData, SetDataRequest, { path: '/', data: null, version: -1 }).err).toBe(0);
    expect(client.ask(OpCode.setData, SetDataRequest, { path: '/x', data: null, version: 7 }).err).toBe(BADVERSION);
    expect(client.ask(OpCode.setACL, SetACLRequest, { path: '/missing', acl: [], version: -1 }).err).toBe(INVALIDACL);
    const everything = { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1n };
    expect(client.ask(OpCode.reconfig, ReconfigRequest, everything).err).toBe(RECONFIGDISABLED);
    expect(client.link.closed).toBeNull();
  });

  test('the owner of a certificate is a valid id where there may be certificates, and only there', () => {
    const acl: ACL[] = [{ perms: 31, id: { scheme: 'x509', id: 'CN=bob' } }];
    expect(client.ask(OpCode.create, CreateRequest, create('/certified', 0, acl)).err).toBe(INVALIDACL);
    const withCertificates = new Server('standalone', { auth: { x509Enabled: true } }).connect();
    expect(withCertificates.ask(OpCode.create, CreateRequest, create('/certified', 0, acl)).err).toBe(0);
  });
});

describe('writes', () => {
  test('a body that does not decode is MARSHALLINGERROR, takes no zxid and keeps the connection (trap 8)', () => {
    const server = new Server();
    const client = server.connect();
    const before = server.tree.lastZxid;
    client.sendBytes(OpCode.create, Buffer.from('00000005', 'hex'));
    expect(client.heard()).toEqual([`1 ${hex(before)} ${ErrorCode.MARSHALLINGERROR}`]);
    expect(client.link.closed).toBeNull();
  });

  test('an undecodable multi takes a zxid (client.md 2.8)', () => {
    const server = new Server();
    const client = server.connect();
    client.sendBytes(OpCode.multi, multi([OpCode.setACL, (body) => SetACLRequest.write(body, { path: '/', acl: [], version: -1 })]));
    expect(client.heard()).toEqual([`1 0x2 ${ErrorCode.MARSHALLINGERROR}`]);
  });

  test('sequence numbers come from the count of creations: deletes do not return them, siblings use them up (trap 12)', () => {
    const client = new Server().connect();
    client.ask(OpCode.create, CreateRequest, create('/q'));
    expect(pathOf(client.ask(OpCode.create, CreateRequest, create('/q/a-', 2)))).toBe('/q/a-0000000000');
    client.ask(OpCode.create, CreateRequest, create('/q/plain'));
    client.ask(OpCode.delete, DeleteRequest, { path: '/q/a-0000000000', version: -1 });
    expect(pathOf(client.ask(OpCode.create, CreateRequest, create('/q/b-', 2)))).toBe('/q/b-0000000002');
    expect(pathOf(client.ask(OpCode.create, CreateRequest, create('/q/', 2)))).toBe('/q/0000000003'); // trap 18
  });

  test('pipelined writes are checked against each other before any is committed (trap 14)', () => {
    const server = new Server();
    const client = server.connect();
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/p'));
    client.send(OpCode.create, CreateRequest, create('/p/s-', 2));
    client.send(OpCode.create, CreateRequest, create('/p/s-', 2));
    client.send(OpCode.setData, SetDataRequest, { path: '/p', data: null, version: 0 });
    client.send(OpCode.setData, SetDataRequest, { path: '/p', data: null, version: 1 });
    client.send(OpCode.delete, DeleteRequest, { path: '/p', version: 2 });
    expect(client.heard()).toEqual([]);
    server.authority.commit();
    expect(client.heard()).toEqual(['1 0x2 0', '2 0x3 0', '3 0x4 0', '4 0x5 0', '5 0x6 0', `6 0x7 ${ErrorCode.NOTEMPTY}`]);
    expect(server.tree.children('/p').sort()).toEqual(['s-0000000000', 's-0000000001']);
  });

  test('a create with the container flag is a persistent node; createContainer makes a container, shown without owner (traps 15, 16)', () => {
    const server = new Server();
    const client = server.connect();
    client.ask(OpCode.create, CreateRequest, create('/plain', 4));
    expect(server.tree.node('/plain')?.kind).toBe('persistent');
    const reply = client.ask(OpCode.createContainer, CreateRequest, create('/c', 4));
    expect(server.tree.node('/c')?.kind).toBe('container');
    expect(statOf(reply).ephemeralOwner).toBe(0n);
  });

  test('createTTL refuses modes without a TTL, whatever the ttl (trap 17)', () => {
    const client = new Server('standalone', { extendedTypesEnabled: true }).connect();
    const ttl = (flags: number, value: bigint): number => client.ask(OpCode.createTTL, CreateTTLRequest, { ...create('/t', flags), ttl: value }).err;
    expect(ttl(0, -1n)).toBe(ErrorCode.BADARGUMENTS);
    expect(ttl(0, 5n)).toBe(ErrorCode.BADARGUMENTS);
    expect(ttl(5, 0n)).toBe(ErrorCode.BADARGUMENTS);
    expect(ttl(5, 0x100_0000_0000n)).toBe(ErrorCode.BADARGUMENTS);
    expect(ttl(5, 1000n)).toBe(0);
  });

  test.each([
    ['deleteContainer', OpCode.deleteContainer],
    ['createSession', OpCode.createSession],
    ['a bare check', OpCode.check],
    ['notification', OpCode.notification],
  ])('%s from a client is unknown: zxid −1, then the end (traps 9, 17)', (_name, op) => {
    const client = new Server().connect();
    client.send(op, SyncRequest, { path: '/x' });
    expect(client.heard()).toEqual([`1 -1 ${ErrorCode.UNIMPLEMENTED}`]);
    expect(client.link.closed).not.toBeNull();
  });

  test('setACL leaves mzxid alone and has a counter of its own (trap 19)', () => {
    const server = new Server();
    const client = server.connect();
    client.ask(OpCode.create, CreateRequest, create('/a'));
    const reply = client.ask(OpCode.setACL, SetACLRequest, { path: '/a', acl: [...OPEN_ACL], version: 0 });
    const stat = Stat.read(new Reader(reply.body));
    expect([stat.mzxid, stat.version, stat.aversion]).toEqual([2n, 0, 1]);
  });

  test('the digest in every txn is the tree’s after it (quorum.md 14)', () => {
    const server = new Server();
    const client = server.connect();
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/a'));
    client.send(OpCode.create, CreateRequest, create('/a/e', 1));
    client.send(OpCode.setACL, SetACLRequest, { path: '/a', acl: [...OPEN_ACL], version: -1 });
    client.sendBytes(OpCode.multi, multi(opCreate(OpCode.create, '/a/m'), opSet('/a', -1), opDelete('/a/m')));
    client.sendBytes(OpCode.multi, multi(opCreate(OpCode.create, '/a/n'), opDelete('/nope')));
    client.send(OpCode.setData, SetDataRequest, { path: '/a', data: Buffer.from('longer'), version: 1 });
    client.send(OpCode.closeSession);
    for (const { txn } of [...server.authority.proposed]) {
      server.authority.commit(1);
      expect(txn.digest?.treeDigest).toBe(server.tree.digest);
    }
    expect(server.traces.filter(({ kind }) => kind === 'digestMismatch')).toEqual([]);
  });
});

describe('multi', () => {
  test('ops see each other; containers and TTLs are typed create2 (trap 25)', () => {
    const client = new Server().connect();
    client.sendBytes(OpCode.multi, multi(opCreate(OpCode.create, '/m'), opSet('/m', 0), opCreate(OpCode.create, '/m/s-', 2), opCreate(OpCode.create2, '/m/c', 4), opDelete('/m/c')));
    const reply = client.take();
    expect(reply.err).toBe(0);
    expect(results(reply)).toEqual(['1 0', '5 0', '1 0', '15 0', '2 0']);
  });

  test('one failure undoes everything, sequence numbers included; the reply itself says 0 (traps 14, 24, ZOOKEEPER-1624)', () => {
    const server = new Server();
    const client = server.connect();
    client.ask(OpCode.create, CreateRequest, create('/m'));
    server.authority.immediate = false;
    client.send(OpCode.create, CreateRequest, create('/m/s-', 2));
    client.sendBytes(OpCode.multi, multi(opCreate(OpCode.create, '/m/s-', 2), opDelete('/nope'), opCreate(OpCode.create, '/m/s-', 2)));
    client.send(OpCode.create, CreateRequest, create('/m/s-', 2));
    server.authority.commit();
    client.take();
    const failed = client.take();
    expect(failed.err).toBe(0);
    expect(results(failed)).toEqual(['-1 0', `-1 ${ErrorCode.NONODE}`, `-1 ${ErrorCode.RUNTIMEINCONSISTENCY}`]);
    expect(pathOf(client.take())).toBe('/m/s-0000000001');
  });

  test('an empty one is legal and takes a zxid; a check may stand in it', () => {
    const server = new Server();
    const client = server.connect();
    client.sendBytes(OpCode.multi, multi());
    expect(client.take()).toMatchObject({ zxid: 2n, err: 0 });
    client.sendBytes(OpCode.multi, multi([OpCode.check, (body) => CheckVersionRequest.write(body, { path: '/', version: 9 })]));
    expect(results(client.take())).toEqual([`-1 ${ErrorCode.BADVERSION}`]);
  });

  test('createTTL with flags that mean nothing fails as one op; another create with them refuses the whole of it', () => {
    const client = new Server().connect();
    const { acl, data, path } = create('/m');
    client.sendBytes(OpCode.multi, multi([OpCode.createTTL, (body) => CreateTTLRequest.write(body, { path, data, acl, flags: 7, ttl: 1n })]));
    expect(results(client.take())).toEqual([`-1 ${ErrorCode.BADARGUMENTS}`]);
    for (const flags of [7, 5]) {
      client.sendBytes(OpCode.multi, multi(opCreate(OpCode.create, '/m', flags)));
      expect(client.take().err).toBe(ErrorCode.MARSHALLINGERROR);
    }
  });

  test('a null path refuses the whole of it', () => {
    const client = new Server().connect();
    client.sendBytes(OpCode.multi, multi([OpCode.delete, (body) => { nullable(ustring).write(body, null); body.int(-1); }]));
    expect(client.take().err).toBe(ErrorCode.MARSHALLINGERROR);
  });
});

describe('quotas (client.md 2.11)', () => {
  function limited(enforceQuota: boolean): Client {
    const client = new Server('standalone', { enforceQuota }).connect();
    for (const path of ['/q', '/zookeeper/quota/q']) client.ask(OpCode.create, CreateRequest, create(path));
    const limits = Buffer.from('count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=2');
    client.ask(OpCode.create, CreateRequest, create('/zookeeper/quota/q/zookeeper_limits', 0, [...OPEN_ACL], limits));
    client.ask(OpCode.create, CreateRequest, create('/zookeeper/quota/q/zookeeper_stats'));
    return client;
  }

  test('a hard limit refuses what goes beyond it, before the version is looked at (trap 22)', () => {
    const client = limited(true);
    expect(client.ask(OpCode.create, CreateRequest, create('/q/1')).err).toBe(0);
    expect(client.ask(OpCode.create, CreateRequest, create('/q/2')).err).toBe(ErrorCode.QUOTAEXCEEDED);
    expect(client.ask(OpCode.setData, SetDataRequest, { path: '/q', data: Buffer.from('12345'), version: 99 }).err).toBe(ErrorCode.QUOTAEXCEEDED);
  });

  test('limits that cannot be read refuse all of a multi, and leave nothing pending', () => {
    const client = limited(true);
    client.ask(OpCode.setData, SetDataRequest, { path: '/zookeeper/quota/q/zookeeper_limits', data: Buffer.from('count=x'), version: -1 });
    client.sendBytes(OpCode.multi, multi(opCreate(OpCode.create, '/free'), opCreate(OpCode.create, '/q/1')));
    expect(client.take()).toMatchObject({ err: ErrorCode.MARSHALLINGERROR, body: Buffer.alloc(0) });
    expect(client.ask(OpCode.create, CreateRequest, create('/free')).err).toBe(0);
  });

  test('without enforcement nothing is refused', () => expect(limited(false).ask(OpCode.setData, SetDataRequest, { path: '/q', data: Buffer.alloc(99), version: -1 }).err).toBe(0));
});
