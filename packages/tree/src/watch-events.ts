import type { Change } from './outcome.ts';

/** WatcherEvent.type of the events a server sends (client.md 4.1). */
export const EventType = { nodeCreated: 1, nodeDeleted: 2, nodeDataChanged: 3, nodeChildrenChanged: 4 } as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

export const EVENT_OF: Record<Change['event'], EventType> = {
  created: EventType.nodeCreated,
  deleted: EventType.nodeDeleted,
  dataChanged: EventType.nodeDataChanged,
};

/** What checkWatches and removeWatches ask about (client.md 4.7). */
export const WatcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
export type WatcherType = (typeof WatcherType)[keyof typeof WatcherType];

export function isWatcherType(n: number): n is WatcherType {
  return n >= WatcherType.children && n <= WatcherType.persistentRecursive;
}

export type WatchTableName = 'data' | 'child';

/** standard: fires once. persistent: stays. recursive: stays, and hears of all descendants too. */
export type WatchMode = 'standard' | 'persistent' | 'recursive';

export const WATCH_MODES: readonly WatchMode[] = ['standard', 'persistent', 'recursive'];
