import { KeeperError } from '@zk/protocol';
import type { DataTree } from './data-tree.ts';
import { EventType } from './watch-events.ts';
import type { Watches } from './watches.ts';

/** SetWatches and SetWatches2; the lists of the latter are absent in the former. A null list is refused. */
export interface WatchesToRestore {
  relativeZxid: bigint;
  dataWatches: readonly string[] | null;
  existWatches: readonly string[] | null;
  childWatches: readonly string[] | null;
  persistentWatches?: readonly string[] | null;
  persistentRecursiveWatches?: readonly string[] | null;
}

/**
 * Registers a reconnected client's watches again; what it missed since `relativeZxid` is told at once instead
 * (client.md 4.6). Nothing is filtered by ACL, and the caller sends these events with zxid −1.
 *
 * @throws KeeperError MARSHALLINGERROR at a null list, the lists before it done
 */
export function restoreWatches<W>(
  watches: Watches<W>,
  tree: DataTree,
  watcher: W,
  request: WatchesToRestore,
  tell: (type: EventType, path: string) => void,
): void {
  const { relativeZxid } = request;
  for (const path of listed(request.dataWatches)) {
    const node = tree.node(path);
    if (node === undefined) tell(EventType.nodeDeleted, path);
    else if (node.mzxid > relativeZxid) tell(EventType.nodeDataChanged, path);
    else watches.add(path, 'data', watcher, 'standard');
  }
  for (const path of listed(request.existWatches)) {
    if (tree.node(path)) tell(EventType.nodeCreated, path); // whatever its zxids say
    else watches.add(path, 'data', watcher, 'standard');
  }
  for (const path of listed(request.childWatches)) {
    const node = tree.node(path);
    if (node === undefined) tell(EventType.nodeDeleted, path);
    else if (node.pzxid > relativeZxid) tell(EventType.nodeChildrenChanged, path);
    else watches.add(path, 'child', watcher, 'standard');
  }
  for (const path of listed(request.persistentWatches)) watches.addPersistent(path, watcher, 'persistent');
  for (const path of listed(request.persistentRecursiveWatches)) watches.addPersistent(path, watcher, 'recursive');
}

function listed(paths: readonly string[] | null | undefined): readonly string[] {
  if (paths === null) throw new KeeperError('MARSHALLINGERROR');
  return paths ?? [];
}
