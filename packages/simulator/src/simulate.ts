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

interface Shape {
  readonly name: string;
  readonly voters: number;
  readonly options: Pick<ClusterOptions, 'observers' | 'observersFirst' | 'hierarchical'>;
  /** How often, compared to the others. */
  readonly weight: number;
}

const SHAPES: readonly Shape[] = [
  { name: '3 voters', voters: 3, options: {}, weight: 6 },
  { name: '3 voters, 1 observer', voters: 3, options: { observers: 1 }, weight: 1 },
  { name: '3 voters, 1 observer with the smallest id', voters: 3, options: { observers: 1, observersFirst: true }, weight: 1 },
  { name: '5 voters', voters: 5, options: {}, weight: 2 },
  { name: '5 voters, 2 observers', voters: 5, options: { observers: 2 }, weight: 1 },
  { name: '6 voters in 3 groups', voters: 6, options: { hierarchical: true }, weight: 1 },
  { name: '1 voter', voters: 1, options: {}, weight: 1 },
];
/** Every kind of ensemble, as reports name it. */
export const MEMBERS: readonly string[] = SHAPES.map(({ name }) => name);

const FAULTS_FOR_MS = 30_000;
const CLIENTS = 3;
/** The longest pause between two requests of a client, ms: epochs without a txn are as interesting as busy ones. */
const PAUSES_MS = [20, 80, 80, 300, 3_000];

/** One ensemble, its clients, and everything that goes wrong for half a simulated minute; then it must recover. */
export function simulate(seed: number, options: SimulationOptions = {}): Simulation {
  const rng = new Rng(seed ^ 0x5eed);
  const shape = rng.pick(SHAPES.flatMap((each) => Array.from({ length: each.weight }, () => each)));
  const cluster = new Cluster(shape.voters, { seed, settings: { ...settingsFor(rng), cacheBytes: cacheFor(seed) }, ...shape.options, ...options });
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
    members: shape.name,
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

/** Of every fourth seed: hardly anything stays in memory that a checkpoint has. Not drawn, so that the others are what they were. */
function cacheFor(seed: number): number {
  return seed % 4 === 2 ? 1 : 0;
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
