import type { Simulation } from './simulate.ts';

/** Named situations a long exploration should reach; one that never happened is said. */
const WANTED = [
  'crash', 'leader crash', 'crash at a disk operation', 'frozen', 'leader left alone', 'partition', 'one-way partition', 'connection reset',
  'half-open connections', 'slow network', 'slow disk', 'disk failure', 'bit rot', 'damage found at a start', 'clock drift or jump',
  'DIFF received', 'TRUNC received', 'SNAP received', 'serving as leader', 'serving as follower', 'serving as observer',
  'serving as standalone', 'session created', 'session closed', 'session expired', 'session renewed', 'session moves', 'watch event',
];

/** Adds simulations up. */
export class Tally {
  readonly #started = performance.now();
  readonly #situations = new Map<string, number>();
  #seeds = 0;
  #simulatedMs = 0;
  #faults = 0;
  #committed = 0;
  #acknowledged = 0;
  failed = 0;

  add(simulation: Simulation): void {
    this.#seeds += 1;
    this.#simulatedMs += simulation.simulatedMs;
    this.#faults += simulation.faults;
    this.#committed += simulation.committed;
    this.#acknowledged += simulation.acknowledged;
    if (simulation.violation) this.failed += 1;
    for (const [situation, times] of simulation.situations) {
      this.#situations.set(situation, (this.#situations.get(situation) ?? 0) + times);
    }
  }

  report(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const reached = [...this.#situations].sort(([a], [b]) => (a < b ? -1 : 1)).map(([situation, times]) => `  ${situation}: ${times}`);
    const never = WANTED.filter((situation) => !this.#situations.has(situation));
    return [
      `${this.#seeds} seeds, ${this.failed} failed; ${(this.#simulatedMs / 3_600_000).toFixed(2)} simulated hours in ${seconds.toFixed(1)} s (${(this.#seeds / seconds).toFixed(1)} seeds a second)`,
      `${this.#faults} faults, ${this.#committed} txns committed, ${this.#acknowledged} writes acknowledged`,
      ...reached,
      ...(never.length > 0 ? [`  never reached: ${never.join(', ')}`] : []),
    ].join('\n');
  }
}
