import { Cluster, type ClusterOptions } from './cluster.ts';
import { Nemesis } from './nemesis.ts';
import { Rng } from './rng.ts';
import { SESSION_TIMEOUT_MS } from './sim-session.ts';
import { Violation } from './violation.ts';
import { Workload } from './workload.ts';

export interface Simulation {
  readonly seed: number;
  readonly members: string;
  /** What went wrong; null when nothing did. */
  readonly violation: Violation | null;
  readonly simulatedMs: number;
  /** Events that happened: a message, a sync, an alarm, a request. */
  readonly steps: number;
  /** By kind. */
  readonly faults: ReadonlyMap<string, number>;
  readonly committed: number;
  readonly acknowledged: number;
  readonly situations: ReadonlyMap<string, number>;
  /** Committed, by kind. */
  readonly txns: ReadonlyMap<string, number>;
}

export interface SimulationOptions extends Pick<ClusterOptions, 'store' | 'transcript'> {
  /** Simulated ms. */
  readonly faultsForMs?: number;
}

const SHAPES = [
  { voters: 3, observers: 0, observersFirst: false, weight: 6 },
  { voters: 3, observers: 1, observersFirst: false, weight: 1 },
  { voters: 3, observers: 1, observersFirst: true, weight: 1 },
  { voters: 5, observers: 0, observersFirst: false, weight: 2 },
  { voters: 5, observers: 2, observersFirst: false, weight: 1 },
  { voters: 1, observers: 0, observersFirst: false, weight: 1 },
] as const;
const FAULTS_FOR_MS = 30_000;
const CLIENTS = 3;
/** The longest pause between two requests of a client, ms: epochs without a txn are as interesting as busy ones. */
const PAUSES_MS = [20, 80, 80, 300, 3_000];

/** One ensemble, its clients, and everything that goes wrong for half a simulated minute; then it must recover. */
export function simulate(seed: number, options: SimulationOptions = {}): Simulation {
  const rng = new Rng(seed ^ 0x5eed);
  const { voters, observers, observersFirst } = rng.pick(SHAPES.flatMap((s) => Array.from({ length: s.weight }, () => s)));
  const cluster = new Cluster(voters, { seed, observers, observersFirst, settings: settingsFor(rng), ...options });
  const pauseMs = rng.pick(PAUSES_MS);
  let violation: Violation | null = null;
  let faults: ReadonlyMap<string, number> = new Map();
  try {
    const clients = Array.from({ length: CLIENTS }, () => new Workload(cluster, pauseMs));
    const nemesis = new Nemesis(cluster);
    faults = nemesis.faults;
    cluster.run(options.faultsForMs ?? FAULTS_FOR_MS);
    for (const client of clients) client.stop();
    nemesis.stop();
    cluster.settle();
    cluster.run(2_000);
    cluster.settle().agrees();
    for (const client of clients) client.vanish();
    cluster.run(3 * SESSION_TIMEOUT_MS);
    cluster.settle().agrees().checkers.nobodyIsLeft();
  } catch (error) {
    violation = error instanceof Violation ? error : new Violation('NoMemberEndsByItself', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return {
    seed,
    members: `${voters} voters, ${observers} observers${observersFirst ? ' with the smallest ids' : ''}`,
    violation,
    simulatedMs: cluster.scheduler.now,
    steps: cluster.scheduler.steps,
    faults,
    committed: cluster.checkers.history.length,
    acknowledged: cluster.checkers.acknowledgedWrites,
    situations: cluster.checkers.situations,
    txns: cluster.checkers.model.txns,
  };
}

function settingsFor(rng: Rng): ClusterOptions['settings'] {
  return {
    snapCount: rng.between(10, 300),
    commitLogCount: rng.pick([20, 100, 500]),
    snapshotSizeFactor: rng.pick([0.33, 0.33, 2, -1]),
    forceSnapshotSync: rng.chance(0.05),
    leaderServes: rng.chance(0.9),
    readOnlyMode: rng.chance(0.4),
    extendedTypesEnabled: true,
    containerCheckIntervalMs: 1_000,
    ...(rng.chance(0.15) && { localSessionsEnabled: true, localSessionsUpgradingEnabled: true }),
  };
}
