import type { Workload } from './load/workload.ts';

/**
 * One question to a server. `servers`: 1 is standalone. `long` ones are run only when named; `goal`: times Apache's throughput;
 * `seconds`: measured per round, whatever the pace.
 */
export type Scenario = {
  readonly name: string;
  readonly servers: 1 | 3 | 5;
  readonly quick?: boolean;
  readonly long?: boolean;
  readonly goal?: number;
  readonly seconds?: number;
} & Ask;

export type Ask =
  | { readonly kind: 'requests'; readonly workload: Workload; readonly connections: number; readonly inFlight: number }
  | { readonly kind: 'sessions'; readonly count: number; readonly atATime: number }
  | { readonly kind: 'watches'; readonly watchers: number; readonly times: number }
  /** Resident memory at rest, then with so many znodes, then how long a start takes with them. */
  | { readonly kind: 'memory'; readonly znodes: number; readonly valueBytes: number }
  /** Resident memory with so many idle sessions, then with so many watches in each. */
  | { readonly kind: 'footprint'; readonly sessions: number; readonly watchesEach: number };

const get: Workload = { kind: 'get', valueBytes: 100 };
const set: Workload = { kind: 'set', valueBytes: 100 };
const mixed: Workload = { kind: 'mixed', valueBytes: 100, writes: 20 };
const mixedOver = (thousands: number): Workload => ({ kind: 'scattered', valueBytes: 100, writes: 20, thousands });

const requests = (workload: Workload, connections: number, inFlight: number): Ask => ({ kind: 'requests', workload, connections, inFlight });

/** In the order in which they run; the names say servers, operation, connections × requests in flight, and what else matters. */
export const scenarios: readonly Scenario[] = [
  { name: '1-get-50x1', servers: 1, quick: true, goal: 1.5, ...requests(get, 50, 1) },
  { name: '1-get-50x16', servers: 1, quick: true, goal: 6, ...requests(get, 50, 16) },
  { name: '1-exists-50x16', servers: 1, ...requests({ kind: 'exists', valueBytes: 100 }, 50, 16) },
  { name: '1-set-1x1', servers: 1, quick: true, ...requests(set, 1, 1) },
  { name: '1-set-50x1', servers: 1, quick: true, goal: 1.5, ...requests(set, 50, 1) },
  { name: '1-set-50x16', servers: 1, quick: true, goal: 2.5, ...requests(set, 50, 16) },
  { name: '1-create-50x16', servers: 1, ...requests({ kind: 'create', valueBytes: 100 }, 50, 16) },
  { name: '1-create-delete-50x16', servers: 1, ...requests({ kind: 'createDelete', valueBytes: 100 }, 50, 16) },
  { name: '1-mixed-50x4', servers: 1, ...requests(mixed, 50, 4) },
  { name: '1-multi-50x4', servers: 1, ...requests({ kind: 'multi', valueBytes: 100, multis: 100 }, 50, 4) },
  { name: '1-multi70-50x4', servers: 1, ...requests({ kind: 'multi', valueBytes: 100, multis: 70 }, 50, 4) },
  { name: '1-children10-50x4', servers: 1, ...requests({ kind: 'children', count: 10 }, 50, 4) },
  { name: '1-children1000-50x1', servers: 1, ...requests({ kind: 'children', count: 1000 }, 50, 1) },
  { name: '1-children10000-50x1', servers: 1, ...requests({ kind: 'children', count: 10_000 }, 50, 1) },
  { name: '1-get-1x1', servers: 1, ...requests(get, 1, 1) },
  { name: '1-get-1x16', servers: 1, ...requests(get, 1, 16) },
  { name: '1-get-1000x1', servers: 1, ...requests(get, 1000, 1) },
  { name: '1-get-1000x16', servers: 1, ...requests(get, 1000, 16) },
  { name: '1-set-1000x1', servers: 1, ...requests(set, 1000, 1) },
  { name: '1-mixed-1000x1', servers: 1, ...requests(mixed, 1000, 1) },
  { name: '1-get-50x16-1KB', servers: 1, ...requests({ kind: 'get', valueBytes: 1024 }, 50, 16) },
  { name: '1-get-50x1-100KB', servers: 1, ...requests({ kind: 'get', valueBytes: 102_400 }, 50, 1) },
  { name: '1-set-50x16-1KB', servers: 1, ...requests({ kind: 'set', valueBytes: 1024 }, 50, 16) },
  { name: '1-set-50x1-100KB', servers: 1, ...requests({ kind: 'set', valueBytes: 102_400 }, 50, 1) },
  { name: '3-get-50x1', servers: 3, quick: true, goal: 1.5, ...requests(get, 50, 1) },
  { name: '3-get-50x16', servers: 3, goal: 5, ...requests(get, 50, 16) },
  { name: '3-set-1x1', servers: 3, ...requests(set, 1, 1) },
  { name: '3-set-50x1', servers: 3, quick: true, goal: 2, ...requests(set, 50, 1) },
  { name: '3-set-50x16', servers: 3, goal: 4, ...requests(set, 50, 16) },
  { name: '3-create-50x16', servers: 3, ...requests({ kind: 'create', valueBytes: 100 }, 50, 16) },
  { name: '3-mixed-50x4', servers: 3, quick: true, goal: 3, ...requests(mixed, 50, 4) },
  { name: '3-multi-50x4', servers: 3, ...requests({ kind: 'multi', valueBytes: 100, multis: 100 }, 50, 4) },
  { name: '3-multi70-50x4', servers: 3, ...requests({ kind: 'multi', valueBytes: 100, multis: 70 }, 50, 4) },
  { name: '3-mixed-1000x1', servers: 3, ...requests(mixed, 1000, 1) },
  { name: '5-get-50x16', servers: 5, ...requests(get, 50, 16) },
  { name: '5-set-50x1', servers: 5, ...requests(set, 50, 1) },
  { name: '5-set-50x16', servers: 5, ...requests(set, 50, 16) },
  { name: '5-mixed-50x4', servers: 5, ...requests(mixed, 50, 4) },
  { name: '1-sessions-32', servers: 1, goal: 2, kind: 'sessions', count: 4000, atATime: 32 },
  { name: '1-sessions-256', servers: 1, goal: 20, kind: 'sessions', count: 1500, atATime: 256 },
  { name: '1-watchers-4000', servers: 1, kind: 'watches', watchers: 4000, times: 5 },
  { name: '1-footprint', servers: 1, kind: 'footprint', sessions: 1000, watchesEach: 200 },
  { name: '1-memory-1m', servers: 1, kind: 'memory', znodes: 1_000_000, valueBytes: 100 },
  { name: '1-memory-5m', servers: 1, long: true, kind: 'memory', znodes: 5_000_000, valueBytes: 100 },
  { name: '1-large-1m', servers: 1, seconds: 20, ...requests(mixedOver(1000), 50, 4) },
  { name: '1-large-5m', servers: 1, long: true, seconds: 20, ...requests(mixedOver(5000), 50, 4) },
  { name: '1-steady-1m', servers: 1, long: true, seconds: 600, ...requests(mixedOver(1000), 50, 4) },
];

/** By name, or, where there is none of that name, by the beginning of names: `1-get` is every get of one server. */
export function chosen(names: readonly string[], quick: boolean): readonly Scenario[] {
  if (names.length === 0) return scenarios.filter((scenario) => (quick ? scenario.quick : !scenario.long));
  const exact = new Set(scenarios.map(({ name }) => name));
  return scenarios.filter(({ name }) => names.some((wanted) => (exact.has(wanted) ? name === wanted : name.startsWith(wanted))));
}
