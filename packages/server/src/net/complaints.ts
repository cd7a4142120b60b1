import type { Log } from '../log.ts';

const INTERVAL_MS = 60_000;
const PER_INTERVAL = 5;

/** Log lines about strangers, a few per address and minute: a port scanner must not fill the disk. */
export class Complaints {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  #intervalEnds = 0;

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Logs one line, unless this address has had its share. */
  add(address: string, fields: Record<string, unknown>, message: string): void {
    if (this.#now() >= this.#intervalEnds) {
      this.#counts.clear();
      this.#intervalEnds = this.#now() + INTERVAL_MS;
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    if (count < PER_INTERVAL) this.#log.warn(fields, message);
    else if (count === PER_INTERVAL) this.#log.warn({ ...fields, more: 'not logged for a minute' }, message);
  }
}
