import { nullable, ustring, vector, type Reader } from '@zk/jute';
import { KeeperError } from '@zk/protocol';
import { isWatcherType, restoreWatches, type WatcherType, type WatchesToRestore } from '@zk/tree';
import type { Reply } from '../reply.ts';
import type { ReadContext, ReadOperation } from './read-operation.ts';

const Mode = { PERSISTENT: 0, RECURSIVE: 1 } as const;

/** Needs neither the node nor a permission. The reply's body is an ErrorResponse that says 0 (trap 34). */
export const addWatch: ReadOperation = (request, xid, { replies, watches, connection }) => {
  const path = request.string();
  const mode = request.int();
  if (mode === Mode.RECURSIVE) watches.addPersistent(path, connection, 'recursive');
  else if (mode === Mode.PERSISTENT) watches.addPersistent(path, connection, 'persistent');
  else throw new KeeperError('MARSHALLINGERROR', path);
  replies.body().int(0);
  return replies.finish(xid);
};

/** Unlike the records of the protocol package: a null list fails only when the lists before it have been dealt with. */
const paths = nullable(vector(ustring));

export const setWatches: ReadOperation = (request, xid, context) => restore(oneShots(request), xid, context);

export const setWatches2: ReadOperation = (request, xid, context) =>
  restore({ ...oneShots(request), persistentWatches: paths.read(request), persistentRecursiveWatches: paths.read(request) }, xid, context);

function oneShots(request: Reader): WatchesToRestore {
  return { relativeZxid: request.long(), dataWatches: paths.read(request), existWatches: paths.read(request), childWatches: paths.read(request) };
}

function restore(lists: WatchesToRestore, xid: number, { tree, watches, connection, replies }: ReadContext): Reply {
  restoreWatches(watches, tree, connection, lists, (type, path) => connection.notifyMissed(type, path));
  return replies.header(xid);
}

/** @throws KeeperError NOWATCHER, MARSHALLINGERROR for a type there is not */
export const checkWatches: ReadOperation = (request, xid, { replies, watches, connection }) => {
  const path = request.string();
  const type = watcherType(request.int());
  if (!watches.contains(path, type, connection)) throw new KeeperError('NOWATCHER', path);
  return replies.header(xid);
};

/** @throws KeeperError NOWATCHER, MARSHALLINGERROR for a type there is not */
export const removeWatches: ReadOperation = (request, xid, { replies, watches, connection }) => {
  const path = request.string();
  const type = watcherType(request.int());
  if (!watches.remove(path, type, connection)) throw new KeeperError('NOWATCHER', path);
  return replies.header(xid);
};

function watcherType(type: number): WatcherType {
  if (!isWatcherType(type)) throw new KeeperError('MARSHALLINGERROR');
  return type;
}
