export * from './committed-log.ts';
export * from './leader-io.ts';
export * from './learner-io.ts';
export * from './sync-plan.ts';
