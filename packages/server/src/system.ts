import type { Clock, Random, Timer } from '@zk/peer';
import type { Millis } from '@zk/protocol';

/** setTimeout's longest wait; a later deadline is armed again by whoever asked for it. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
};

export const systemRandom: Random = { next: () => Math.random() };

/** One alarm on Node's timers. */
export function systemTimer(clock: Clock): Timer {
  let timeout: NodeJS.Timeout | null = null;
  const disarm = (): void => {
    if (timeout !== null) clearTimeout(timeout);
    timeout = null;
  };
  return {
    disarm,
    arm(deadline: Millis, fire: () => void): void {
      disarm();
      const wait = (): void => {
        const left = deadline - clock.now();
        // Node rounds down, and wakes up to a millisecond early.
        if (left > 0) timeout = setTimeout(wait, Math.min(Math.ceil(left), MAX_TIMEOUT_MS));
        else {
          timeout = null;
          fire();
        }
      };
      timeout = setTimeout(wait, Math.min(Math.max(0, Math.ceil(deadline - clock.now())), MAX_TIMEOUT_MS));
    },
  };
}
