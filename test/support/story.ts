import { relative } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from './implementations.ts';
import { nextTurn } from './next-turn.ts';

/** How many seeds a story is told under; ZK_SEED tells it under one. */
const SEEDS = 20;
/** A story takes a fraction of this, unless the machine has a lot else to do. */
const TIMEOUT_MS = 120_000;

/**
 * A story about a simulated ensemble, told under many seeds: delays, losses and orders differ, the ending may not.
 * When it fails it prints the one command that repeats it.
 */
export function story(title: string, tell: (seed: number) => void, seeds = SEEDS): void {
  test(title, { timeout: TIMEOUT_MS }, async () => {
    const chosen = process.env['ZK_SEED'];
    const list = chosen === undefined ? Array.from({ length: seeds }, (_, i) => i + 1) : [Number(chosen)];
    for (const seed of list) {
      await nextTurn();
      try {
        tell(seed);
      } catch (error) {
        const file = relative(PROJECT_ROOT, expect.getState().testPath ?? '');
        const command = `ZK_SEED=${seed} npx vitest run --project unit ${file} -t '${title.replaceAll("'", '')}'`;
        throw new Error(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n\nrepeat it: ${command}`);
      }
    }
  });
}
