import { invariant, type ACL, type Capture, type Image, type ImageNode, type SessionId, type Zxid } from '@zk/protocol';
import { capturedNode } from './tree-image.ts';
import * as at from './znode-layout.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znodes } from './znodes.ts';

/** What has changed since the state that `mark` names. */
interface Changes {
  /** Ids of znodes, some of them gone or given to another znode since; their mark in FLAGS tells. */
  readonly ids: number[];
  readonly removed: string[];
  readonly acls: Map<number, readonly ACL[] | null>;
  readonly sessions: Set<SessionId>;
}

/** What a capture has taken along, for as long as it may still be given up. */
interface Taken {
  readonly since: object | null;
  readonly changes: Changes;
}

/** A capture whose znodes have not all been taken yet. */
interface Running {
  /** The flag of {@link Running.isDue}. */
  readonly flag: number;
  /** Whether this znode still has to be taken as it is, before it changes. */
  isDue(node: ZnodeRecord): boolean;
  /** It has been taken, or was not there when the capture began. */
  settle(node: ZnodeRecord): void;
  /** As they were, taken before a change. */
  readonly saved: ImageNode[];
}

const noChanges = (): Changes => ({ ids: [], removed: [], acls: new Map(), sessions: new Set() });

/**
 * Remembers which znodes, ACL lists and sessions have changed, and hands them out as of one zxid while they go on
 * changing: a znode that is due in the running capture is copied just before its next change.
 *
 * Two flags of each record take turns. One marks what has changed since the last capture began; the other belongs to
 * the running capture. A capture therefore begins without touching a single znode.
 */
export class ChangeTracker {
  readonly #znodes: Znodes;
  readonly #sessions: ReadonlyMap<SessionId, number>;
  #mark: object | null;
  #flag = at.CHANGED;
  #changes = noChanges();
  #running: Running | null = null;
  readonly #keepsTaken: boolean;
  #taken: Taken | null = null;

  /**
   * @param mark names the state that the znodes have now
   * @param keepsTaken whether {@link takeBack} may be called
   */
  constructor(znodes: Znodes, sessions: ReadonlyMap<SessionId, number>, mark: object | null, keepsTaken = false) {
    this.#keepsTaken = keepsTaken;
    this.#znodes = znodes;
    this.#sessions = sessions;
    this.#mark = mark;
    znodes.acls.onChange = (id, acl) => this.#changes.acls.set(id, acl);
  }

  /** To be called before every change of what an image has of a znode. */
  touch(node: ZnodeRecord): void {
    const running = this.#running;
    if (running !== null && running.isDue(node)) {
      running.saved.push(capturedNode(node));
      running.settle(node);
    }
    this.#markChanged(node);
  }

  /** To be called with a new znode. */
  created(node: ZnodeRecord): void {
    const running = this.#running;
    if (running !== null && running.isDue(node)) running.settle(node);
    this.#markChanged(node);
  }

  /** To be called before a znode is removed. */
  removing(node: ZnodeRecord, path: string): void {
    const parent = this.#znodes.table.parentOf(node);
    if (parent) this.touch(parent); // it will have a child less
    this.touch(node);
    this.#changes.removed.push(path);
  }

  session(id: SessionId): void {
    this.#changes.sessions.add(id);
  }

  /** Paths that have been removed since the last capture began. */
  get removed(): readonly string[] {
    return this.#changes.removed;
  }

  /** Whether a capture relative to `since` is not of the whole tree. */
  isNamed(since: object | null): boolean {
    return since !== null && since === this.#mark;
  }

  /** See Image.capture. */
  capture(since: object | null, zxid: Zxid, digest: Image['digest']): Capture {
    invariant(this.#running === null, 'one capture at a time');
    const changes = this.#changes;
    const isWhole = !this.isNamed(since);
    const parts = isWhole ? this.#beginWhole(changes) : this.#beginChanged(changes);
    this.#changes = noChanges();
    this.#taken = this.#keepsTaken && !isWhole ? { since, changes } : null;
    this.#mark = {};
    const { table, dataSize, ownedCount } = this.#znodes;
    const totals = { nodes: table.count, dataSize, owned: ownedCount };
    const counts = { sessionCount: this.#sessions.size, aclCount: this.#znodes.acls.size };
    return { zxid, digest, isWhole, totals, ...counts, mark: this.#mark, ...parts };
  }

  /** The last capture is where it can be named. */
  letGo(): void {
    this.#taken = null;
  }

  /** The last capture, which has been released, came to nothing: what it took is due again in the next one. */
  takeBack(): void {
    if (this.#taken === null) return; // it was whole, and so will be the next one
    const { since, changes } = this.#taken;
    const { removed, acls, sessions } = this.#changes;
    this.#taken = null;
    this.#mark = since;
    this.#changes = {
      ids: this.#changes.ids,
      removed: changes.removed.concat(removed),
      acls: new Map([...changes.acls, ...acls]),
      sessions: new Set([...changes.sessions, ...sessions]),
    };
    for (const id of changes.ids) {
      const node = this.#znodes.table.byId(id);
      if (hasFlag(node, at.IN_USE)) this.#markChanged(node); // also if it is another znode by now: that is once too often, no more
    }
  }

  #beginChanged({ ids, removed, acls, sessions }: Changes): CaptureParts {
    const flag = this.#flag;
    this.#flag = other(flag);
    const running: Running = {
      flag,
      isDue: (node) => hasFlag(node, flag),
      settle: (node) => clearFlag(node, flag),
      saved: [],
    };
    this.#running = running;
    const touched = Array.from(sessions, (id) => ({ id, timeOut: this.#sessions.get(id) ?? null }));
    return {
      sessions: touched,
      acls: Array.from(acls, ([id, acl]) => ({ id: BigInt(id), acl })),
      removed,
      nodes: { [Symbol.iterator]: () => this.#take(running, ids) },
      release: () => this.#release(running, ids),
    };
  }

  /** The other way round: every znode is due that the walk has not reached yet, unless it carries the flag. */
  #beginWhole({ ids }: Changes): CaptureParts {
    const { table, acls } = this.#znodes;
    for (const id of ids) clearFlag(table.byId(id), this.#flag);
    const flag = other(this.#flag);
    const walk = { next: 0, end: table.idLimit };
    const running: Running = {
      flag,
      isDue: (node) => node.id >= walk.next && node.id < walk.end && !hasFlag(node, flag),
      settle: (node) => setFlag(node, flag),
      saved: [],
    };
    this.#running = running;
    return {
      sessions: Array.from(this.#sessions, ([id, timeOut]) => ({ id, timeOut })),
      acls: [...acls],
      removed: [],
      nodes: { [Symbol.iterator]: () => this.#walk(running, walk) },
      release: () => this.#release(running, rangeOf(walk)),
    };
  }

  *#take(running: Running, ids: readonly number[]): Generator<ImageNode> {
    for (const id of ids) {
      const node = this.#znodes.table.byId(id);
      if (!running.isDue(node)) continue;
      running.settle(node);
      yield capturedNode(node);
    }
    this.#finish(running);
    yield* running.saved;
  }

  *#walk(running: Running, walk: { next: number; end: number }): Generator<ImageNode> {
    while (walk.next < walk.end) {
      const node = this.#znodes.table.byId(walk.next);
      const isDue = hasFlag(node, at.IN_USE) && running.isDue(node);
      walk.next += 1;
      clearFlag(node, running.flag);
      if (isDue) yield capturedNode(node);
    }
    this.#finish(running);
    yield* running.saved;
  }

  /** Every znode has been taken; from here on changes need no copies. */
  #finish(running: Running): void {
    if (this.#running === running) this.#running = null;
  }

  #release(running: Running, ids: Iterable<number>): void {
    if (this.#running !== running) return;
    for (const id of ids) clearFlag(this.#znodes.table.byId(id), running.flag);
    this.#running = null;
  }

  #markChanged(node: ZnodeRecord): void {
    if (hasFlag(node, this.#flag)) return;
    setFlag(node, this.#flag);
    this.#changes.ids.push(node.id);
  }
}

type CaptureParts = Pick<Capture, 'sessions' | 'acls' | 'removed' | 'nodes' | 'release'>;

const other = (flag: number): number => (flag === at.CHANGED ? at.CHANGED_TOO : at.CHANGED);

const flagsAt = (node: ZnodeRecord): number => node.base + at.FLAGS;
const hasFlag = (node: ZnodeRecord, flag: number): boolean => (node.view.getUint8(flagsAt(node)) & flag) !== 0;
const setFlag = (node: ZnodeRecord, flag: number): void => node.view.setUint8(flagsAt(node), node.view.getUint8(flagsAt(node)) | flag);
const clearFlag = (node: ZnodeRecord, flag: number): void => node.view.setUint8(flagsAt(node), node.view.getUint8(flagsAt(node)) & ~flag);

function* rangeOf({ next, end }: { next: number; end: number }): Iterable<number> {
  for (let id = next; id < end; id++) yield id;
}
