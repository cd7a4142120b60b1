import type { Image, TxnDigest } from '@zk/protocol';
import { DIGEST_VERSION, type TreeDigest } from './digest.ts';
import type { DigestMismatch } from './outcome.ts';

type ImageDigest = NonNullable<Image['digest']>;

/**
 * Decides when the tree's digest is comparable: not while a fuzzy image is being repaired by replay. An image that
 * says up to where it reaches is trusted from there on; one that does not (SNAP) from the first digest that matches,
 * or from {@link settle} on.
 */
export class DigestCheck {
  readonly #tree: TreeDigest;
  readonly #enabled: boolean;
  /** What ends the fuzzy range; null outside of it. */
  #fuzzyUntil: ImageDigest | 'match' | null = null;

  constructor(tree: TreeDigest, enabled: boolean) {
    this.#tree = tree;
    this.#enabled = enabled;
  }

  get fuzzy(): boolean {
    return this.#fuzzyUntil !== null;
  }

  /** @returns the mismatch of an image that claims to be exact */
  loaded(image: Pick<Image, 'zxid' | 'digest'>): DigestMismatch | undefined {
    const { digest } = image;
    const isKnown = digest !== undefined && (digest.zxid !== 0n || digest.value !== 0n); // 0, 0: a fresh database
    this.#fuzzyUntil = isKnown ? digest : 'match';
    return isKnown ? this.#reached(digest, image.zxid) : undefined;
  }

  settle(): void {
    this.#fuzzyUntil = null;
  }

  /** To be called after each txn. */
  applied(zxid: bigint, digest: TxnDigest | null): DigestMismatch | undefined {
    if (this.#fuzzyUntil === 'match') return this.#tryToMatch(digest);
    if (this.#fuzzyUntil !== null) return this.#reached(this.#fuzzyUntil, zxid);
    return digest ? this.#compare(digest.version, digest.treeDigest) : undefined;
  }

  #tryToMatch(digest: TxnDigest | null): undefined {
    const isMatch = digest?.version === DIGEST_VERSION && this.#compare(digest.version, digest.treeDigest) === undefined;
    if (isMatch) this.#fuzzyUntil = null;
  }

  #reached(end: ImageDigest, zxid: bigint): DigestMismatch | undefined {
    if (zxid < end.zxid) return undefined;
    this.#fuzzyUntil = null;
    return zxid === end.zxid ? this.#compare(end.version, end.value) : undefined;
  }

  #compare(version: number, digest: bigint): DigestMismatch | undefined {
    if (!this.#enabled || version !== DIGEST_VERSION || this.#tree.is(digest)) return undefined;
    return { expected: BigInt.asUintN(64, digest), actual: this.#tree.value };
  }
}
