import {
  OpCode,
  READ_ACL,
  type Capture,
  type Image,
  type ImageBuilder,
  type SessionId,
  type StatPersisted,
  type Txn,
  type Zxid,
} from '@zk/protocol';
import { OPEN_ACL_ID } from './acl-table.ts';
import { ApplyContext } from './apply-context.ts';
import { applyMulti, applyOp, deleteEphemerals } from './apply.ts';
import { CacheBound } from './cache-bound.ts';
import { ChangeTracker } from './change-tracker.ts';
import { DigestCheck } from './digest-check.ts';
import { DIGEST_VERSION, type TreeDigest } from './digest.ts';
import { Outcome, type Change, type OpOutcome, type DigestMismatch } from './outcome.ts';
import type { OwnerRules } from './owner-rules.ts';
import type { Quota } from './quota.ts';
import { completeImage, imageNodes, loadImage, loadNode, requireRoot } from './tree-image.ts';
import { isReadable, ReadThrough, type ReadableImage } from './read-through.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znode } from './znode.ts';
import { Znodes } from './znodes.ts';

export interface TreeOptions extends OwnerRules {
  /** `zookeeper.digest.enabled`: keep the tree digest and compare it with the txns'. */
  digest: boolean;
  /** The most that znodes may take in memory while a checkpoint has them, in bytes; 0: no bound. */
  cacheBytes: number;
}

const DEFAULTS: TreeOptions = { digest: true, cacheBytes: 0, extendedTypes: false, emulate353TTL: false };

const CONFIG_PATH = '/zookeeper/config';
const EMPTY = Buffer.alloc(0);
const INITIAL_STAT: StatPersisted = {
  czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, pzxid: 0n,
};

/**
 * State: what the txns so far add up to. Applying a txn is the same at run time and in recovery, and applying txns
 * that a fuzzy image already contains leads to the same state as applying them once (storage.md 4.4).
 * Whatever buffers a txn or an image brings are copied.
 */
export class DataTree {
  /** The highest zxid applied; a multi counts when it is complete. */
  lastZxid = 0n as Zxid;
  /** The global sessions and their timeouts in ms. */
  readonly sessions = new Map<SessionId, number>();
  /** Set when the image this tree was made from claimed to be exact and its digest was another. */
  readonly imageMismatch: DigestMismatch | undefined;
  readonly #znodes: Znodes;
  readonly #context: ApplyContext;
  readonly #digests: DigestCheck;
  readonly #bound: CacheBound | null;
  #reading: ReadThrough | null = null;

  /** A new database with the four znodes of client.md 2.3; {@link fromImage} and {@link builder} for another beginning. */
  constructor(options: Partial<TreeOptions> = {}, image?: Image | 'arrives') {
    const all = { ...DEFAULTS, ...options };
    this.#znodes = new Znodes(all, all.digest);
    this.#bound = all.cacheBytes > 0 ? new CacheBound(this.#znodes, all.cacheBytes) : null;
    this.#context = new ApplyContext(this.#znodes, this.sessions);
    this.#digests = new DigestCheck(this.#znodes.digest, all.digest);
    if (image === undefined) this.#loadInitialNodes();
    else if (image !== 'arrives') this.imageMismatch = this.#load(image);
  }

  /**
   * An image with a source is not read now, but when it is asked for and by {@link readMore}; damage found then is thrown
   * by whatever found it.
   * @throws Error when a znode comes before its parent, or there is no root
   */
  static fromImage(image: Image, options: Partial<TreeOptions> = {}): DataTree {
    return new DataTree(options, image);
  }

  /**
   * Makes a tree of an image while it arrives (SNAP), holding nothing twice. What it is shown throws Error when a znode
   * comes before its parent, or there is no root.
   */
  static builder(zxid: Zxid, options: Partial<TreeOptions> = {}): ImageBuilder<DataTree> {
    const tree = new DataTree(options, 'arrives');
    return {
      onSession: (id, timeOut) => void tree.sessions.set(id, timeOut),
      onAcl: (id, acl) => tree.#znodes.acls.load(Number(id), acl),
      onNode: (node) => loadNode(tree.#znodes, node),
      finish: () => {
        requireRoot(tree.#znodes);
        tree.#complete({ zxid });
        return tree;
      },
    };
  }

  /** Sum of the node digests modulo 2^64; 0 when digests are off. */
  get digest(): bigint {
    return this.#znodes.digest.value;
  }

  /** Whether the txns applied so far may not yet have made a fuzzy image exact. */
  get fuzzy(): boolean {
    return this.#digests.fuzzy;
  }

  /** Makes `target` the same. */
  copyDigest(target: TreeDigest): void {
    target.set(this.#znodes.digest);
  }

  /** Whether some znodes are still where the image has them, and have not been looked at. */
  get isReading(): boolean {
    return this.#reading !== null && this.#znodes.table.backing === this.#reading;
  }

  /** Znodes in memory: all of them, unless they are still being read, or bounded. */
  get cachedCount(): number {
    return this.#znodes.table.count - (this.#znodes.table.backing?.count ?? 0);
  }

  /** Whether znodes take more memory than they may, and {@link evictSome} may help. */
  get isOverfull(): boolean {
    return this.#bound !== null && this.#bound.isExceeded;
  }

  /** Looks at so many znodes and lets go those of them that a checkpoint has. Only between two requests: no {@link Znode} may be in use. */
  evictSome(znodes: number): void {
    this.#bound?.sweep(znodes);
  }

  /** Reads up to so many more znodes of the image; nothing once {@link isReading} is false. */
  readMore(znodes: number): void {
    if (this.isReading) this.#reading?.readSome(znodes);
  }

  /** This tree has been replaced by another: lets go of its image. */
  close(): void {
    if (this.isReading) this.#reading?.close();
    this.#bound?.close();
  }

  /** Znodes, the root counted once (Apache's znode_count also counts the root's second name: one more). */
  get nodeCount(): number {
    return this.#znodes.table.count;
  }

  get ephemeralCount(): number {
    return this.#znodes.owners.ephemeralCount;
  }

  /** Path and data lengths added up; like Apache's it counts the root's second name, '/'. */
  get approximateDataSize(): number {
    return this.#znodes.dataSize + 1;
  }

  /** Applies a txn in one go. Errors end up in the outcome: no txn can stop a replay. */
  apply({ header, body, digest }: Txn): Outcome {
    const context = this.#context;
    context.keepsStats = body.type === OpCode.multi;
    const outcome = body.type === OpCode.multi ? multiOutcome(applyMulti(context, header, body.txns)) : applyOp(context, header, body);
    outcome.changes = context.takeChanges();
    if (header.zxid > this.lastZxid) this.lastZxid = header.zxid;
    const mismatch = this.#digests.applied(header.zxid, digest);
    if (mismatch) outcome.digestMismatch = mismatch;
    return outcome;
  }

  /** From here on every digest is compared: the caller knows that the image's fuzzy range has been replayed. */
  settle(): void {
    this.#digests.settle();
  }

  /** @param path '/' or '' for the root. The view is valid until the next {@link apply}. */
  node(path: string): Znode | undefined {
    return this.#znodes.get(path);
  }

  /** The same for a path as it lies in a frame (UTF-8): no string is made. */
  nodeAt(path: Buffer, start = 0, end = path.length): Znode | undefined {
    return this.#znodes.table.getByBytes(path, start, end);
  }

  /** The names of the children, in no particular order; none when there is no such znode. */
  children(path: string): string[] {
    const node = this.#znodes.get(path);
    return node ? this.#znodes.table.childNames(node) : [];
  }

  /** The number of all descendants; 0 when there is no such znode. */
  allChildrenNumber(path: string): number {
    const { table } = this.#znodes;
    const node = table.get(path);
    if (node === undefined) return 0;
    if (node.path === '') return table.count - 1;
    const open = table.childIds(node);
    let count = 0;
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      count += 1;
      for (const child of table.childIds(table.byId(id))) open.push(child);
    }
    return count;
  }

  ephemeralsOf(session: SessionId): ReadonlySet<string> {
    return new Set(this.#paths(this.#znodes.owners.ephemeralsOf(session)));
  }

  /** The sessions that own at least one ephemeral. */
  ephemeralOwners(): Iterable<SessionId> {
    return this.#znodes.owners.owners;
  }

  containers(): Iterable<string> {
    return this.#paths(this.#znodes.owners.containers);
  }

  ttls(): Iterable<string> {
    return this.#paths(this.#znodes.owners.ttls);
  }

  /** The deepest limited path that is `path` or above it (client.md 2.11). */
  limitedAncestor(path: string): string | null {
    return this.#znodes.quotas.limitedAncestor(path);
  }

  /** Every quota there is, with its statistics. */
  quotas(): Quota[] {
    return this.#znodes.quotas.all();
  }

  /** @throws KeeperError MARSHALLINGERROR when the limits or statistics of this limited path cannot be read */
  quotaOf(limited: string): Quota | null {
    return this.#znodes.quotas.quotaOf(limited);
  }

  /**
   * The whole tree as records. Its parts are read when they are iterated, so the tree may change in between: the image
   * is then fuzzy. `digest` belongs to the moment it is read: read it after the nodes, for it tells how far they reach.
   */
  image(): Image {
    const tree = this;
    return {
      zxid: this.lastZxid,
      sessions: again(() => tree.#sessionRecords()),
      acls: again(() => tree.#znodes.acls[Symbol.iterator]()),
      nodes: again(() => imageNodes(tree.#znodes)),
      get digest() {
        return tree.#imageDigest();
      },
      capture: (since) => tree.#capture(since),
    };
  }

  /** Writes /zookeeper/config in memory: every member has its own, no txn says so (storage.md 4.5). */
  setConfig(text: string, version: bigint, time: bigint): void {
    const node = this.#znodes.get(CONFIG_PATH) ?? this.#addConfigNode();
    this.#znodes.setData(node, CONFIG_PATH, Buffer.from(text), -1, version, time);
  }

  /**
   * Deletes the ephemerals of sessions that are in no session table, without a txn (storage.md 4.5). Only for the
   * leader and standalone, after recovery.
   */
  killOrphans(): readonly Change[] {
    for (const session of [...this.ephemeralOwners()]) {
      if (!this.sessions.has(session)) deleteEphemerals(this.#context, session, this.lastZxid);
    }
    return this.#context.takeChanges();
  }

  #capture(since: object | null): Capture {
    const tracker = this.#znodes.changes ?? this.#trackChanges(null);
    if (!tracker.isNamed(since)) this.#readAll(); // what is written has to be all there is
    const capture = tracker.capture(since, this.lastZxid, this.#imageDigest());
    return this.#bound ? this.#bound.follow(capture, tracker) : capture;
  }

  #readAll(): void {
    this.readMore(Infinity);
    this.#bound?.readAll();
  }

  /** From here on, and not before: trees that nobody asks pay nothing. */
  #trackChanges(mark: object | null): ChangeTracker {
    const tracker = new ChangeTracker(this.#znodes, this.sessions, mark, this.#bound !== null);
    this.#znodes.changes = tracker;
    return tracker;
  }

  #imageDigest(): Image['digest'] {
    return this.#znodes.digestEnabled ? { zxid: this.lastZxid, version: DIGEST_VERSION, value: this.digest } : undefined;
  }

  #load(image: Image): DigestMismatch | undefined {
    for (const { id, timeOut } of image.sessions) this.sessions.set(id, timeOut);
    if (isReadable(image, this.#znodes.digestEnabled)) return this.#readThrough(image);
    loadImage(this.#znodes, image);
    if (image.mark) this.#trackChanges(image.mark);
    return this.#complete(image);
  }

  #readThrough(image: ReadableImage): DigestMismatch | undefined {
    this.#reading = ReadThrough.begin(this.#znodes, image, image.mark ? this.#bound : null);
    if (image.mark) this.#trackChanges(image.mark);
    this.lastZxid = image.zxid;
    return this.#digests.loaded(image);
  }

  #complete(image: Pick<Image, 'zxid' | 'digest'>): DigestMismatch | undefined {
    this.lastZxid = image.zxid;
    completeImage(this.#znodes);
    return this.#digests.loaded(image);
  }

  #loadInitialNodes(): void {
    const root = this.#znodes.load('', null, EMPTY, OPEN_ACL_ID, INITIAL_STAT);
    const zookeeper = this.#znodes.load('/zookeeper', root, EMPTY, OPEN_ACL_ID, INITIAL_STAT);
    this.#znodes.load('/zookeeper/quota', zookeeper, EMPTY, OPEN_ACL_ID, INITIAL_STAT);
    this.#addConfigNode();
  }

  /** Also for trees from before 3.5, which have none. Its ACL was "set" once: the aversion is −1. */
  #addConfigNode(): ZnodeRecord {
    const zookeeper = this.#znodes.get('/zookeeper') ?? null;
    const node = this.#znodes.load(CONFIG_PATH, zookeeper, EMPTY, OPEN_ACL_ID, INITIAL_STAT);
    this.#znodes.setAcl(node, CONFIG_PATH, READ_ACL, -1);
    return node;
  }

  *#sessionRecords(): Generator<{ id: SessionId; timeOut: number }> {
    for (const [id, timeOut] of this.sessions) yield { id, timeOut };
  }

  *#paths(ids: Iterable<number>): Generator<string> {
    for (const id of ids) yield this.#znodes.table.byId(id).path;
  }
}

function multiOutcome(results: readonly OpOutcome[]): Outcome {
  const err = results.find((result) => result.err !== 0)?.err ?? 0;
  return new Outcome(OpCode.multi, err, null, null, results);
}

/** An iterable that starts anew each time. */
function again<T>(start: () => Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: start };
}
