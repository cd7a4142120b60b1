import { expect, test } from 'vitest';
import { simulate, type StoreWrapper } from '@zk/simulator';
import { nextTurn } from './next-turn.ts';

const SEEDS = 500;
const FAULTS_FOR_MS = 20_000;
/** A seed takes a fraction of a second, and nearly every mutation is noticed by the first few. */
const TIMEOUT_MS = 300_000;

const undo: (() => void)[] = [];

/** Every rule is kept again. */
export function restoreRules(): void {
  for (const restore of undo.splice(0)) restore();
}

/** Replaces a method or a getter of a class until the end of the test; `make` is given the original. */
export function patch<T extends object>(type: { prototype: T }, name: keyof T & string, make: (original: PropertyDescriptor) => PropertyDescriptor): void {
  const original = Object.getOwnPropertyDescriptor(type.prototype, name);
  if (!original) throw new Error(`there is no ${name} to change`);
  Object.defineProperty(type.prototype, name, { ...original, ...make(original) });
  undo.push(() => Object.defineProperty(type.prototype, name, original));
}

/** The simulation must notice, and by one of `rules`: a mutation that is caught for another reason is not understood. */
export function mutation(rule: string, change: () => StoreWrapper | void, ...rules: string[]): void {
  test(`is noticed: ${rule}`, { timeout: TIMEOUT_MS }, async () => {
    const store = change() ?? undefined;
    for (let seed = 1; seed <= SEEDS; seed++) {
      await nextTurn();
      const { violation } = simulate(seed, { faultsForMs: FAULTS_FOR_MS, store });
      if (!violation) continue;
      console.log(`${rule}: noticed by seed ${seed}, ${violation.message.split('\n')[0]}`);
      expect(rules).toContain(violation.rule);
      return;
    }
    throw new Error(`not noticed by ${SEEDS} seeds`);
  });
}
