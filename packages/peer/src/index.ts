export * from './world.ts';
export * from './config.ts';
export { InconsistentEpochsError } from './epochs.ts';
export { Peer } from './peer.ts';
export type { PeerStatus, TreeStatus } from './status.ts';
export { drive } from './drive.ts';
export type { Driven, Running } from './drive.ts';
