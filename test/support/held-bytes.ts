import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What this process really holds, in bytes, on the heap and outside: garbage does not count. */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
