import type { Image, ImageNode, ImageSource } from '@zk/protocol';
import type { CacheBound } from './cache-bound.ts';
import { DIGEST_VERSION, TreeDigest } from './digest.ts';
import { SourceBacking } from './source-backing.ts';
import type { ZnodeRecord } from './znode-record.ts';
import type { Znodes } from './znodes.ts';

/** An image that a tree can be used from before it has been read: its sums are known. */
export type ReadableImage = Image & { readonly source: ImageSource };

/** @param needsDigest whether the tree keeps a digest: it must then be known as well */
export function isReadable(image: Image, needsDigest: boolean): image is ReadableImage {
  return image.source !== undefined && (!needsDigest || image.digest?.version === DIGEST_VERSION);
}

/** So much data costs as much as a znode without any. */
const BYTES_LIKE_A_ZNODE = 4096;

/**
 * The znodes of an exact image that are not in memory yet. What is asked for is read, and so is, little by little,
 * everything else ({@link readSome}); then the source is let go.
 *
 * A znode that was never read has never been changed. So what the source has is right as long as it is neither in
 * memory nor deleted, also when the source has moved on to a later capture of this tree.
 *
 * The source may be damaged in ways that hide znodes. So a znode is believed not to exist only after all children of
 * its parent have been read, and are as many, with the names, as the parent says; and when everything has been read, it
 * must add up to what the image says.
 *
 * With a bound for the memory of znodes, what comes when that is full is read and counted like the rest, and forgotten.
 */
export class ReadThrough extends SourceBacking {
  readonly #rest: Iterator<ImageNode>;
  readonly #bound: CacheBound | null;
  /** How far {@link readSome} has come. */
  #reached = '';
  /** Read, counted, and not in memory. */
  #passedOver = 0;
  /** What the znodes add up to that have not been read. */
  #count: number;
  #dataSize: number;
  readonly #digest = new TreeDigest();

  /** Puts the image behind the table, which is empty, and reads what a tree has to have in memory from the beginning. */
  static begin(znodes: Znodes, { source, acls, digest }: ReadableImage, bound: CacheBound | null): ReadThrough {
    for (const { id, acl } of acls) znodes.acls.load(Number(id), acl);
    znodes.acls.pin();
    znodes.dataSize = source.totals.dataSize;
    znodes.ownedCount = source.totals.owned;
    if (znodes.digestEnabled && digest) znodes.digest.setValue(digest.value);
    const reading = new ReadThrough(znodes, source, bound);
    znodes.table.backing = reading;
    reading.#readRoot();
    reading.#readOwned();
    znodes.quotas.find();
    return reading;
  }

  private constructor(znodes: Znodes, source: ImageSource, bound: CacheBound | null) {
    super(znodes, source);
    this.#bound = bound;
    this.#rest = source.nodes()[Symbol.iterator]();
    this.#count = source.totals.nodes;
    this.#dataSize = source.totals.dataSize;
    this.#digest.set(znodes.digest);
  }

  get count(): number {
    return this.#count + this.#passedOver;
  }

  /** Reads on, up to so many znodes, or fewer large ones; nothing is left to do when the table has no backing any more. */
  readSome(limit: number): void {
    for (let left = limit; left > 0 && this.isInUse; ) {
      const { value: node, done } = this.#rest.next();
      if (done) throw this.source.damaged(`${this.#count} znodes are missing`);
      left -= 1 + (node.data?.length ?? 0) / BYTES_LIKE_A_ZNODE;
      if (this.isMissing(node.path)) {
        if (this.#bound?.isFull) this.#passOver(node);
        else this.enterInOrder(node);
      }
      this.#reached = node.path;
    }
  }

  /** Damage may have hidden it: only with all its siblings in memory, it is known whether it exists. */
  protected override notFound(path: string, parent: ZnodeRecord): ZnodeRecord | undefined {
    this.know(parent);
    return this.znodes.table.getLoaded(path);
  }

  protected override enter(node: ImageNode, parent: ZnodeRecord | null): ZnodeRecord {
    const wasSeen = this.#passedOver > 0 && !this.source.precedes(this.#reached, node.path);
    const record = this.load(node, parent, wasSeen);
    if (wasSeen) this.#passedOver -= 1;
    else this.#counted(node.path.length + record.dataLength, record.digest);
    return record;
  }

  #readRoot(): void {
    const root = this.source.find('');
    if (!root) throw this.source.damaged('there is no root');
    this.enter(root, null);
  }

  #readOwned(): void {
    let owned = 0;
    for (const path of this.source.owned()) {
      owned += 1;
      const hasOwner = this.znodes.get(path)?.hasOwner ?? false;
      if (!hasOwner) throw this.source.damaged(`${path} is not the ephemeral, container or TTL znode it should be`);
      if (!this.isInUse) return; // these were the last ones
    }
    if (owned !== this.source.totals.owned) throw this.source.damaged(`${owned} ephemerals, containers and TTL znodes of ${this.source.totals.owned}`);
  }

  /** As if it had been in memory, and not been needed there any more. */
  #passOver(node: ImageNode): void {
    const record = this.load(node, null, false);
    if (record.hasOwner) throw this.source.damaged(`${node.path} is an ephemeral, container or TTL znode, and not listed as one`);
    const { dataLength, digest } = record;
    this.znodes.table.forget(record);
    this.#passedOver += 1;
    this.#counted(node.path.length + dataLength, digest);
  }

  #counted(size: number, digest: number): void {
    this.#count -= 1;
    this.#dataSize -= size;
    this.#digest.subtract(digest);
    if (this.#count === 0) this.#end();
  }

  #end(): void {
    const addsUp = this.#dataSize === 0 && (!this.znodes.digestEnabled || this.#digest.value === 0n);
    if (!addsUp) throw this.source.damaged('the znodes do not add up to the digest and the size of the tree');
    this.znodes.table.backing = null;
    this.znodes.acls.unpin();
    if (this.#bound) this.#bound.begin(this.source, this.#passedOver, this.deleted);
    else this.source.close();
  }
}
