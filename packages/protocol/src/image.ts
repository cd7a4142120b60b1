import { JuteError, Reader, Writer } from '@zk/jute';
import { ByteQueue, Extent } from './byte-queue.ts';
import { ACL, StatPersisted } from './records/data.ts';
import { asSessionId } from './zxid.ts';
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
  /** All has been read once. Single znodes may still be asked for, now or much later. */
  idle(): void;
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

/** The default limit of one string, buffer or data field: Apache's jute.maxbuffer plus as much extra (quorum.md 0). */
export const DEFAULT_MAX_FIELD_BYTES = 2 * 0xfffff;

const CHUNK_BYTES = 64 * 1024;
const END_OF_NODES = '/';
const STAT_BYTES = 60;

/**
 * Encodes sessions, ACL table, nodes and the end marker `"/"`, in chunks of about 64 KiB: the body both of a snapshot
 * file (without header and seal) and of SNAP (without `BenWasHere`). Sessions and ACLs are taken when the first chunk
 * is asked for, nodes one by one as the chunks are. Layout: quorum.md 8.6, storage.md 3.1.
 */
export function* encodeImage(image: Image): Iterable<Buffer> {
  const writer = new Writer(CHUNK_BYTES + 4096);
  const sessions = [...image.sessions]; // the count comes first
  writer.int(sessions.length);
  for (const { id, timeOut } of sessions) {
    writer.long(id);
    writer.int(timeOut);
    if (writer.length >= CHUNK_BYTES) yield flush(writer);
  }
  const acls = [...image.acls];
  writer.int(acls.length);
  for (const { id, acl } of acls) {
    writer.long(id);
    writer.int(acl.length);
    for (const entry of acl) ACL.write(writer, entry);
    if (writer.length >= CHUNK_BYTES) yield flush(writer);
  }
  for (const node of image.nodes) {
    writeNode(writer, node);
    if (writer.length >= CHUNK_BYTES) yield flush(writer);
  }
  writer.ustring(END_OF_NODES);
  yield flush(writer);
}

function writeNode(writer: Writer, node: ImageNode): void {
  writer.ustring(node.path);
  writer.buffer(node.data);
  writer.long(node.aclId);
  StatPersisted.write(writer, node.stat);
}

function flush(writer: Writer): Buffer {
  const chunk = writer.finish();
  writer.reset();
  return chunk;
}

/** Is told what an image holds, in its order. */
export interface ImageVisitor {
  onSession(id: SessionId, timeOut: number): void;
  onAcl(id: bigint, acl: ACL[]): void;
  /** `node.data` may be a view of the bytes being read: copy what is kept. */
  onNode(node: ImageNode): void;
}

type Phase = 'sessionCount' | 'sessions' | 'aclCount' | 'acls' | 'nodes' | 'done';

/** The inverse of encodeImage() for bytes that arrive in any pieces: holds no more than one record of them. */
export class ImageReader {
  readonly #visitor: ImageVisitor;
  readonly #limit: number;
  readonly #queue = new ByteQueue();
  #phase: Phase = 'sessionCount';
  #left = 0; // sessions or ACLs still to come

  /** @param maxFieldBytes the longest path, data or ACL string that is accepted */
  constructor(visitor: ImageVisitor, maxFieldBytes = DEFAULT_MAX_FIELD_BYTES) {
    this.#visitor = visitor;
    this.#limit = maxFieldBytes;
  }

  /** Whether the end marker has been read. */
  get done(): boolean {
    return this.#phase === 'done';
  }

  /**
   * Reads on. The chunk must not be changed afterwards until the next push.
   * @returns whether the image is complete; then takeRest() has what came behind it
   * @throws JuteError when the bytes are no image
   */
  push(chunk: Buffer): boolean {
    this.#queue.push(chunk);
    while (!this.done && this.#readOne()) continue;
    return this.done;
  }

  /** The bytes behind the image. */
  takeRest(): Buffer {
    return this.#queue.takeAll();
  }

  /** Reads one record and returns true, or false when it has not fully arrived. */
  #readOne(): boolean {
    switch (this.#phase) {
      case 'sessionCount':
        return this.#readCount('sessions', 'sessionCount');
      case 'sessions':
        return this.#left === 0 ? this.#enter('aclCount') : this.#readSession();
      case 'aclCount':
        return this.#readCount('acls', 'aclCount');
      case 'acls':
        return this.#left === 0 ? this.#enter('nodes') : this.#readAcl();
      case 'nodes':
        return this.#readNode();
      case 'done':
        return false;
    }
  }

  #enter(phase: Phase): boolean {
    this.#phase = phase;
    return true;
  }

  #readCount(next: Phase, what: string): boolean {
    const reader = this.#take(4);
    if (!reader) return false;
    this.#left = reader.int();
    if (this.#left < 0) throw new JuteError(`Image.${what}`, `is ${this.#left}`);
    return this.#enter(next);
  }

  #readSession(): boolean {
    const reader = this.#take(12);
    if (!reader) return false;
    this.#left--;
    this.#visitor.onSession(asSessionId(reader.long()), reader.int());
    return true;
  }

  #readAcl(): boolean {
    const extent = new Extent(this.#queue, 'Image.acl', this.#limit);
    const entry = (): boolean => extent.fixed(4) && extent.counted('scheme') && extent.counted('id');
    const reader = extent.fixed(8) && extent.repeated(entry) ? this.#take(extent.size) : null;
    if (!reader) return false;
    this.#left--;
    const id = reader.long();
    const count = reader.int();
    if (count < 0) throw new JuteError('Image.acl', `${id} has no list`);
    this.#visitor.onAcl(id, Array.from({ length: count }, () => ACL.read(reader)));
    return true;
  }

  #readNode(): boolean {
    const extent = new Extent(this.#queue, 'Image.node', this.#limit);
    if (!extent.counted('path')) return false;
    if (this.#isEndMarker()) {
      this.#queue.drop(5);
      return this.#enter('done');
    }
    const reader = extent.counted('data') && extent.fixed(8 + STAT_BYTES) ? this.#take(extent.size) : null;
    if (!reader) return false;
    this.#visitor.onNode({ path: reader.string(), data: reader.buffer(), aclId: reader.long(), stat: StatPersisted.read(reader) });
    return true;
  }

  #isEndMarker(): boolean {
    const bytes = this.#queue.front(5);
    return bytes !== null && bytes.readInt32BE(0) === 1 && bytes[4] === END_OF_NODES.charCodeAt(0);
  }

  #take(size: number): Reader | null {
    const bytes = this.#queue.front(size);
    if (!bytes) return null;
    this.#queue.drop(size);
    return new Reader(bytes, 0, size);
  }
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
