import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Image } from '@zk/protocol';
import { FileStore, writeDataDirectory } from '@zk/store';
import { closed, flushed } from '@zk/store/testing';
import { DataTree } from '@zk/tree';
import { javaProgram } from '../support/client-program.ts';
import { APACHE_39_JARS, apache39Installed, PROJECT_ROOT } from '../support/implementations.ts';
import { RandomHistory } from '../support/random-history.ts';

/** More with `ZK_WORKLOADS=200`. */
const WORKLOADS = Number(process.env['ZK_WORKLOADS'] ?? 8);

/** The tree in the form in which clients/java/Directories.java writes it. */
function dump(image: Image): string {
  const acls = new Map([...image.acls].map(({ id, acl }) => [id, acl.map(({ perms, id: { scheme, id: name } }) => ` ${perms}:${scheme}:${name}`).join('')]));
  const lines = [`last ${image.zxid}`, ...Array.from(image.sessions, ({ id, timeOut }) => `session ${id} ${timeOut}`)];
  for (const { path, data, aclId, stat } of image.nodes) {
    if (path === '/zookeeper/config') continue;
    const { czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, pzxid } = stat;
    const fields = [czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, pzxid].join(' ');
    lines.push(`node ${path} ${data?.toString('base64') ?? 'null'}${acls.get(aclId) ?? ' 31:world:anyone'} ${fields}`);
  }
  return `${lines.sort().join('\n')}\n`;
}

/** A directory that a server of ours has left, stopped at any moment: with checkpoints that were taken under load. */
async function writeOurs(seed: number, dataDir: string): Promise<DataTree> {
  const history = new RandomHistory(seed);
  const format = seed % 2 === 0 ? 'apache' : 'lmdb';
  // Nothing is purged: Apache is to write the whole history once more.
  const store = FileStore.open({ dataDir, preAllocKb: 64, checkpoint: format, logSizeLimitKb: seed % 3 === 0 ? 8 : -1, snapRetainCount: 0 });
  store.recover();
  const checkpoints: Promise<unknown>[] = [];
  for (let left = history.between(60, 250); left > 0; left--) {
    store.append(history.next(), () => {});
    if (history.between(1, 50) === 1) checkpoints.push(new Promise((resolve) => store.checkpoint(history.tree.image(), resolve)));
    if (history.between(1, 12) === 1) await flushed(store);
  }
  await Promise.all(checkpoints);
  await closed(store);
  return history.tree;
}

function loaded(dataDir: string): DataTree {
  const store = FileStore.open({ dataDir, preAllocKb: 64 });
  const { image, txns } = store.recover();
  const tree = image ? DataTree.fromImage(image, { extendedTypes: true }) : new DataTree({ extendedTypes: true });
  for (const { txn } of txns) expect(tree.apply(txn).digestMismatch).toBeUndefined();
  store.close();
  return tree;
}

test.skipIf(!apache39Installed)(
  `${WORKLOADS} random histories: Apache starts on our log and on our exported snapshot, we start on Apache's, and the tree is the same (needs Apache's jars)`,
  { timeout: 60_000 + WORKLOADS * 4_000 },
  async () => {
    const base = mkdtempSync(join(tmpdir(), 'zk-workloads-'));
    onTestFinished(() => rmSync(base, { recursive: true, force: true }));
    const expected: string[] = [];
    for (let seed = 0; seed < WORKLOADS; seed++) {
      const directory = join(base, String(seed));
      mkdirSync(join(directory, 'theirs'), { recursive: true });
      const tree = await writeOurs(seed, join(directory, 'ours'));
      expected.push(dump(tree.image()));
      await writeDataDirectory(join(directory, 'exported'), tree.image(), { compression: 'none', epochs: null });
    }
    const build = join(base, 'build');
    mkdirSync(build);
    const java = await javaProgram(join(PROJECT_ROOT, 'test/compat/clients/java/Directories.java'), build, `${APACHE_39_JARS}/*`, [base, '0', String(WORKLOADS)]);
    await java.succeeds();
    expect(java.output).toContain('digest mismatches 0\n');
    for (const [seed, tree] of expected.entries()) {
      const directory = join(base, String(seed));
      expect([seed, readFileSync(join(directory, 'ours.java.txt'), 'utf8')]).toEqual([seed, tree]);
      expect([seed, readFileSync(join(directory, 'exported.java.txt'), 'utf8')]).toEqual([seed, tree]);
      expect([seed, dump(loaded(join(directory, 'theirs')).image())]).toEqual([seed, tree]);
      expect([seed, dump(loaded(join(directory, 'ours')).image())]).toEqual([seed, tree]);
    }
  },
);
