import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { asZxid, type ImageNode } from '@zk/protocol';
import protobuf from 'protobufjs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openTables } from '../src/checkpoint-tables.js';
import { decodeAcl, encodeAcl, MESSAGES, readZnode, writeZnode, znodeBound } from '../src/checkpoint-records.ts';
import { pathOfKey, znodeKey } from '../src/checkpoint-keys.ts';
import { CheckpointThread } from '../src/checkpoint-thread.ts';
import { FileStore, type Recovered } from '../src/index.ts';
import { imageAt, replaced, truncated } from '../src/testing.ts';
import { checkpointOf, Member, paths, treeOf } from './member.ts';
import { filesOf, temporaryDirectory } from './support.ts';

describe('a checkpoint in LMDB', () => {
  test('is what a start begins with, exactly as of its zxid, and only the log behind it is replayed', async () => {
    const member = new Member();
    await member.create('/a', '/a/b', '/c');
    await member.checkpoint();
    await member.set('/c', 'two');
    await member.delete('/a/b');
    const second = member.checkpoint();
    await member.set('/c', 'while it was being written');
    await second;
    await member.create('/d');
    const { recovered, tree } = new Member(member.dataDir);
    expect(recovered.image?.zxid).toBe(5n);
    expect([...recovered.txns].map(({ zxid }) => zxid)).toEqual([6n, 7n]);
    expect(paths(tree)).toEqual(paths(member.tree));
    expect(recovered.notes).toEqual([]);
  });

  test('goes on after a restart with what has changed since', async () => {
    const first = new Member();
    await first.create('/a', '/b');
    await first.checkpoint();
    await first.set('/a', 'in the log');
    const second = new Member(first.dataDir);
    await second.delete('/b');
    await second.checkpoint();
    const third = new Member(first.dataDir);
    expect([third.recovered.image?.zxid, paths(third.tree)]).toEqual([4n, paths(second.tree)]);
  });

  test('its thread ends when there is nothing to write for a while, and is there again for the next one', async () => {
    const terminate = vi.spyOn(Worker.prototype, 'terminate');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
      terminate.mockRestore();
    });
    const member = new Member();
    await member.create('/a');
    await member.checkpoint();
    expect(terminate).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5_000);
    await vi.waitFor(() => expect(terminate).toHaveBeenCalledTimes(1));
    await member.create('/b');
    await member.checkpoint();
    expect(paths(new Member(member.dataDir).tree)).toEqual(paths(member.tree));
  });

  test('whoever ends its thread and whoever waits for a commit are both answered', async () => {
    const thread = new CheckpointThread(temporaryDirectory(), false);
    thread.begin(false, false);
    await Promise.all([thread.commit(), thread.close()]);
    expect(thread.isAlive).toBe(true);
  });

  test.runIf(process.platform === 'linux')('its thread has less priority than the others (Linux only)', async () => {
    const member = new Member();
    await member.create('/a');
    await member.checkpoint();
    const niceness = readdirSync('/proc/self/task').map((thread) => {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
    });
    expect(niceness.filter((nice) => nice > getPriority()).length).toBeGreaterThan(0);
    expect(niceness.filter((nice) => nice === getPriority()).length).toBeGreaterThan(0);
  });

  test('holds paths and names that are too long for a key', async () => {
    const long = 'x'.repeat(600);
    const member = new Member();
    const deep = ['/a', `/a/${long}`, `/a/${long}/${long}`, `/a/${long}/${long}/é`, `/a/${long}/${long}/é/${long}`];
    await member.create(...deep);
    await member.checkpoint();
    await member.delete(deep[4] as string);
    await member.checkpoint();
    expect(paths(new Member(member.dataDir).tree)).toEqual(paths(member.tree));
  });

  test('a truncate above it goes back to it, a truncate below it to a snapshot; the next one is right again', async () => {
    const member = new Member();
    await member.create('/a', '/b');
    await member.checkpoint();
    await member.create('/c', '/d');
    const above = await truncated(member.store, asZxid(3n));
    expect([above?.image?.zxid, above?.lastZxid]).toEqual([2n, 3n]);
    const below = await truncated(member.store, asZxid(1n));
    expect([below?.image?.zxid, below?.lastZxid]).toEqual([0n, 1n]);
    member.tree = treeOf(below as Recovered);
    await member.create('/another');
    await member.checkpoint();
    const restarted = new Member(member.dataDir);
    expect([restarted.recovered.image?.zxid, paths(restarted.tree)]).toEqual([2n, paths(member.tree)]);
  });

  test('is forgotten when a leader\'s image replaces everything, also while it is being written', async () => {
    const member = new Member();
    await member.create('/a', '/b');
    await member.checkpoint();
    await member.create('/c');
    await Promise.all([member.checkpoint(), replaced(member.store, imageAt(2n, 'from the leader'))]);
    expect(existsSync(join(checkpointOf(member), 'data.mdb'))).toBe(false);
    const { recovered } = new Member(member.dataDir);
    expect([recovered.lastZxid, recovered.image?.zxid]).toEqual([2n, 2n]);
    expect([...(recovered.image?.nodes ?? [])].map(({ path }) => path)).toEqual(['', '/a']);
  });

  test('a snapshot is written as well once the log has grown long: Apache can always start', { timeout: 60_000 }, async () => {
    const member = new Member();
    await member.create('/a');
    const text = 'x'.repeat(1_000_000);
    for (let n = 0; n < 68; n++) await member.set('/a', text);
    await member.checkpoint();
    expect(filesOf(member.dataDir).filter((name) => name.startsWith('snapshot'))).toEqual(['snapshot.0', 'snapshot.45']);
    await member.set('/a', 'short');
    await member.checkpoint();
    expect(filesOf(member.dataDir).filter((name) => name.startsWith('snapshot'))).toHaveLength(2);
  });
});

describe('a directory that somebody else has worked on', () => {
  /** Apache was here: it knows nothing of the checkpoint, and leaves it where it is. */
  async function asApache(dataDir: string, work: (member: Member) => Promise<void>): Promise<void> {
    const [inside, aside] = [join(dataDir, 'version-2', 'checkpoint'), join(dataDir, 'aside')];
    cpSync(inside, aside, { recursive: true });
    await work(new Member(dataDir, { checkpoint: 'apache' }));
    expect(existsSync(inside)).toBe(false); // kept without one from now on: ours does not come back either
    cpSync(aside, inside, { recursive: true });
  }

  test('a newer snapshot is taken', async () => {
    const member = new Member();
    await member.create('/a');
    await member.checkpoint();
    await asApache(member.dataDir, async (apache) => {
      await apache.set('/a', 'by Apache');
      await apache.checkpoint();
    });
    const { recovered, tree } = new Member(member.dataDir);
    expect([recovered.image?.zxid, tree.node('/a')?.data?.toString()]).toEqual([2n, 'by Apache']);
  });

  test('another history with the same zxids is noticed by the digest', async () => {
    const member = new Member();
    await member.create('/a', '/b');
    await member.checkpoint();
    await asApache(member.dataDir, async (apache) => {
      await truncated(apache.store, asZxid(1n));
      apache.tree = treeOf(FileStore.open({ dataDir: member.dataDir }).recover());
      await apache.create('/other');
    });
    const { recovered, tree } = new Member(member.dataDir);
    expect(recovered.notes.join()).toContain('the checkpoint ends with 0x2, which is not in the log');
    expect([tree.node('/b'), tree.node('/other')?.data?.toString()]).toEqual([undefined, 'new']);
  });

  test('older logs that were put back win over a checkpoint of what came later', async () => {
    const member = new Member();
    await member.create('/a');
    const version2 = join(member.dataDir, 'version-2');
    const backup = readdirSync(version2).map((name) => [name, readFileSync(join(version2, name))] as const);
    await member.create('/b');
    await member.checkpoint();
    for (const name of filesOf(member.dataDir)) if (name !== 'checkpoint') rmSync(join(version2, name));
    for (const [name, content] of backup) writeFileSync(join(version2, name), content);
    const { recovered, tree } = new Member(member.dataDir);
    expect([recovered.lastZxid, tree.node('/b')]).toEqual([1n, undefined]);
    expect(recovered.notes).not.toEqual([]);
  });
});

describe('damage', () => {
  test('a record that has changed is reported, and the start after that does without the checkpoint', async () => {
    const member = new Member();
    await member.create('/a');
    await member.set('/a', 'a text to be found in the file');
    await member.checkpoint();
    const path = join(checkpointOf(member), 'data.mdb');
    await member.close();
    const content = readFileSync(path);
    for (let at = content.indexOf('to be found'); at >= 0; at = content.indexOf('to be found', at + 1)) content.write('not', at);
    writeFileSync(path, content);
    const restarted = new Member(member.dataDir);
    const told: string[] = [];
    restarted.store.onFatal = ({ message }) => void told.push(message);
    expect(() => restarted.tree.node('/a')).toThrow('put aside as checkpoint.damaged');
    expect(told).toEqual([expect.stringContaining("a record's checksum is wrong (\0a); put aside as checkpoint.damaged")]);
    expect(() => restarted.tree.node('/b')).toThrow('not read any more');
    const { recovered, tree } = new Member(member.dataDir);
    expect([recovered.image?.zxid, paths(tree)]).toEqual([0n, paths(member.tree)]);
  });

  test('starts that were killed while reading cost nothing', async () => {
    const member = new Member();
    await member.create('/a');
    await member.checkpoint();
    await member.close();
    for (let times = 0; times < 3; times++) {
      const killed = FileStore.open({ dataDir: member.dataDir, preAllocKb: 64, checkpoint: 'lmdb' });
      expect(killed.recover().image?.zxid).toBe(1n); // and its znodes are never read to the end
    }
    const next = new Member(member.dataDir);
    expect([next.recovered.notes, next.recovered.image?.zxid, paths(next.tree)]).toEqual([[], 1n, paths(member.tree)]);
  });

  describe('that nobody has read before something is written', () => {
    /** A start on a checkpoint, in which something is wrong by then that only whoever looks at all of it finds. */
    async function startedBeforeDamage(): Promise<Member> {
      const before = new Member();
      await before.create('/a', '/b');
      await before.checkpoint();
      await before.close();
      return new Member(before.dataDir);
    }

    function damage(member: Member): void {
      const path = join(checkpointOf(member), 'data.mdb');
      const content = readFileSync(path);
      const [zero, one] = [0, 4096].map((at) => at + 24 + 24 + 48 + 32); // the number of tables in the main tree, which nobody goes by
      for (const at of [zero!, one!]) content[at] = content[at]! ^ 0x42;
      writeFileSync(path, content);
    }

    test('is found by the thread before LMDB sees it; the server goes on, and the next checkpoint is whole', async () => {
      const member = await startedBeforeDamage();
      member.tree.readMore(Infinity);
      damage(member);
      await member.set('/a', 'changed');
      const failure = await new Promise<Error | null>((resolve) => member.store.checkpoint(member.tree.image(), resolve));
      expect(failure?.message).toMatch(/^the checkpoint on disk is damaged: .* put aside as checkpoint.damaged, the next one is written whole$/);
      await member.set('/b', 'changed');
      await member.checkpoint();
      await member.close();
      const next = new Member(member.dataDir);
      expect([next.recovered.notes, next.recovered.image?.zxid, paths(next.tree)]).toEqual([[], 4n, paths(member.tree)]);
    });

    test('ends the server that still reads through to it; the next start does without it', async () => {
      const member = await startedBeforeDamage();
      const told = new Promise<string>((resolve) => {
        member.store.onFatal = ({ message }) => resolve(message);
      });
      damage(member);
      member.store.checkpoint(member.tree.image(), () => {});
      expect(await told).toContain('put aside as checkpoint.damaged, the next start does without it');
      const next = new Member(member.dataDir);
      expect([next.recovered.image?.zxid, next.tree.lastZxid, next.tree.node('/b')?.data?.toString()]).toEqual([0n, 2n, 'new']);
    });
  });

  test('a file that is no LMDB file is put aside', async () => {
    const member = new Member();
    await member.create('/a');
    await member.checkpoint();
    await member.close();
    writeFileSync(join(checkpointOf(member), 'data.mdb'), Buffer.alloc(100_000, 'x'));
    const again = new Member(member.dataDir);
    expect(again.recovered.notes.join()).toContain('put aside as checkpoint.damaged');
    expect(paths(again.tree)).toEqual(paths(member.tree));
    await again.checkpoint();
    expect(new Member(member.dataDir).recovered.image?.zxid).toBe(1n);
  });
});

describe('records', () => {
  const schema = protobuf.loadSync(fileURLToPath(new URL('../proto/checkpoint.proto', import.meta.url)));
  const Znode = schema.lookupType('zk.checkpoint.Znode');
  const stat = { czxid: 1n, mzxid: -2n, pzxid: 2n ** 62n, ctime: 4n, mtime: 5n, ephemeralOwner: -(2n ** 63n), version: -1, cversion: 8, aversion: 2 ** 31 - 1 };
  const encoded = (node: ImageNode, spellPath: boolean): Buffer => {
    const bytes = Buffer.alloc(znodeBound(node));
    return bytes.subarray(0, writeZnode(bytes, 0, node, spellPath));
  };

  test('are what the schema says', () => {
    const record = encoded({ path: '/é', data: Buffer.from('data'), aclId: -1n, stat }, true);
    expect(Znode.toObject(Znode.decode(record), { longs: String, bytes: String })).toEqual({
      czxid: '1', mzxid: '-2', pzxid: '4611686018427387904', ctime: '4', mtime: '5', ephemeralOwner: '-9223372036854775808',
      version: -1, cversion: 8, aversion: 2147483647, aclId: '-1', data: Buffer.from('data').toString('base64'), path: '/é',
    });
  });

  test.each(Object.entries(MESSAGES))('%s has the fields of the schema', (name, { fields }) => {
    const declared = schema.lookupType(`zk.checkpoint.${name}`).fieldsArray.map((field) => [field.name, [field.id, field.type]]);
    expect(Object.entries(fields)).toEqual(declared);
  });

  test('a message is read and written as protobuf', () => {
    const Meta = schema.lookupType('zk.checkpoint.Meta');
    const values = { revision: 7, zxid: -(2n ** 63n) + 5n, znodes: 2 ** 40, digest: 2n ** 64n - 2n, owned: 0 };
    const bytes = MESSAGES.Meta.encode(values);
    expect(Meta.toObject(Meta.decode(bytes), { longs: String })).toEqual({
      revision: 7, zxid: '-9223372036854775803', znodes: '1099511627776', digest: '18446744073709551614', owned: '0',
    });
    const unknown = Buffer.from([0xf0, 0x01, 42]); // field 30, varint 42
    expect(MESSAGES.Meta.decode(Buffer.concat([unknown, bytes]))).toEqual(values);
    expect(() => MESSAGES.Meta.decode(bytes.subarray(0, -3))).toThrow(RangeError);
  });

  test('ACLs are read and written as protobuf', () => {
    const AclList = schema.lookupType('zk.checkpoint.AclList');
    const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }, { perms: -1, id: { scheme: '', id: 'é' } }];
    expect(AclList.toObject(AclList.decode(encodeAcl(acl)))).toEqual({
      entries: [{ perms: 31, scheme: 'world', id: 'anyone' }, { perms: -1, scheme: '', id: 'é' }],
    });
    expect(decodeAcl(AclList.encode({ entries: [{ perms: 1 }] }).finish())).toEqual([{ perms: 1, id: { scheme: '', id: '' } }]);
    expect(decodeAcl(encodeAcl(acl))).toEqual(acl);
  });

  test.each([null, Buffer.alloc(0), Buffer.alloc(20_000, 7)])('a znode survives, its data too (%#)', (data) => {
    const node = { path: '/a/b', data, aclId: 12n, stat };
    expect(readZnode(encoded(node, false), '/a/b')).toEqual(node);
    expect(readZnode(encoded(node, true), null)).toEqual(node);
  });

  test('fields of a newer schema are skipped on reading, and survive a change of the znode', async () => {
    const member = new Member();
    await member.create('/a');
    await member.checkpoint();
    await member.close();
    const added = Buffer.from([(30 << 3) | 0 & 7, 42].flatMap((value, i) => (i === 0 ? [0xf0, 0x01] : [value]))); // field 30, varint 42
    const { crc32 } = await import('node:zlib');
    const { root, tables } = openTables(checkpointOf(member));
    const extend = (table: number, key: Buffer, change: (record: Buffer) => Buffer): void => {
      const record = change(tables[table]!.get(key)!.subarray(0, -4));
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc32(record, crc32(key)));
      tables[table]!.putSync(key, Buffer.concat([record, sum]));
    };
    extend(0, Buffer.from('meta'), (record) => Buffer.concat([record, Buffer.from([8, 3])])); // the last revision counts
    extend(3, znodeKey('/a'), (record) => Buffer.concat([record, added]));
    await root.close();

    const older = new Member(member.dataDir);
    await older.set('/a', 'changed');
    await older.checkpoint();
    await older.close();
    const after = openTables(checkpointOf(member));
    const record = after.tables[3]!.get(znodeKey('/a'))!.subarray(0, -4);
    await after.root.close();
    expect(record.subarray(-added.length)).toEqual(added);
    expect(readZnode(record, '/a').data?.toString()).toBe('changed');
  });

  test.each(['', '/a', '/a/b', '/a/é', `/${'x'.repeat(512)}`, `/${'p'.repeat(999)}/n`])('a key spells its path (%#)', (path) => {
    expect(pathOfKey(znodeKey(path))).toBe(path);
  });

  test('keys put parents before their children, and the children of one znode next to each other', () => {
    const long = 'y'.repeat(700);
    const sorted = ['', '/a', '/a.b', '/a/b', '/a/c', '/a.b/b', '/a/b/c', `/${long}`, `/${long}/${long}`, `/${long}/${long}/a`, `/${long}/${long}/a/b`]
      .sort((one, other) => Buffer.compare(znodeKey(one), znodeKey(other)));
    for (const path of sorted.slice(1)) expect(sorted.indexOf(path)).toBeGreaterThan(sorted.indexOf(path.slice(0, path.lastIndexOf('/'))));
    const parents = sorted.slice(1).map((path) => path.slice(0, path.lastIndexOf('/')));
    expect(parents.filter((parent, i) => parent !== parents[i - 1])).toEqual([...new Set(parents)]);
  });
});
