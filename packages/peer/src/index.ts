export * from './world.ts';
export * from './config.ts';
