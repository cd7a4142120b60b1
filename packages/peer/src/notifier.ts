import { Perms, type Zxid } from '@zk/protocol';
import { EventType, type Change, type Deliver, type Watches } from '@zk/tree';
import type { AccessControl } from './auth.ts';
import type { Connection } from './connections.ts';
import type { PipelineMetrics } from './metrics.ts';
import { notification } from './notifications.ts';

/** Tells connections what they watch for, when a txn has been applied and before anybody is answered (client.md 4.5). */
export class Notifier {
  readonly #watches: Watches<Connection>;
  readonly #access: AccessControl;
  readonly #metrics: PipelineMetrics;
  #zxid = 0n as Zxid;
  /** The last event's frame and what it says: most events go to several connections. */
  readonly #last = { zxid: -1n, type: 0, path: '', frame: Buffer.alloc(0) as Buffer };

  constructor(watches: Watches<Connection>, access: AccessControl, metrics: PipelineMetrics) {
    this.#watches = watches;
    this.#access = access;
    this.#metrics = metrics;
  }

  fire(changes: readonly Change[], zxid: Zxid): void {
    if (this.#watches.count === 0) return;
    this.#zxid = zxid;
    this.#watches.fire(changes, this.#deliver);
  }

  /** Who may not read a node does not hear of it; the watch is used up all the same (client.md 4.4). */
  readonly #deliver: Deliver<Connection> = (connection, type, path, acl) => {
    if (connection.phase === 'closed' || !this.#access.allows(acl, Perms.READ, connection.ids)) return;
    connection.send(this.#frame(type, path));
    this.#metrics.counters.packets_sent += 1;
    this.#count(type);
  };

  #frame(type: EventType, path: string): Buffer {
    const last = this.#last;
    if (last.type !== type || last.path !== path || last.zxid !== this.#zxid) {
      last.type = type;
      last.path = path;
      last.zxid = this.#zxid;
      last.frame = notification(type, path, this.#zxid);
    }
    return last.frame;
  }

  #count(type: EventType): void {
    const { basic } = this.#metrics;
    if (type === EventType.nodeCreated) basic.node_created_watch_count.add(1);
    else if (type === EventType.nodeDeleted) basic.node_deleted_watch_count.add(1);
    else if (type === EventType.nodeDataChanged) basic.node_changed_watch_count.add(1);
    else basic.node_children_watch_count.add(1);
  }
}
