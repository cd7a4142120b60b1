export * from './effects.ts';
export * from './election.ts';
export * from './vote.ts';
