import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';

const CHILD = join(PROJECT_ROOT, 'test/support/flip-child.mjs');
/** `ZK_FLIPS=all`: at every offset, but where something is written, which takes 0.2 s each. */
const IS_ALL = process.env['ZK_FLIPS'] === 'all';
const MASKS = [0x42, 0x01, 0xff];
const CHUNK = 400;
/** For a chunk, on a busy machine: a start that never ends is no answer either. */
const PATIENCE_MS = 600_000;
const TIMEOUT_MS = 7_200_000;

/** @returns what it printed. @throws when it was killed, or ended with an error */
async function child(...args: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, ...args], { timeout: PATIENCE_MS });
  return stdout.split('\n').slice(0, -1);
}

/** A member with a checkpoint, in memory where there is a file system for that. */
async function prepared(): Promise<{ dataDir: string; size: number }> {
  const base = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'zk-flips-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const dataDir = join(base, 'member');
  await child('prepare', dataDir);
  return { dataDir, size: statSync(join(dataDir, 'version-2/checkpoint/data.mdb')).size };
}

/** What came of a changed byte at every step-th offset, under each mask, and how often. */
async function outcomes(mode: 'flip' | 'write', step: number): Promise<Map<string, number>> {
  const { dataDir, size } = await prepared();
  const counts = new Map<string, number>();
  for (const [i, mask] of MASKS.entries()) {
    const first = Math.floor((i * step) / MASKS.length);
    const offsets = Array.from({ length: Math.ceil((size - first) / step) }, (_, n) => first + n * step);
    for (let at = 0; at < offsets.length; at += CHUNK) {
      for (const line of await child(mode, dataDir, String(mask), ...offsets.slice(at, at + CHUNK).map(String))) {
        const result = line.slice(line.indexOf(' ') + 1);
        const outcome = result.startsWith('wrong') ? `${mask} at ${line}` : result;
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      }
    }
  }
  console.log(mode, Object.fromEntries(counts));
  return counts;
}

test('a byte of the LMDB checkpoint changes: nothing wrong is served, no process dies of it, and the tree is exact, at once or at the next start', { timeout: TIMEOUT_MS }, async () => {
  const counts = await outcomes('flip', IS_ALL ? 1 : 251);
  expect([...counts.keys()].sort()).toEqual(['exact', 'reported']);
});

test('a byte changes before LMDB writes to the file: what is there after that is exact, or LMDB was not let near it', { timeout: TIMEOUT_MS }, async () => {
  const counts = await outcomes('write', IS_ALL ? 61 : 1499);
  expect([...counts.keys()].sort()).toEqual(['exact', 'reported']);
});
