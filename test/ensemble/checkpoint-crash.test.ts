import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';

const CHILD = join(PROJECT_ROOT, 'test/support/checkpoint-child.mjs');
/** More with `ZK_CRASH_ROUNDS=200`. */
const ROUNDS = Number(process.env['ZK_CRASH_ROUNDS'] ?? 12);

interface Found {
  lastZxid: number;
  imageZxid: number;
  isCheckpoint: boolean;
  isRight: boolean;
  notes: string[];
}

/**
 * Runs the member until it has acknowledged `count` batches and completed so many checkpoints, and kills it in the middle
 * of the next. @returns the last zxid
 */
async function killedAfter(count: number, checkpoints: number, dataDir: string): Promise<number> {
  const child = spawn(process.execPath, [CHILD, 'write', dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let last = 0;
  let [batches, complete] = [0, 0];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'checkpoint') complete++;
    else {
      last = Number(line);
      batches++;
    }
    if (batches >= count && complete >= checkpoints) child.kill('SIGKILL');
  }
  expect(await ended).toEqual([null, 'SIGKILL']);
  return last;
}

function found(dataDir: string): Found {
  const { stdout, stderr, status } = spawnSync(process.execPath, [CHILD, 'verify', dataDir], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the start failed: ${stderr}`);
  return JSON.parse(stdout) as Found;
}

test('killed with -9 while checkpoints are written: nothing acknowledged is lost, and the tree is the history\'s', { timeout: 20_000 * ROUNDS }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'zk-crash-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  let newest = 0;
  let fromCheckpoints = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await killedAfter(5 + ((round * 37) % 60), round % 3, dataDir);
    const { lastZxid, imageZxid, isCheckpoint, isRight, notes } = found(dataDir);
    expect([round, isRight, notes.filter((note) => !note.includes('torn'))]).toEqual([round, true, []]);
    expect(lastZxid).toBeGreaterThanOrEqual(acknowledged);
    expect(imageZxid).toBeGreaterThanOrEqual(newest); // a checkpoint that was found once is found again, or a newer one
    newest = imageZxid;
    if (isCheckpoint) fromCheckpoints += 1;
  }
  // Not in every round: a whole checkpoint begins with a snapshot, and the kill may come between the two.
  expect(fromCheckpoints).toBeGreaterThan(0);
});
