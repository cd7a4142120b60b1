import { setImmediate } from 'node:timers/promises';

/** Lets the test runner get a word in: a simulation never waits, and a worker that is silent for long is given up. */
export async function nextTurn(): Promise<void> {
  await setImmediate();
}
