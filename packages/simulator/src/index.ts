export { cluster, Cluster, type ClusterOptions } from './cluster.ts';
export { Checkers } from './checkers.ts';
export { Rng } from './rng.ts';
export { Scheduler, type Scheduled } from './scheduler.ts';
export { simulate, type Simulation, type SimulationOptions } from './simulate.ts';
export { StoryClient, Answer } from './story-client.ts';
export { Violation } from './violation.ts';
export type { SimNode, StoreWrapper } from './node.ts';
