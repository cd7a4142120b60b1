import type { Capture, Image, ImageNode, ImageSource, ImageTotals, Zxid } from '@zk/protocol';
import { DataTree } from '../src/index.ts';
import { options } from './txns.ts';

type Session = Image['sessions'] extends Iterable<infer S> ? S : never;
type AclList = Image['acls'] extends Iterable<infer A> ? A : never;

/** What a checkpoint on disk is: the captures entered one after the other, each of them at once. */
export class Checkpoint {
  #sessions = new Map<bigint, Session>();
  #acls = new Map<bigint, AclList>();
  nodes = new Map<string, ImageNode>();
  mark: object | null = null;
  totals: ImageTotals | null = null;
  #zxid = 0n as Zxid;
  #digest: Image['digest'];

  /** `between` runs before each znode is taken: the tree may change then, and read what was there before. */
  enter(capture: Capture, between: () => void = () => {}): void {
    const [sessions, acls, nodes] = capture.isWhole ? [new Map(), new Map(), new Map()] : [new Map(this.#sessions), new Map(this.#acls), new Map(this.nodes)];
    for (const { id, timeOut } of capture.sessions) {
      if (timeOut === null) sessions.delete(id);
      else sessions.set(id, { id, timeOut });
    }
    for (const { id, acl } of capture.acls) {
      if (acl === null) acls.delete(id);
      else acls.set(id, { id, acl: [...acl] });
    }
    for (const path of capture.removed) nodes.delete(path);
    between();
    for (const node of capture.nodes) {
      nodes.set(node.path, node);
      between();
    }
    [this.#sessions, this.#acls, this.nodes] = [sessions, acls, nodes];
    ({ mark: this.mark, totals: this.totals, zxid: this.#zxid, digest: this.#digest } = capture);
    capture.committed?.(new Source(this));
    capture.release();
  }

  /** To be read whole. */
  get image(): Image {
    const { mark } = this;
    return { zxid: this.#zxid, digest: this.#digest, sessions: [...this.#sessions.values()], acls: [...this.#acls.values()], nodes: this.sorted(), ...(mark && { mark }) };
  }

  get tree(): DataTree {
    return DataTree.fromImage(this.image, options);
  }

  /** A tree that reads through to this checkpoint, also to what is entered later. */
  restart(cacheBytes = 0): { tree: DataTree; source: Source } {
    const source = new Source(this);
    return { tree: DataTree.fromImage({ ...this.image, nodes: [], source }, { ...options, cacheBytes }), source };
  }

  sorted(): ImageNode[] {
    return [...this.nodes.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
  }
}

export class Source implements ImageSource {
  readonly totals: ImageTotals;
  readonly #checkpoint: Checkpoint;
  isClosed = false;
  /** Lookups that damage answers with nothing. */
  readonly hidden = new Set<string>();

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
    if (!checkpoint.totals) throw new Error('nothing was entered');
    this.totals = checkpoint.totals;
  }

  find(path: string): ImageNode | null {
    return this.hidden.has(path) ? null : (this.#nodes.get(path) ?? null);
  }

  *childrenOf(path: string): Generator<ImageNode> {
    for (const node of this.#visible()) if (node.path !== '' && node.path.slice(0, node.path.lastIndexOf('/')) === path) yield node;
  }

  *owned(): Generator<string> {
    for (const { path, stat } of this.#visible()) if (stat.ephemeralOwner !== 0n) yield path;
  }

  /** Slowly: each one is looked for when its turn comes. */
  *nodes(): Generator<ImageNode> {
    for (let last: string | null = null; ; ) {
      const next = this.#visible().find(({ path }) => last === null || path > last);
      if (!next) return;
      yield next;
      last = next.path;
    }
  }

  precedes(one: string, other: string): boolean {
    return one < other;
  }

  damaged(reason: string): Error {
    return new Error(`damaged: ${reason}`);
  }

  close(): void {
    this.isClosed = true;
  }

  get #nodes(): Map<string, ImageNode> {
    if (this.isClosed) throw new Error('a closed source is asked');
    return this.#checkpoint.nodes;
  }

  #visible(): ImageNode[] {
    if (this.isClosed) throw new Error('a closed source is asked');
    return this.#checkpoint.sorted().filter(({ path }) => !this.hidden.has(path));
  }
}

export function capture(tree: DataTree, since: object | null): Capture {
  const taken = tree.image().capture?.(since);
  if (!taken) throw new Error('a tree can be captured');
  return taken;
}
