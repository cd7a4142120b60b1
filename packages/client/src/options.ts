import type { ConnectionOptions } from 'node:tls';
import type { ACL } from '@zk/protocol';
import type { CreateMode } from './create-modes.ts';
import type { Auth } from './frames.ts';
import type { WatchListener } from './watch-registry.ts';

export interface ConnectOptions {
  /** Asked for; the server clamps it (2 to 20 of its ticks by default). Default 30000. */
  readonly sessionTimeoutMs?: number;
  /** How long a call waits for a connection before it fails with CONNECTIONLOSS, ms. Default: the session timeout. */
  readonly patienceMs?: number;
  /** Speak TLS: what `tls.connect` takes (ca, cert, key, …); `{}` for the usual authorities. */
  readonly tls?: ConnectionOptions;
  /** Also talk to a server that is cut off from its quorum and only reads. */
  readonly readOnly?: boolean;
  readonly auth?: readonly Auth[];
  /** Takes over a session: its id and password, from another client's `sessionId` and `sessionPassword`. */
  readonly session?: { readonly id: bigint; readonly password: Buffer };
  /** Gives up waiting for the first connection. */
  readonly signal?: AbortSignal;
}

export interface CallOptions {
  /** Stops waiting; the request itself may still take effect. */
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends CallOptions {
  /** Called once, for the next change (of the node, or of its children for `getChildren`). */
  readonly watch?: WatchListener;
}

export interface CreateOptions extends CallOptions {
  readonly mode?: CreateMode;
  /** Default: world:anyone may do everything. */
  readonly acl?: readonly ACL[];
  /** Milliseconds without a change after which a `persistent-ttl` node may go. */
  readonly ttl?: number;
}

export interface RemoveWatchesOptions extends CallOptions {
  /** Only this one; the server keeps the watch while others listen. */
  readonly listener?: WatchListener;
  /** While there is no connection, do not wait for one: it is enough that the next one does not restore them. */
  readonly local?: boolean;
}

/** What `removeWatches` can name. */
export type RemovableWatch = 'children' | 'data' | 'any' | 'persistent' | 'recursive';
