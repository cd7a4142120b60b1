import type { ACL, StatPersisted } from './records/data.ts';
import type { SessionId, Zxid } from './zxid.ts';

/** One znode of an image. */
export interface ImageNode {
  /** The root's path is the empty string. */
  path: string;
  data: Buffer | null;
  /** Key into the image's ACL table; −1 is world:anyone with all permissions, and in no table. */
  aclId: bigint;
  stat: StatPersisted;
  /** Only in captures and sources: what there is directly below, without looking at it. */
  children?: ChildrenSummary;
}

/** Enough to tell whether a set of children is complete. */
export interface ChildrenSummary {
  readonly count: number;
  /** Of their paths, in no particular order, as a signed 32-bit number. Whoever made it knows how. */
  readonly hash: number;
}

/** What the znodes of a tree add up to. */
export interface ImageTotals {
  /** The root counted once. */
  readonly nodes: number;
  /** Path lengths in UTF-16 units and data lengths. */
  readonly dataSize: number;
  /** Znodes with an ephemeralOwner: ephemerals, containers, TTL znodes. */
  readonly owned: number;
}

/**
 * The znodes of an exact image, to be had one by one: for a tree that is used before it has been read. What it hands out
 * is as of the image, or as of a later capture of the very tree that reads it; data are views until the next call.
 *
 * Whatever is found damaged is reported by the source itself, and thrown.
 */
export interface ImageSource {
  readonly totals: ImageTotals;
  /** @returns null when there is no such znode, or when damage hides it: {@link childrenOf} can tell */
  find(path: string): ImageNode | null;
  /** In one go: nothing else may be asked of the source meanwhile. */
  childrenOf(path: string): Iterable<ImageNode>;
  /** Paths of the znodes with an ephemeralOwner. */
  owned(): Iterable<string>;
  /** All znodes, parents before children. May be iterated slowly, while other things are asked. */
  nodes(): Iterable<ImageNode>;
  /** Whether {@link nodes} comes to the one path before the other. */
  precedes(one: string, other: string): boolean;
  /** What was handed out does not add up: reports it. @returns what is to be thrown */
  damaged(reason: string): Error;
  /** Nothing more is asked. */
  close(): void;
}

/**
 * The whole tree as records: what snapshot files and SNAP share. Nodes are in preorder (parents before children) and
 * may be produced while the tree goes on changing: an image is fuzzy, replaying the log over it makes it exact.
 */
export interface Image {
  /** What had been applied when the image was begun. */
  zxid: Zxid;
  sessions: Iterable<{ id: SessionId; timeOut: number }>;
  acls: Iterable<{ id: bigint; acl: ACL[] }>;
  nodes: Iterable<ImageNode>;
  /** The tree's digest at a zxid; travels in snapshot files only. */
  digest?: { zxid: Zxid; version: number; value: bigint };
  /** Names this very state, for a tree made from this image: what {@link Image.capture} may be relative to later. */
  mark?: object;
  /** The same znodes again, for whoever does not want to read them all first. */
  source?: ImageSource;
  /**
   * Takes the difference between the state named `since` and the tree as it is now. The whole tree when `since` is
   * null, or not the state that this tree was made from or last captured at. One capture at a time.
   */
  capture?(since: object | null): Capture;
}

/**
 * The tree at one zxid, exactly, as a difference: what is changed while `nodes` are being iterated comes as it was.
 * Costs nothing but the copies of what is in fact changed meanwhile.
 */
export interface Capture {
  readonly zxid: Zxid;
  /** Names the captured state: what the next capture may be relative to. */
  readonly mark: object;
  /** Nothing from before is left: `nodes`, `acls` and `sessions` are all there are. */
  readonly isWhole: boolean;
  /** Of the whole tree; null where nobody has counted. */
  readonly totals: ImageTotals | null;
  readonly sessionCount: number | null;
  readonly aclCount: number | null;
  readonly digest: Image['digest'];
  /** `timeOut` null: the session is gone. */
  readonly sessions: Iterable<{ id: SessionId; timeOut: number | null }>;
  /** `acl` null: nobody uses the list any more. */
  readonly acls: Iterable<{ id: bigint; acl: readonly ACL[] | null }>;
  /** Paths of znodes that are gone, to be forgotten before `nodes` are entered: some may be there again. */
  readonly removed: Iterable<string>;
  /** What has been added or changed, in no particular order. To be iterated once. */
  readonly nodes: Iterable<ImageNode>;
  /** It can be read again from `source`, as it is on disk. Called at most once, and before {@link release}. */
  committed?(source: ImageSource): void;
  /** Gives up what has not been iterated, or is not {@link committed}. */
  release(): void;
}

/** Is told what an image holds, in its order. */
export interface ImageVisitor {
  onSession(id: SessionId, timeOut: number): void;
  onAcl(id: bigint, acl: ACL[]): void;
  /** `node.data` may be a view of the bytes being read: copy what is kept. */
  onNode(node: ImageNode): void;
}

/** A visitor that makes something of what it is shown. */
export interface ImageBuilder<I> extends ImageVisitor {
  /** Called once, after the last node. */
  finish(): I;
}

/** An image held in memory, its data copied. */
export interface CollectedImage extends Image {
  sessions: { id: SessionId; timeOut: number }[];
  acls: { id: bigint; acl: ACL[] }[];
  nodes: ImageNode[];
}

/** Collects an image in arrays. For a large tree, give the reader a builder that makes the tree itself. */
export function collectImage(zxid: Zxid): ImageBuilder<CollectedImage> {
  const image: CollectedImage = { zxid, sessions: [], acls: [], nodes: [] };
  return {
    onSession: (id, timeOut) => void image.sessions.push({ id, timeOut }),
    onAcl: (id, acl) => void image.acls.push({ id, acl }),
    onNode: (node) => void image.nodes.push({ ...node, data: node.data && Buffer.from(node.data) }),
    finish: () => image,
  };
}
