import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { asZxid, hex, proposalOf, type Proposal } from '@zk/protocol';
import { expect, test } from 'vitest';
import { Progress } from '../src/tools/progress.ts';
import { LivingDirectory, recoveredTree, temporaryDirectory } from './support/data-directories.ts';
import { historyOfSteps, steps, treeText, type KnownHistory } from './support/histories.ts';
import { objects, say } from './support/run-tool.ts';

const sample = (seed: number): KnownHistory => historyOfSteps(fc.sample(fc.array(fc.tuple(fc.constantFrom(0, 3), fc.nat(5), fc.nat(99)), { minLength: 30, maxLength: 30 }), { seed, numRuns: 1 })[0] ?? []);

/** The same txn in another epoch. */
const inEpoch = (epoch: bigint, counter: number, { txn }: Proposal): Proposal => proposalOf({ ...txn, header: { ...txn.header, zxid: asZxid((epoch << 32n) + BigInt(counter)) }, digest: null });

async function restored(target: string, at: string): Promise<string> {
  const directory = temporaryDirectory();
  expect(await say('restore', '--at', at, target, directory, '--yes')).toMatchObject({ code: 0, error: '' });
  return treeText(recoveredTree(directory));
}

test('what the server has been made to forget is set aside in its backup, and what came instead is there', async () => {
  const { proposals, trees } = sample(1);
  const server = new LivingDirectory(temporaryDirectory());
  const target = join(temporaryDirectory(), 'backup');
  await server.commit(proposals.slice(0, 10));
  await say('backup', server.dataDir, target);
  await server.commit(proposals.slice(10, 15)); // a leader cut off from its followers logs these, and nobody else has them
  expect(objects(await say('backup', server.dataDir, target, '--json'))[0]).toMatchObject({ lastZxid: '0xf', superseded: [] });
  await server.truncate(asZxid(10n));
  const instead = proposals.slice(10, 13).map((proposal, index) => inEpoch(2n, index + 1, proposal));
  await server.commit(instead);
  const [run = {}] = objects(await say('backup', server.dataDir, target, '--json'));
  expect(run).toMatchObject({ lastZxid: '0x200000003', superseded: [expect.stringMatching(/^superseded\.\d+\/log\.1$/)] });
  await server.close();
  expect(await restored(target, hex(10n))).toBe(trees.get(10n));
  expect(await restored(target, 'latest')).toBe(treeText(server.tree));
  expect((await say('restore', '--at', '0xc', target, temporaryDirectory(), '--yes')).error).toContain('0xc is not in this history');
});

test('a log that the server has purged stays in the backup', async () => {
  const { proposals, trees } = sample(2);
  const server = new LivingDirectory(temporaryDirectory());
  const target = join(temporaryDirectory(), 'backup');
  await say('backup', server.dataDir, target);
  await server.live(proposals.slice(0, 12), new Set([5]));
  await say('backup', server.dataDir, target);
  await server.close();
  rmSync(join(server.dataDir, 'version-2', 'log.1'));
  rmSync(join(server.dataDir, 'version-2', 'snapshot.0'));
  expect(await say('backup', server.dataDir, target)).toMatchObject({ code: 0, out: expect.stringContaining('Nothing is new.') as string });
  for (const zxid of [3n, 6n, 9n]) expect(await restored(target, hex(zxid))).toBe(trees.get(zxid));
});

test('txns that were purged between two runs are missing, and asking for one of them says so', async () => {
  const { proposals, trees } = sample(3);
  const server = new LivingDirectory(temporaryDirectory());
  const target = join(temporaryDirectory(), 'backup');
  await server.commit(proposals.slice(0, 3));
  await say('backup', server.dataDir, target);
  await server.snapshot();
  await server.live(proposals.slice(3, 12), new Set([3]));
  await server.close();
  for (const name of readdirSync(join(server.dataDir, 'version-2'))) if (['log.1', 'log.4'].includes(name)) rmSync(join(server.dataDir, 'version-2', name));
  await say('backup', server.dataDir, target);
  expect(await restored(target, '0x3')).toBe(trees.get(3n));
  expect(await restored(target, '0xb')).toBe(trees.get(11n));
  expect((await say('restore', '--at', '0x5', target, temporaryDirectory(), '--yes')).error).toContain('0x5 is not in this history: the last txn before it is 0x3');
  rmSync(join(target, 'version-2', 'snapshot.7'));
  expect((await say('restore', '--at', '0xb', target, temporaryDirectory(), '--yes')).error).toContain('log.8: txns are missing: the log goes on with 0x8 (offset 16, last good zxid 0x3)');
});

test('a crash in the middle of a copy is no harm', async () => {
  const { proposals, trees } = sample(4);
  const server = new LivingDirectory(temporaryDirectory());
  const target = join(temporaryDirectory(), 'backup');
  await server.commit(proposals.slice(0, 10));
  await say('backup', server.dataDir, target);
  const copy = join(target, 'version-2', 'log.1');
  const bytes = readFileSync(copy);
  for (const length of [bytes.length - 1, bytes.length - 40, 100, 16]) {
    writeFileSync(copy, bytes.subarray(0, length));
    expect(await say('backup', server.dataDir, target)).toMatchObject({ code: 0, error: '' });
    expect(readFileSync(copy)).toEqual(bytes);
  }
  await server.close();
  expect(await restored(target, 'latest')).toBe(trees.get(10n));
});

test('a manifest of another format is left alone', async () => {
  const server = new LivingDirectory(temporaryDirectory());
  await server.close();
  const target = temporaryDirectory();
  mkdirSync(join(target, 'version-2'));
  writeFileSync(join(target, 'backup.json'), '{"format":2,"runs":[]}');
  expect((await say('backup', server.dataDir, target)).error).toContain('of another version of this program (format 2)');
  expect(existsSync(join(target, 'version-2', 'snapshot.0'))).toBe(false);
});

test('a progress bar is drawn on a terminal, ten times a second at most, and removed', () => {
  let now = 0;
  const written: string[] = [];
  const bar = (isTTY: boolean): Progress => new Progress({ isTTY, columns: 60, write: (text) => written.push(text) }, () => now);
  const nowhere = bar(false);
  nowhere.update('reading', 1, 2);
  nowhere.clear();
  expect(written).toEqual([]);
  const shown = bar(true);
  for (const done of [0, 25, 50]) {
    shown.update('reading', done, 100);
    now += 60;
  }
  shown.clear();
  expect(written).toEqual([`\rreading [${'.'.repeat(30)}] 0 %\x1b[K`, `\rreading [${'#'.repeat(15)}${'.'.repeat(15)}] 50 %\x1b[K`, '\r\x1b[K']);
});
