import { OPEN_ACL as OPEN, type ACL } from '@zk/protocol';

/** The list of the znodes the server makes itself; never in the ACL map of an image (storage.md 3.2). */
export const OPEN_ACL_ID = -1;

const OPEN_ACL: ACL[] = [...OPEN];

/** Nobody may do anything: stands in for a list that an image refers to but does not have. */
const NOBODY: ACL[] = [{ perms: 0, id: { scheme: 'world', id: 'anyone' } }];

interface Entry {
  readonly key: string;
  readonly acl: ACL[];
  uses: number;
}

/** Every distinct ACL list once, with the number of znodes that use it. An unused list is dropped; ids only grow. */
export class AclTable {
  readonly #entries = new Map<number, Entry>();
  readonly #ids = new Map<string, number>();
  readonly #pinned: number[] = [];
  #lastId = 0;
  /** Told of every list that comes (its uses may come later) and goes. */
  onChange: ((id: number, acl: readonly ACL[] | null) => void) | null = null;

  get size(): number {
    return this.#entries.size;
  }

  /** Counts one more use of the list and gives its id. */
  intern(acl: readonly ACL[]): number {
    const key = keyOf(acl);
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#lastId + 1;
      this.load(id, acl, key);
    }
    this.#entries.get(id)!.uses += 1;
    return id;
  }

  /** Counts one use less. */
  release(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return; // the open ACL
    entry.uses -= 1;
    if (entry.uses === 0) this.#drop(id, entry);
  }

  get(id: number): ACL[] {
    return this.#entries.get(id)?.acl ?? OPEN_ACL;
  }

  /** Enters a list of an image under the image's id, not used yet. */
  load(id: number, acl: readonly ACL[], key = keyOf(acl)): void {
    const copy = acl.map(copyAcl);
    this.#entries.set(id, { key, acl: copy, uses: 0 });
    this.onChange?.(id, copy);
    this.#ids.set(key, id);
    this.#lastId = Math.max(this.#lastId, id);
  }

  /**
   * Counts the use of a list by a znode of an image. The ACL map is written before the znodes, so a znode of a fuzzy
   * image may have a younger list than the map; the txn that set it is replayed, until then nobody gets in.
   */
  use(id: number): number {
    if (id === OPEN_ACL_ID) return id;
    const entry = this.#entries.get(id);
    if (entry === undefined) return this.intern(NOBODY);
    entry.uses += 1;
    return id;
  }

  has(id: number): boolean {
    return id === OPEN_ACL_ID || this.#entries.has(id);
  }

  /** Keeps every list there is now until {@link unpin}: znodes that use it may not have been counted. */
  pin(): void {
    for (const [id, entry] of this.#entries) {
      entry.uses += 1;
      this.#pinned.push(id);
    }
  }

  unpin(): void {
    for (const id of this.#pinned.splice(0)) this.release(id);
  }

  dropUnused(): void {
    for (const [id, entry] of this.#entries) if (entry.uses === 0) this.#drop(id, entry);
  }

  *[Symbol.iterator](): Iterator<{ id: bigint; acl: ACL[] }> {
    for (const [id, { acl }] of this.#entries) yield { id: BigInt(id), acl };
  }

  #drop(id: number, entry: Entry): void {
    this.#entries.delete(id);
    if (this.#ids.get(entry.key) === id) this.#ids.delete(entry.key);
    this.onChange?.(id, null);
  }
}

/** Lengths keep entries apart whatever their text is. */
function keyOf(acl: readonly ACL[]): string {
  let key = '';
  for (const { perms, id } of acl) key += `${perms} ${id.scheme.length} ${id.id.length} ${id.scheme}${id.id}`;
  return key;
}

const copyAcl = ({ perms, id }: ACL): ACL => ({ perms, id: { scheme: id.scheme, id: id.id } });
