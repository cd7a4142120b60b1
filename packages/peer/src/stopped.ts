import { Leaderless } from './leaderless.ts';

/** Before the start, and after the stop. */
export class Stopped extends Leaderless {
  readonly name = 'stopped';

  constructor() {
    super('stopped');
  }

  start(): void {}

  tick(): void {}

  nextDeadline(): number {
    return Infinity;
  }

  close(): void {}
}
