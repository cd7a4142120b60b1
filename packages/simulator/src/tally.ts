import { DISK_OPERATIONS } from './disk.ts';
import { FAULTS } from './nemesis.ts';
import { MEMBERS, type Simulation } from './simulate.ts';

/** Named situations a long exploration should reach; one that never happened is said. */
const SITUATIONS = [
  'crash', 'leader crash', ...DISK_OPERATIONS.map((kind) => `crash right after: ${kind}`),
  'crash kept unsynced writes', 'crash lost unsynced writes', 'crash tore a write', 'disk failure', 'damage found at a start',
  'damage healed by an image', 'a tail was given up', 'a tail outlived its leader', 'two leaders, of different epochs',
  'DIFF received', 'TRUNC received', 'SNAP received', 'serving as leader', 'serving as follower', 'serving as observer',
  'serving as standalone', 'serving as readOnly', 'read-only connection', 'session created', 'session closed', 'session expired',
  'session renewed', 'session moved', 'client vanished from a connection', 'watch event', 'watch event at a reconnect',
];

const TXNS = [
  'create2', 'createContainer', 'createTTL', 'delete', 'deleteContainer', 'setData', 'multi', 'multi, refused', 'error', 'createSession', 'closeSession',
];

/** Adds simulations up. */
export class Tally {
  readonly #started = performance.now();
  readonly #situations = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #txns = new Map<string, number>();
  readonly #members = new Map<string, number>();
  #seeds = 0;
  #steps = 0;
  #simulatedMs = 0;
  #committed = 0;
  #acknowledged = 0;
  failed = 0;

  add(simulation: Simulation): void {
    this.#seeds += 1;
    this.#steps += simulation.steps;
    this.#simulatedMs += simulation.simulatedMs;
    this.#committed += simulation.committed;
    this.#acknowledged += simulation.acknowledged;
    if (simulation.violation) this.failed += 1;
    addTo(this.#situations, simulation.situations);
    addTo(this.#faults, simulation.faults);
    addTo(this.#txns, simulation.txns);
    addTo(this.#members, new Map([[simulation.members, 1]]));
  }

  report(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const faults = [...this.#faults.values()].reduce((sum, times) => sum + times, 0);
    return [
      `${this.#seeds} seeds, ${this.failed} failed; ${(this.#simulatedMs / 3_600_000).toFixed(2)} simulated hours in ${seconds.toFixed(1)} s (${(this.#seeds / seconds).toFixed(1)} seeds a second)`,
      `${this.#steps} steps, ${this.#committed} txns committed, ${this.#acknowledged} writes acknowledged, ${faults} faults`,
      ...counted('members', this.#members, MEMBERS),
      ...counted('faults', this.#faults, FAULTS),
      ...counted('txns', this.#txns, TXNS),
      ...counted('situations', this.#situations, SITUATIONS),
    ].join('\n');
  }
}

function addTo(sum: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, times] of more) sum.set(name, (sum.get(name) ?? 0) + times);
}

function counted(what: string, times: ReadonlyMap<string, number>, wanted: Iterable<string>): string[] {
  const never = [...wanted].filter((name) => !times.has(name));
  const lines = [...times].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `  ${name}: ${count}`);
  return [`${what}:`, ...lines, ...(never.length > 0 ? [`  never: ${never.join(', ')}`] : [])];
}
