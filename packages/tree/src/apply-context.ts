import type { SessionId } from '@zk/protocol';
import type { Change } from './outcome.ts';
import { STAT_LENGTH } from './znode-layout.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znodes } from './znodes.ts';

const NO_CHANGES: readonly Change[] = [];

/** What txns are applied to, and where the changes of the one being applied go. */
export class ApplyContext {
  readonly znodes: Znodes;
  readonly sessions: Map<SessionId, number>;
  /** Of a multi: a later operation may change the same znode, so that each needs a Stat of its own. */
  keepsStats = false;
  readonly #stat = Buffer.alloc(STAT_LENGTH);
  readonly #statView = new DataView(this.#stat.buffer, this.#stat.byteOffset, STAT_LENGTH);
  #changes: Change[] | null = null;

  constructor(znodes: Znodes, sessions: Map<SessionId, number>) {
    this.znodes = znodes;
    this.sessions = sessions;
  }

  changed(change: Change): void {
    if (this.#changes === null) this.#changes = [change]; // most txns change one znode
    else this.#changes.push(change);
  }

  /** What has changed since the last call, in order. */
  takeChanges(): readonly Change[] {
    const changes = this.#changes;
    this.#changes = null;
    return changes ?? NO_CHANGES;
  }

  /** The znode's Stat as it is now; unless {@link keepsStats}, in memory that the next one uses again. */
  statOf(node: ZnodeRecord): Buffer {
    if (this.keepsStats) return node.statBytes();
    node.copyStat(this.#statView, 0);
    return this.#stat;
  }
}
