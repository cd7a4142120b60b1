import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';

const CHILD = join(PROJECT_ROOT, 'test/support/flip-child.mjs');
/** `ZK_FLIPS=all`: at every offset. */
const STEP = process.env['ZK_FLIPS'] === 'all' ? 1 : 151;
const MASK = 0x42;
const CHUNK = 400;
/** For a chunk, on a busy machine. */
const PATIENCE_MS = 600_000;
/** A start that LMDB has taken down is followed by at most so many, of which the last one does without the checkpoint. */
const FURTHER_STARTS = 2;

interface Run {
  readonly lines: string[];
  readonly hasDied: boolean;
}

function child(...args: string[]): Run {
  const { stdout, stderr, status, signal, error } = spawnSync(process.execPath, [CHILD, ...args], { encoding: 'utf8', timeout: PATIENCE_MS });
  if (error) throw new Error(`${error.message}: ${stdout.slice(-500)}`); // a start that never ends, too
  const hasDied = signal !== null || (status !== null && status > 128);
  if (status !== 0 && !hasDied) throw new Error(`ended with ${status}: ${stdout}\n${stderr}`);
  return { lines: stdout.trimEnd().split('\n'), hasDied };
}

/** The process died of what it read: what do the next ones make of the same files? */
function afterDeath(dataDir: string): string {
  for (let starts = 0; starts < FURTHER_STARTS; starts++) {
    const { lines: [outcome = ''], hasDied } = child('start', dataDir);
    if (!hasDied) return outcome === 'exact' || outcome === 'reported' ? 'died, and was exact later' : outcome;
  }
  return 'wrong: every start dies';
}

test('a byte of the LMDB checkpoint changes: nothing wrong is served, and the tree is exact, at once or at a later start', { timeout: 7_200_000 }, () => {
  const base = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'zk-flips-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const dataDir = join(base, 'member');
  child('prepare', dataDir);
  const { size } = statSync(join(dataDir, 'version-2/checkpoint/data.mdb'));
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  const count = (where: string, outcome: string): void => {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (outcome.startsWith('wrong')) wrong.push(`${where}: ${outcome}`);
  };
  for (let offset = 0; offset < size; ) {
    const offsets = Array.from({ length: CHUNK }, (_, i) => offset + i * STEP).filter((at) => at < size);
    const { lines, hasDied } = child('flip', dataDir, String(MASK), ...offsets.map(String));
    for (let i = 0; i + 1 < lines.length; i += 2) count(lines[i] ?? '', lines[i + 1] ?? '');
    if (!hasDied) offset += CHUNK * STEP;
    else {
      const hadTold = lines.length % 2 === 0; // it died of letting go of the file, with its answer given
      const copy = lines.at(hadTold ? -2 : -1) ?? '';
      if (!hadTold) count(copy, afterDeath(copy));
      rmSync(copy, { recursive: true, force: true });
      offset = Number(copy.slice(copy.lastIndexOf('.') + 1)) + STEP;
    }
  }
  console.log(Object.fromEntries(counts));
  expect(wrong).toEqual([]);
  expect(counts.get('reported')).toBeGreaterThan(0);
});
