import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hex } from '@zk/protocol';
import { LivingDirectory, recoveredTree, temporaryDirectory } from './support/data-directories.ts';
import { historyOfSteps, steps, treeText } from './support/histories.ts';
import { objects, say } from './support/run-tool.ts';

const RUNS = Number(process.env['ZK_TOOL_ROUNDS'] ?? 5);

/** How many moments of each history are restored. */
const MOMENTS = 6;

/** Positions in a list, as shares of its length. */
const places = (max: number): fc.Arbitrary<number[]> => fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: max });
const positionsIn = (shares: readonly number[], length: number): Set<number> => new Set(shares.map((share) => Math.floor(share * length)));

test('a backup, made in any number of runs while the server writes, gives back every txn since its base, exactly', async () => {
  await fc.assert(
    fc.asyncProperty(steps, places(4), places(3), fc.constantFrom('none', 'gz', 'snappy'), async (list, backups, snapshots, compression) => {
      const { proposals, trees } = historyOfSteps(list);
      const server = new LivingDirectory(temporaryDirectory());
      const target = join(temporaryDirectory(), 'backup');
      const snapshotAfter = positionsIn(snapshots, list.length);
      let done = 0;
      for (const end of [0, ...[...positionsIn(backups, list.length)].sort((one, other) => one - other), list.length]) {
        await server.live(proposals.slice(done, end), new Set([...snapshotAfter].map((place) => place - done).filter((place) => place >= 0)));
        expect(await say('backup', server.dataDir, target)).toMatchObject({ code: 0, error: '' });
        done = end;
      }
      await server.close();
      const some = [...trees].filter((_, index) => index % Math.ceil(list.length / MOMENTS) === 0);
      for (const [zxid, text] of some) {
        const restored = temporaryDirectory();
        expect(await say('restore', '--at', hex(zxid), target, restored, '--yes', '--compression', compression)).toMatchObject({ code: 0, error: '' });
        expect(treeText(recoveredTree(restored))).toBe(text);
      }
    }),
    { numRuns: RUNS },
  );
});

test('a backup is itself a data directory, with what the server had', async () => {
  const { proposals, trees } = historyOfSteps(fc.sample(steps, { seed: 7, numRuns: 1 })[0] ?? []);
  const server = new LivingDirectory(temporaryDirectory());
  await server.commit(proposals);
  const target = join(temporaryDirectory(), 'backup');
  await say('backup', server.dataDir, target);
  await server.close();
  expect(treeText(recoveredTree(target))).toBe([...trees.values()].at(-1));
});

test('truncating at any txn leaves the tree of that txn, and the originals', async () => {
  await fc.assert(
    fc.asyncProperty(steps, places(3), fc.double({ min: 0, max: 1, noNaN: true }), async (list, snapshots, share) => {
      const { proposals, trees } = historyOfSteps(list);
      const server = new LivingDirectory(temporaryDirectory());
      await server.live(proposals, positionsIn(snapshots, list.length));
      await server.close();
      const [zxid, text] = [...trees][Math.floor(share * list.length)] as [bigint, string];
      const [plan] = objects(await say('log', 'truncate', server.dataDir, '--at', hex(zxid), '--json'));
      expect(plan).toMatchObject({ done: false });
      expect(treeText(recoveredTree(server.dataDir))).toBe([...trees.values()].at(-1));
      expect(await say('log', 'truncate', server.dataDir, '--at', hex(zxid), '--yes')).toMatchObject({ code: 0, error: '' });
      expect(treeText(recoveredTree(server.dataDir))).toBe(text);
    }),
    { numRuns: RUNS },
  );
});

/** What a bad disk does to a file. */
const damages = fc.record({
  kind: fc.constantFrom('flip', 'zeros', 'cut', 'noise'),
  file: fc.double({ min: 0, max: 1, noNaN: true }),
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 400 }),
});
type DiskFault = typeof damages extends fc.Arbitrary<infer T> ? T : never;

function damage(directory: string, { kind, file, place, length }: DiskFault): void {
  const logs = readdirSync(directory).filter((name) => name.startsWith('log.')).sort();
  const path = join(directory, logs[Math.floor(file * (logs.length - 0.001))] as string);
  const bytes = readFileSync(path);
  const at = Math.floor(place * (statSync(path).size - 1));
  if (kind === 'cut') return writeFileSync(path, bytes.subarray(0, at));
  for (let i = at; i < Math.min(bytes.length, kind === 'flip' ? at + 1 : at + length); i++) bytes[i] = kind === 'zeros' ? 0 : (bytes[i] as number) ^ (kind === 'flip' ? 0x10 : (i * 31 + 7) & 0xff);
  writeFileSync(path, bytes);
}

test('after a repair the server starts, on the tree of one txn, and everything behind it was announced as lost', async () => {
  await fc.assert(
    fc.asyncProperty(steps, places(3), fc.array(damages, { minLength: 1, maxLength: 3 }), async (list, snapshots, faults) => {
      const { proposals, trees } = historyOfSteps(list);
      const server = new LivingDirectory(temporaryDirectory());
      await server.live(proposals, positionsIn(snapshots, list.length));
      await server.close();
      const directory = join(server.dataDir, 'version-2');
      for (const fault of faults) damage(directory, fault);
      const [plan = {}] = objects(await say('log', 'repair', server.dataDir, '--json'));
      const lost = plan['lost'] as { txns: number; unreadable: number };
      const done = await say('log', 'repair', server.dataDir, '--accept-loss', '--yes', '--json');
      expect(done.error).toBe('');
      const tree = recoveredTree(server.dataDir);
      expect(treeText(tree)).toBe(trees.get(tree.lastZxid));
      const isShort = tree.lastZxid !== [...trees.keys()].at(-1);
      const isTold = lost.txns + lost.unreadable > 0 || (plan['cut'] as unknown[]).length > 0;
      expect(isShort && !isTold && !faults.some(leavesNoTrace)).toBe(false);
      expect((await say('log', 'repair', server.dataDir)).out).toContain('Nothing to repair.');
      expect((await say('log', 'verify', server.dataDir)).code).toBe(0);
    }),
    { numRuns: RUNS * 4 },
  );
});

/** A cut between two records at the end of the log, or zeros over whole ones there: nobody could tell. */
const leavesNoTrace = ({ kind }: DiskFault): boolean => kind === 'cut' || kind === 'zeros';
