/** Event types a server sends, by number (Watcher.Event.EventType). */
const TYPE_NAMES = { 1: 'NodeCreated', 2: 'NodeDeleted', 3: 'NodeDataChanged', 4: 'NodeChildrenChanged' } as const;

export type WatchEventType = (typeof TYPE_NAMES)[keyof typeof TYPE_NAMES];

export interface WatchEvent {
  readonly type: WatchEventType;
  /** As this client names it: below its chroot. */
  readonly path: string;
  /** The transaction that caused it; −1n from servers before 3.9 and for what was missed while disconnected. */
  readonly zxid: bigint;
}

export function eventTypeName(type: number): WatchEventType | undefined {
  return TYPE_NAMES[type as keyof typeof TYPE_NAMES];
}

/**
 * A client's life: `connecting` and `connected` (or `readOnly`) alternate until it is `closed`, its session has
 * `expired`, or a server refused its credentials (`authFailed`). The last three are final.
 */
export type ClientState = 'connecting' | 'connected' | 'readOnly' | 'closed' | 'expired' | 'authFailed';
