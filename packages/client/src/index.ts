export { ZooKeeper } from './client.ts';
export type { CallOptions, ConnectOptions, CreateOptions, RemovableWatch, RemoveWatchesOptions, WatchOptions } from './options.ts';
export { parseConnectString, type ConnectString, type HostPort } from './connect-string.ts';
export { type CreateMode } from './create-modes.ts';
export { type ClientState, type WatchEvent, type WatchEventType } from './events.ts';
export { type MultiOp, type MultiResult, type ReadOp, type ReadResult } from './multi.ts';
export { type Auth } from './frames.ts';
export { type WatchKind, type WatchListener } from './watch-registry.ts';
export { KeeperError, OPEN_ACL, Perms, type ACL, type ErrorName, type Stat } from '@zk/protocol';
