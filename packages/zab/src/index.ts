export * from './committed-log.ts';
export * from './describe.ts';
export * from './discovery.ts';
export * from './leader-io.ts';
export * from './leader.ts';
export * from './learner-io.ts';
export * from './learner.ts';
export * from './sync-plan.ts';
